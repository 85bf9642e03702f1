/**
 * What groups have changed and the log has not been told yet. Only the last of each counts: a queue's newest
 * offset replaces the one before, a group's deletion replaces all. So what waits is bounded by how many
 * groups and queues there are, however long the disk is full.
 */
import type { ControlRecord, QueueNumbers } from '../meta/control-records.js';

/** More deleted groups are not remembered: those forgotten are there again after a crash, and go of age again. */
const MAX_GONE = 65_536;

type QueueMap = Map<number, number>;

/** One group's. */
interface GroupChange {
  /** It was deleted, and has come again. */
  readonly isNew: boolean;
  /** Topic id → queue id → number. */
  readonly numbers: Record<QueueNumbers, Map<number, QueueMap>>;
  /** Topic ids on which its starts were forgotten, before the ones in `numbers`. */
  readonly droppedStarts: Set<number>;
  idleMs: number | null;
}

/** A record of one group that need not be on disk at once. */
export type GroupRecord = Extract<ControlRecord, { type: 'startsDropped' | 'groupDeleted' | 'groupIdle' }>;

export class GroupChanges {
  #changed = new Map<string, GroupChange>();
  #gone = new Set<string>();

  get isEmpty(): boolean {
    return this.#changed.size === 0 && this.#gone.size === 0;
  }

  number(kind: QueueNumbers, group: string, topicId: number, queueId: number, value: number): void {
    const topics = this.#changeOf(group).numbers[kind];
    let queues = topics.get(topicId);
    if (queues === undefined) {
      queues = new Map();
      topics.set(topicId, queues);
    }
    queues.set(queueId, value);
  }

  add(record: GroupRecord): void {
    const { group } = record;
    if (record.type === 'groupDeleted') {
      this.#changed.delete(group);
      this.#gone.delete(group);
      this.#gone.add(group);
      this.#forgetOldest();
      return;
    }
    const change = this.#changeOf(group);
    if (record.type === 'groupIdle') {
      change.idleMs = record.idleMs;
      return;
    }
    change.numbers.starts.delete(record.topicId);
    change.droppedStarts.add(record.topicId);
  }

  /** All of it as records, which is forgotten here. */
  take(): ControlRecord[] {
    const records: ControlRecord[] = [];
    for (const group of this.#gone) {
      records.push({ type: 'groupDeleted', group });
    }
    for (const [group, change] of this.#changed) {
      if (change.isNew) {
        records.push({ type: 'groupDeleted', group });
      }
      pushNumbers(records, 'resets', group, change);
      pushNumbers(records, 'offsets', group, change);
      for (const topicId of change.droppedStarts) {
        records.push({ type: 'startsDropped', group, topicId });
      }
      pushNumbers(records, 'starts', group, change);
      pushNumbers(records, 'expired', group, change);
      if (change.idleMs !== null) {
        records.push({ type: 'groupIdle', group, idleMs: change.idleMs });
      }
    }
    this.#changed = new Map();
    this.#gone = new Set();
    return records;
  }

  #changeOf(group: string): GroupChange {
    let change = this.#changed.get(group);
    if (change === undefined) {
      const numbers = { resets: new Map(), offsets: new Map(), starts: new Map(), expired: new Map() };
      change = { isNew: this.#gone.delete(group), numbers, droppedStarts: new Set(), idleMs: null };
      this.#changed.set(group, change);
    }
    return change;
  }

  #forgetOldest(): void {
    for (const oldest of this.#gone) {
      if (this.#gone.size <= MAX_GONE) {
        return;
      }
      this.#gone.delete(oldest);
    }
  }
}

function pushNumbers(records: ControlRecord[], type: QueueNumbers, group: string, change: GroupChange): void {
  for (const [topicId, queues] of change.numbers[type]) {
    const pairs: number[] = [];
    for (const [queueId, value] of queues) {
      pairs.push(queueId, value);
    }
    records.push({ type, group, topicId, pairs });
  }
}
