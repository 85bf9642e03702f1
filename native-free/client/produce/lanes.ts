/** A producer's lanes: one to each broker, or broker set, that has a topic it sends to. */
import type { RingMQError } from '../../wire/index.js';
import type { BrokerLink, Brokers } from '../brokers.js';
import { type LaneOwner, ProduceLane } from './produce-lane.js';
import type { IdSource } from './producer-ids.js';
import { Rescue } from './rescue.js';
import type { TopicRoute } from './topic-route.js';
import { topicsAnew } from './topics-anew.js';

export interface LanesOptions {
  maxInFlight: number;
  timeoutMs: number;
  /** null: each lane has those of its connection. */
  ids: IdSource | null;
}

export class Lanes {
  readonly #options: LanesOptions;
  readonly #owner: LaneOwner;
  readonly #lanes = new Map<BrokerLink, ProduceLane>();
  /** The lane to the only broker there is; null: there may be several. */
  readonly #only: ProduceLane | null;
  readonly #rescue: Rescue;
  #isClosed = false;

  /** `routeOf`: the way to a topic, if it is known. */
  constructor(
    brokers: Brokers,
    options: LanesOptions,
    owner: LaneOwner,
    routeOf: (topic: string) => TopicRoute | undefined,
  ) {
    this.#options = options;
    this.#owner = owner;
    this.#rescue = new Rescue({ lanes: () => this.#lanes.values(), routeOf });
    // It is told what becomes of the connection, before there is anything to send.
    this.#only = brokers.only === null ? null : this.to(brokers.only);
  }

  to(link: BrokerLink): ProduceLane {
    let lane = this.#lanes.get(link);
    if (lane === undefined) {
      lane = new ProduceLane(
        link,
        this.#owner,
        this.#options.maxInFlight,
        this.#options.timeoutMs,
        this.#options.ids,
      );
      this.#lanes.set(link, lane);
    }
    return lane;
  }

  /** There will be no link for it any more. */
  remove({ link }: ProduceLane): void {
    this.#lanes.delete(link);
  }

  /** Nothing waits to be sent and nothing is under way. */
  get isIdle(): boolean {
    if (this.#only !== null) {
      return this.#only.isIdle;
    }
    for (const lane of this.#lanes.values()) {
      if (!lane.isIdle) {
        return false;
      }
    }
    return true;
  }

  /** Lowest running number of a message in a closed batch that is not settled; Infinity if all are. */
  lowestNumber(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      lowest = Math.min(lowest, lane.lowestNumber());
    }
    return lowest;
  }

  /** A lane has batches and no link, or they are refused: over a cluster they go elsewhere, if it lasts. */
  onLost({ set }: ProduceLane): void {
    if (set !== null) {
      this.#rescue.soon();
    }
  }

  /** A lane has a link again, or one's broker refuses batches for a while, or a topic's ways are known again: what waits may go there. */
  rescue(): void {
    this.#rescue.now();
  }

  /** Batches under way are for topics as they were at another opening of the broker, or at another broker. */
  async readdress(lane: ProduceLane, topics: ReadonlySet<string>): Promise<void> {
    const found = await topicsAnew(lane.link, topics, () => this.#isClosed);
    if (found !== null) {
      lane.readdress(found);
    }
  }

  /** What is not settled fails. */
  close(error: RingMQError): void {
    this.#isClosed = true;
    this.#rescue.stop();
    for (const lane of this.#lanes.values()) {
      lane.close(error);
    }
  }
}
