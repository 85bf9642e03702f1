/** The topics a producer sends to: each is looked up once, for as long as messages may wait for it, and again when it has changed. */
import { badMessage } from '../../batch/message-parts.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import { RingMQError } from '../../wire/index.js';
import { pause } from '../abort.js';
import type { BrokerLink, Brokers, TopicPlace } from '../brokers.js';
import { asRingMQError } from '../failures.js';
import type { PendingMessage } from './pending-message.js';
import type { ProduceLane } from './produce-lane.js';
import { type RoutePart, TopicRoute } from './topic-route.js';

/** Between two tries to learn what has become of a topic. */
const LOOK_UP_AGAIN_MS = 250;

/** Whose messages wait for topics. */
export interface RoutesOwner {
  /** The producer's way to a broker. */
  laneTo(link: BrokerLink): ProduceLane;
  /** The topic is known: these waited for it, in order. */
  onFound(route: TopicRoute, waiting: readonly PendingMessage[]): void;
  /** These waited for their topic in vain. */
  onNotFound(waiting: readonly PendingMessage[], error: RingMQError): void;
  /** Another way takes this one's place: what is open goes where it was packed for. */
  onGivenUp(route: TopicRoute): void;
  /** Some messages wait no longer. */
  onProgress(): void;
}

export class TopicRoutes {
  readonly #brokers: Brokers;
  readonly #timeoutMs: number;
  readonly #movesKeys: boolean;
  readonly #owner: RoutesOwner;
  readonly #routes = new Map<string, TopicRoute>();
  #last: TopicRoute | null = null;

  constructor(
    brokers: Brokers,
    { timeoutMs, movesKeys }: { timeoutMs: number; movesKeys: boolean },
    owner: RoutesOwner,
  ) {
    this.#brokers = brokers;
    this.#timeoutMs = timeoutMs;
    this.#movesKeys = movesKeys;
    this.#owner = owner;
  }

  /** The way to a topic, which may not be known yet. Throws `BAD_MESSAGE` for what is no string. */
  to(topic: unknown): TopicRoute {
    const last = this.#last;
    return last !== null && last.topic === topic ? last : this.#other(topic);
  }

