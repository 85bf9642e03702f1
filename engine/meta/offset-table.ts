/**
 * A number for each queue that a group has to do with, in memory: group → topic id → one number for each
 * queue. A flat array for a group's hold on a topic, because a group that reads a topic reads all of its
 * queues.
 */

/** Returned by {@link OffsetTable.get} where nothing is committed. */
export const NOT_COMMITTED = -1;

export class OffsetTable {
  readonly #groups = new Map<string, Map<number, Float64Array>>();

  /** Groups with at least one committed offset. */
  get groupCount(): number {
    return this.#groups.size;
  }

  groups(): IterableIterator<string> {
    return this.#groups.keys();
  }

  hasGroup(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Ids of the topics that the group has a committed offset on. */
  topicsOf(group: string): number[] {
    return [...(this.#groups.get(group)?.keys() ?? [])];
  }

  /** The next offset to read, or {@link NOT_COMMITTED}. */
  get(group: string, topicId: number, queueId: number): number {
    return this.#groups.get(group)?.get(topicId)?.[queueId] ?? NOT_COMMITTED;
  }

  /** Sets it, backwards too; `queues` is how many the topic has, and `queueId` lies below it. */
  set(group: string, topicId: number, queues: number, queueId: number, offset: number): void {
    let topics = this.#groups.get(group);
    if (topics === undefined) {
      topics = new Map();
      this.#groups.set(group, topics);
    }
    let offsets = topics.get(topicId);
    if (offsets === undefined) {
      offsets = new Float64Array(queues).fill(NOT_COMMITTED);
      topics.set(topicId, offsets);
    } else if (queueId >= offsets.length) {
      offsets = longer(offsets, queues, NOT_COMMITTED);
      topics.set(topicId, offsets);
    }
    offsets[queueId] = offset;
  }

  /** The topic has `to` queues now, where it had `from`: every group that has a hold on it is at 0 on the new ones. */
  grow(topicId: number, from: number, to: number): void {
    for (const topics of this.#groups.values()) {
      const offsets = topics.get(topicId);
      if (offsets !== undefined && offsets.length < to) {
        topics.set(topicId, longer(offsets, to, NOT_COMMITTED).fill(0, from));
      }
    }
  }

  /** Forgets a group's hold on a topic, and the group if it had nothing else. */
  drop(group: string, topicId: number): void {
    const topics = this.#groups.get(group);
    if (topics?.delete(topicId) === true && topics.size === 0) {
      this.#groups.delete(group);
    }
  }

  dropGroup(group: string): void {
    this.#groups.delete(group);
  }

  /** Forgets a topic in every group, and the groups that had nothing else. */
  dropTopic(topicId: number): void {
    for (const [group, topics] of this.#groups) {
      if (topics.delete(topicId) && topics.size === 0) {
        this.#groups.delete(group);
      }
    }
  }

  /** Every group's hold on every topic: `pairs` is queue id, offset, queue id, offset, … of what is committed. */
  *entries(): Generator<{ group: string; topicId: number; pairs: number[] }> {
    for (const group of this.#groups.keys()) {
      yield* this.entriesOf(group);
    }
  }

  /** As {@link entries}, of one group. */
  *entriesOf(group: string): Generator<{ group: string; topicId: number; pairs: number[] }> {
    for (const [topicId, offsets] of this.#groups.get(group) ?? []) {
      const pairs: number[] = [];
      for (let queueId = 0; queueId < offsets.length; queueId++) {
        const offset = offsets[queueId] as number;
        if (offset !== NOT_COMMITTED) {
          pairs.push(queueId, offset);
        }
      }
      yield { group, topicId, pairs };
    }
  }
}

/** A copy that is `length` long, with `fill` in what is new. */
function longer(offsets: Float64Array, length: number, fill: number): Float64Array {
  const copy = new Float64Array(length).fill(fill, offsets.length);
  copy.set(offsets);
  return copy;
}
