/** Topics that were deleted a short while ago, so that a broker that was away then does not bring them back. */
import type { TopicDeletedRecord } from './control-records.js';

/** A deleted topic. */
export type TopicTombstone = Omit<TopicDeletedRecord, 'type'>;

/** Seven days: a broker that was away for longer may bring a topic back. */
export const TOMBSTONE_MS = 7 * 86_400_000;
/** More are not kept; the oldest go first. */
export const MAX_TOMBSTONES = 65_536;

export class TopicTombstones {
  /** By name, the oldest deletion first: of a name that of the newest topic counts, whatever the clock said. */
  readonly #byName = new Map<string, TopicTombstone>();

  get size(): number {
    return this.#byName.size;
  }

  values(): IterableIterator<TopicTombstone> {
    return this.#byName.values();
  }

  get(topic: string): TopicTombstone | undefined {
    return this.#byName.get(topic);
  }

  add({ topic, topicId, createdTime, deletedTime }: TopicTombstone): void {
    const known = this.#byName.get(topic);
    const isOlder =
      known !== undefined &&
      (known.createdTime > createdTime ||
        (known.createdTime === createdTime && known.deletedTime > deletedTime));
    if (isOlder) {
      return;
    }
    this.#byName.delete(topic);
    this.#byName.set(topic, { topic, topicId, createdTime, deletedTime });
    for (const oldest of this.#byName.keys()) {
      if (this.#byName.size <= MAX_TOMBSTONES) {
        break;
      }
      this.#byName.delete(oldest);
    }
  }

  /** Forgets what was deleted more than {@link TOMBSTONE_MS} before `now`, ms since 1970. */
  expire(now: number): void {
    for (const [topic, { deletedTime }] of this.#byName) {
      if (now - deletedTime > TOMBSTONE_MS) {
        this.#byName.delete(topic);
      }
    }
  }
}
