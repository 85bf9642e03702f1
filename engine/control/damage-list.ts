/** What could not be read of the queues since the broker was opened, for `describeTopic` and the host's log. */
import type { QueueDamage } from '../../native-free/wire/index.js';

/** What a thread says of damage that one of its readers has met. */
export interface DamageReport {
  topicId: number;
  queueId: number;
  /** First offset that cannot be read. */
  offset: number;
  /** Log position in bytes; null: only the index is damaged, or nothing is left. */
  position: number | null;
  /** Of log from there on; 0: nobody knows. */
  bytes: number;
  message: string;
}

/** Places listed for one queue, and for the broker. Each is some 200 bytes. What is beyond is told to who reads it, and not listed. */
export const MAX_DAMAGE_PER_QUEUE = 100;
export const MAX_DAMAGE = 10_000;

export class DamageList {
  readonly #byTopic = new Map<number, Map<number, QueueDamage[]>>();
  #count = 0;

  /** True when that is news. */
  add({ topicId, queueId, offset, position, message }: DamageReport): boolean {
    let queues = this.#byTopic.get(topicId);
    if (queues === undefined) {
      queues = new Map();
      this.#byTopic.set(topicId, queues);
    }
    const known = queues.get(queueId) ?? [];
    if (
      known.length >= MAX_DAMAGE_PER_QUEUE ||
      this.#count >= MAX_DAMAGE ||
      known.some((damage) => damage.offset === offset)
    ) {
      return false;
    }
    known.push({ offset, position, code: 'LOG_CORRUPT', message });
    known.sort((a, b) => a.offset - b.offset);
    queues.set(queueId, known);
    this.#count++;
    return true;
  }

  /** In the order of offsets. */
  of(topicId: number, queueId: number): readonly QueueDamage[] {
    return this.#byTopic.get(topicId)?.get(queueId) ?? [];
  }

  /** What lay in this stretch of the log can be read again. */
  repaired(from: number, to: number): void {
    for (const queues of this.#byTopic.values()) {
      for (const [queueId, known] of queues) {
        const left = known.filter(({ position }) => position === null || position < from || position >= to);
        this.#count -= known.length - left.length;
        queues.set(queueId, left);
      }
    }
  }

  /** The topic was deleted. */
  forget(topicId: number): void {
    for (const known of this.#byTopic.get(topicId)?.values() ?? []) {
      this.#count -= known.length;
    }
    this.#byTopic.delete(topicId);
  }
}
