/**
 * What a client knows of its cluster's routes: asked of one name server at a time, anew after each change it
 * tells of and every 30 s. When no name server answers, the last route goes on.
 */
import { clearInterval, monotonicMs, setInterval } from '../../time/index.js';
import { type ClusterRoute, RingMQError, type SetRoute, type TopicRoute } from '../../wire/index.js';
import { pause, unref } from '../abort.js';
import type { Connection } from '../link/connection.js';

const ASK_MS = 30_000;
/** Between two questions at least, however often it is said that the route has changed. */
const MIN_ASK_MS = 50;
/** Topics asked for: so many at once, and then so many a second. A name server ends connections that ask for far more. */
const TOPIC_BURST = 256;
const TOPICS_PER_SECOND = 1_000;
/** A name server that is younger may not have heard of every broker yet: what it does not know stays as it was. */
const YOUNG_MS = 60_000;
/** A set that no name server knows is kept for so long. */
const KEEP_MS = 120_000;

export class RouteKeeper {
  readonly #connection: Connection;
  readonly #cluster: string | null;
  readonly #onChange: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  /** In the order of their names. */
  #sets: readonly SetRoute[] = [];
  #name: string;
  readonly #absentSince = new Map<string, number>();
  #asking: Promise<void> | null = null;
  #isStale = false;
  #isClosed = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  /** What {@link #onChange} was called for last. */
  #told = '';
  /** When the next topic may be asked for at an even pace. */
  #nextTopicAt = 0;

  /** `onChange`: the route is another one. */
  constructor(connection: Connection, cluster: string | null, onChange: () => void) {
    this.#connection = connection;
    this.#cluster = cluster;
    this.#name = cluster ?? 'default';
    this.#onChange = onChange;
    this.#timer = setInterval(() => this.refresh(), ASK_MS);
    unref(this.#timer);
  }

  get cluster(): string {
    return this.#name;
  }

  get sets(): readonly SetRoute[] {
    return this.#sets;
  }

  setRoute(set: string): SetRoute | undefined {
    return this.#sets.find((route) => route.set === set);
  }

  /** Asks for the first time. Rejects as a request does. */
  async first(signal: AbortSignal | undefined): Promise<void> {
    this.#take(await this.#ask(signal));
  }

  /** The route may have changed. Asked once more if that is said while it is being asked. */
  refresh(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isStale = true;
    this.#asking ??= this.#askWhileStale().finally(() => {
      this.#asking = null;
    });
  }

  /** Which sets have the topic, as the name server knows. Rejects with `TOPIC_NOT_FOUND`, `CONNECTION_LOST` and the like. */
  async topicRoute(topic: string): Promise<TopicRoute> {
    const now = monotonicMs();
    this.#nextTopicAt = Math.max(this.#nextTopicAt, now) + 1_000 / TOPICS_PER_SECOND;
    const waitMs = this.#nextTopicAt - now - TOPIC_BURST * (1_000 / TOPICS_PER_SECOND);
    if (waitMs > 0) {
      await pause(waitMs);
    }
    return this.#connection.requests.call(
      'topicRoute',
      { topic, cluster: this.#cluster },
      { onlyNow: true, timeoutMs: 1_000 },
    );
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  #ask(signal: AbortSignal | undefined): Promise<ClusterRoute> {
    return this.#connection.requests.call('route', { cluster: this.#cluster }, { signal });
  }

  async #askWhileStale(): Promise<void> {
    while (this.#isStale && !this.#isClosed) {
      await this.#paced();
      this.#isStale = false;
      try {
        this.#take(await this.#ask(undefined));
      } catch {
        // The last route goes on; the next welcome of a name server, and the timer, ask again.
        return;
      }
    }
  }

  async #paced(): Promise<void> {
    const waitMs = this.#askedAt + MIN_ASK_MS - monotonicMs();
    if (waitMs > 0) {
      await pause(waitMs);
    }
    this.#askedAt = monotonicMs();
  }

  #take(route: ClusterRoute): void {
    if (!Array.isArray(route.sets)) {
      throw new RingMQError('BAD_FRAME', 'the name server answered with a route without sets');
    }
    this.#name = route.cluster;
    const sets = new Map(route.sets.map((set) => [set.set, set]));
    const isYoung = route.upMs < YOUNG_MS;
    const now = monotonicMs();
    for (const before of this.#sets) {
      const set = sets.get(before.set);
      if (set !== undefined) {
        this.#absentSince.delete(before.set);
        if (isYoung && set.master === null && set.slaves.length === 0) {
          sets.set(before.set, before);
        }
        continue;
      }
      const since = this.#absentSince.get(before.set) ?? now;
      this.#absentSince.set(before.set, since);
      if (now - since < KEEP_MS) {
        sets.set(before.set, isYoung ? before : { set: before.set, master: null, slaves: [] });
      } else {
        this.#absentSince.delete(before.set);
      }
    }
    this.#sets = [...sets.values()].sort((a, b) => (a.set < b.set ? -1 : 1));
    // The version, of one connection, tells of topics, too. It is asked for far more often than anything
    // changes: each try to reach a set that is away asks.
    const told = JSON.stringify([this.#connection.requests.link, route.version, this.#sets]);
    if (told !== this.#told) {
      this.#told = told;
      this.#onChange();
    }
  }
}
