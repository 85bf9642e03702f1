/**
 * Where queues ended, as far as the log may not show it: its batches of a queue may all have gone with old
 * segments, or have gone before a slave began. Without that, a queue table that is made anew would give their
 * offsets out a second time, and groups that have read them would pass over what is new. And where queues
 * begin, where a topic's retention has taken messages of which the log has the bytes still.
 */
import type { QueueEndsRecord } from './control-records.js';

/** A queue, and the offset behind its last record. */
export interface QueueEnd {
  readonly topicId: number;
  readonly queueId: number;
  readonly end: number;
}

/** A record for each topic. */
export function queueEndRecords(ends: Iterable<QueueEnd>): QueueEndsRecord[] {
  const records = new Map<number, QueueEndsRecord>();
  for (const { topicId, queueId, end } of ends) {
    let record = records.get(topicId);
    if (record === undefined) {
      record = { type: 'queueEnds', topicId, pairs: [] };
      records.set(topicId, record);
    }
    record.pairs.push(queueId, end);
  }
  return [...records.values()];
}

/** An offset of each queue, which never moves down. */
export class QueueEnds {
  /** Topic id → an offset for each queue; 0: nothing is known. */
  readonly #topics = new Map<number, Float64Array>();

  /** 0: nothing is known. */
  get(topicId: number, queueId: number): number {
    return this.#topics.get(topicId)?.[queueId] ?? 0;
  }

  /** Never moves down. `queues` is how many the topic has, and `queueId` lies below it. */
  raise(topicId: number, queues: number, queueId: number, end: number): void {
    let ends = this.#topics.get(topicId);
    if (ends === undefined) {
      ends = new Float64Array(queues);
      this.#topics.set(topicId, ends);
    } else if (queueId >= ends.length) {
      const fewer = ends;
      ends = new Float64Array(queues);
      ends.set(fewer);
      this.#topics.set(topicId, ends);
    }
    ends[queueId] = Math.max(ends[queueId] as number, end);
  }

  /** Topics of which something is known. */
  topicIds(): Iterable<number> {
    return this.#topics.keys();
  }

  dropTopic(topicId: number): void {
    this.#topics.delete(topicId);
  }

  /** The queue table has them. */
  clear(): void {
    this.#topics.clear();
  }

  *entries(): Generator<{ topicId: number; pairs: number[] }> {
    for (const [topicId, ends] of this.#topics) {
      const pairs: number[] = [];
      for (const [queueId, end] of ends.entries()) {
        if (end > 0) {
          pairs.push(queueId, end);
        }
      }
      if (pairs.length > 0) {
        yield { topicId, pairs };
      }
    }
  }
}