  #other(topic: unknown): TopicRoute {
    if (typeof topic !== 'string') {
      throw badMessage('topic', `must be a string, not ${typeof topic}`);
    }
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = new TopicRoute(topic, this.#movesKeys);
      this.#routes.set(topic, route);
      void this.#resolve(route);
    }
    this.#last = route;
    return route;
  }

  /** Asks for the topic, for as long as messages may wait for it, then gives them back. */
  async #resolve(route: TopicRoute): Promise<void> {
    route.isAsking = true;
    for (;;) {
      try {
        route.isOutdated = false;
        route.resolve(this.#partsAt(await this.#lookUp(route)));
        const waiting = route.pending;
        route.pending = [];
        this.#owner.onFound(route, waiting);
        break;
      } catch (error) {
        const failure = asRingMQError(error);
        this.#failOverdue(route, failure);
        if (route.pending.length === 0) {
          this.drop(route.topic);
          break;
        }
      }
      await pause(LOOK_UP_AGAIN_MS);
    }
    this.#owner.onProgress();
    this.#asked(route);
  }

  #partsAt(places: readonly TopicPlace[]): RoutePart[] {
    let first = 0;
    return places.map(({ link, info }) => {
      const part = { lane: this.#owner.laneTo(link), info, first };
      first += info.queues;
      return part;
    });
  }

  /** Rejects with `TIMEOUT` when the message that has waited longest may wait no longer. */
  #lookUp(route: TopicRoute): Promise<readonly TopicPlace[]> {
    const now = monotonicMs();
    const waitMs = Math.max(0, (route.pending[0]?.deadline ?? now + this.#timeoutMs) - now);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const { trouble } = this.#brokers;
        const why = trouble === null ? '' : `; there is no connection: ${trouble.message}`;
        reject(
          new RingMQError(
            'TIMEOUT',
            `topic ${route.topic} was not found out within ${this.#timeoutMs} ms${why}`,
            {
              details: { topic: route.topic },
            },
          ),
        );
      }, waitMs);
      const answer = this.#brokers.places(route.topic);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** After a failed look-up: all its messages fail, or those whose time is over if it may succeed yet. */
  #failOverdue(route: TopicRoute, failure: RingMQError): void {
    const now = monotonicMs();
    const waiting = route.pending;
    route.pending = failure.retryable ? waiting.filter(({ deadline }) => deadline > now) : [];
    this.#owner.onNotFound(
      failure.retryable ? waiting.filter(({ deadline }) => deadline <= now) : waiting,
      failure,
    );
    this.#owner.onProgress();
  }

  /** The way to the topic, if it is known, is forgotten; one that is being asked for is asked for again. */
  forget(topic: string): void {
    this.#brokers.forget(topic);
    const route = this.#routes.get(topic);
    if (route?.isKnown === true) {
      this.#giveUp(route);
    } else if (route !== undefined) {
      route.isOutdated = true;
    }
  }

  /** Looks again where the topic is, null: each of them, while messages go on as before. */
  lookAgain(topic: string | null): void {
    for (const route of this.#routes.values()) {
      if (topic === null || topic === route.topic) {
        void this.#lookAgain(route);
      }
    }
  }

  /** Several brokers are asked at once, and one may change while another has not answered: one question after the other. */
  async #lookAgain(route: TopicRoute): Promise<void> {
    if (route.isAsking) {
      route.isOutdated = true;
      return;
    }
    route.isAsking = true;
    route.isOutdated = false;
    let now = route;
    try {
      const places = await this.#brokers.places(route.topic);
      if (this.#routes.get(route.topic) === route && !isSame(route.parts, places)) {
        this.#giveUp(route);
        now = new TopicRoute(route.topic, this.#movesKeys);
        now.resolve(this.#partsAt(places));
        this.#routes.set(route.topic, now);
      }
    } catch {
      // As it was, until somebody who has it says otherwise.
    }
    now.isOutdated = route.isOutdated;
    this.#asked(now);
  }

  /** The brokers have answered. */
  #asked(route: TopicRoute): void {
    route.isAsking = false;
    if (route.isOutdated && this.known(route.topic) === route) {
      void this.#lookAgain(route);
    }
  }

  /** All ways that are known are forgotten. What the client remembers of topics goes by itself with the link. */
  forgetAll(): void {
    for (const route of [...this.#routes.values()]) {
      if (route.isKnown) {
        this.#giveUp(route);
      }
    }
  }

  #giveUp(route: TopicRoute): void {
    this.#owner.onGivenUp(route);
    this.drop(route.topic);
  }

  /** The way to the topic, if it is known. */
  known(topic: string): TopicRoute | undefined {
    const route = this.#routes.get(topic);
    return route?.isKnown === true ? route : undefined;
  }

  drop(topic: string): void {
    this.#routes.delete(topic);
    if (this.#last?.topic === topic) {
      this.#last = null;
    }
  }

  /** Messages that wait for their topics, of one topic after the other. They wait no longer. */
  takePending(): PendingMessage[][] {
    const taken: PendingMessage[][] = [];
    for (const route of this.#routes.values()) {
      taken.push(route.pending);
      route.pending = [];
    }
    return taken;
  }

  /** Lowest running number of a message that waits for its topic; Infinity if none does. */
  lowestNumber(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const route of this.#routes.values()) {
      lowest = Math.min(lowest, route.pending[0]?.number ?? lowest);
    }
    return lowest;
  }
}

function isSame(parts: readonly RoutePart[], places: readonly TopicPlace[]): boolean {
  return (
    parts.length === places.length &&
    parts.every(({ lane, info }, i) => {
      const place = places[i] as TopicPlace;
      return (
        lane.link === place.link && info.topicId === place.info.topicId && info.queues === place.info.queues
      );
    })
  );
}
