/**
 * What the control batches of a log add up to: its topics, its groups and how far they have come, its epochs.
 * Applying the records of a snapshot and then those of the log behind it, in order, gives the state; {@link
 * MetaState.records} gives a snapshot's records back. A broker applies its own records as it writes them, and
 * a recovery, or another broker that follows this log, applies them as it reads them.
 */
import { RingMQError } from '../../native-free/wire/index.js';
import { AccessState } from './access-state.js';
import { AuditState } from './audit-state.js';
import {
  type ControlRecord,
  type GroupPausedRecord,
  type OffsetsRecord,
  QUEUE_NUMBERS,
  type QueueBeginsRecord,
  type QueueEndsRecord,
  type TopicCreatedRecord,
} from './control-records.js';
import { EpochHistory } from './epoch-history.js';
import { OffsetTable } from './offset-table.js';
import { type QueueEnd, QueueEnds, queueEndRecords } from './queue-ends.js';
import { TopicTombstones } from './topic-tombstones.js';

/** A topic as it is stored. */
export type StoredTopic = Omit<TopicCreatedRecord, 'type'>;

export class MetaState {
  /** Called after each record that was applied. */
  onApplied: ((record: ControlRecord) => void) | null = null;
  /** Never goes back, so that no id is given out twice. */
  nextTopicId = 1;
  /** By topic id. */
  readonly topics = new Map<number, StoredTopic>();
  readonly #idByName = new Map<string, number>();
  readonly tombstones = new TopicTombstones();
  readonly epochs = new EpochHistory();
  readonly offsets = new OffsetTable();
  readonly starts = new OffsetTable();
  readonly expired = new OffsetTable();
  readonly ends = new QueueEnds();
  /** Where queues begin by what their topic's retention has taken. */
  readonly begins = new QueueEnds();
  readonly resets = new OffsetTable();
  /** Groups that somebody asked for, with when, ms since 1970. */
  readonly createdGroups = new Map<string, number>();
  /** Groups that have been without members for a while, with how long, ms. */
  readonly idleMs = new Map<string, number>();
  /** Groups that get nothing, with the ids of the topics of which; 0: of all. */
  readonly pausedGroups = new Map<string, Set<number>>();
  readonly access = new AccessState();
  readonly audit = new AuditState();

  /**
   * Applying a record again, or to a state that has what came later, is no error; once all that came later
   * was applied again too, the state is what it was.
   * @throws RingMQError LOG_CORRUPT for a record that contradicts what is there, or that this version does
   * not know
   */
  apply(record: ControlRecord): void {
    this.#apply(record);
    this.onApplied?.(record);
  }

  /** True for a group that was asked for, has committed, or has begun somewhere. */
  hasGroup(group: string): boolean {
    return this.createdGroups.has(group) || this.offsets.hasGroup(group) || this.starts.hasGroup(group);
  }

  /**
   * The records that make this state. Offsets on memory topics are left out: they end with the process.
   * `ends`: where queues end, as the queue table has it.
   */
  *records(ends: Iterable<QueueEnd> = []): Generator<ControlRecord> {
    for (const start of this.epochs.starts) {
      yield { type: 'epoch', ...start };
    }
    yield { type: 'topicIds', nextTopicId: this.nextTopicId };
    for (const topic of this.topics.values()) {
      yield { type: 'topicCreated', ...topic };
    }
    for (const tombstone of this.tombstones.values()) {
      yield { type: 'topicTombstone', ...tombstone };
    }
    for (const kind of QUEUE_NUMBERS) {
      for (const entry of this[kind].entries()) {
        if (this.topics.get(entry.topicId)?.memory === false) {
          yield { type: kind, ...entry };
        }
      }
    }
    for (const entry of this.ends.entries()) {
      yield { type: 'queueEnds', ...entry };
    }
    yield* queueEndRecords(ends);
    for (const entry of this.begins.entries()) {
      yield { type: 'queueBegins', ...entry };
    }
    for (const [group, createdTime] of this.createdGroups) {
      yield { type: 'groupCreated', group, createdTime };
    }
    for (const [group, idleMs] of this.idleMs) {
      if (this.hasGroup(group)) {
        yield { type: 'groupIdle', group, idleMs };
      }
    }
    for (const [group, topics] of this.pausedGroups) {
      for (const topicId of topics) {
        yield { type: 'groupPaused', group, topicId, paused: true };
      }
    }
    yield* this.access.records();
    for (const entry of this.audit.from(0)) {
      yield { type: 'audit', ...entry };
    }
  }

  #apply(record: ControlRecord): void {
    switch (record.type) {
      case 'epoch':
        this.epochs.add(record);
        return;
      case 'topicIds':
        this.nextTopicId = Math.max(this.nextTopicId, record.nextTopicId);
        return;
      case 'topicCreated':
        this.#create(record);
        return;
      case 'topicDeleted':
        this.#forgetTopic(record.topicId);
        this.tombstones.add(record);
        this.#raiseTopicIds(record.topicId);
        return;
      case 'topicTombstone':
        this.tombstones.add(record);
        this.#raiseTopicIds(record.topicId);
        return;
      case 'offsets':
      case 'starts':
      case 'expired':
      case 'resets':
        this.#setNumbers(record);
        return;
      case 'queueEnds':
        this.#raise(this.ends, record);
        return;
      case 'queueBegins':
        this.#raise(this.begins, record);
        return;
      case 'startsDropped':
        this.starts.drop(record.group, record.topicId);
        return;
      case 'groupCreated':
        this.createdGroups.set(record.group, record.createdTime);
        return;
      case 'groupDeleted':
        this.createdGroups.delete(record.group);
        this.idleMs.delete(record.group);
        this.pausedGroups.delete(record.group);
        for (const kind of QUEUE_NUMBERS) {
          this[kind].dropGroup(record.group);
        }
        return;
      case 'groupPaused':
        this.#setPaused(record);
        return;
      case 'groupIdle':
        if (record.idleMs > 0) {
          this.idleMs.set(record.group, record.idleMs);
        } else {
          this.idleMs.delete(record.group);
        }
        return;
      case 'user':
      case 'role':
      case 'principalGone':
        this.access.apply(record);
        return;
      case 'audit': {
        const { type: _type, ...entry } = record;
        this.audit.add(entry);
        return;
      }
      default:
        throw new RingMQError(
          'LOG_CORRUPT',
          `there is a control record of the unknown type '${String((record as { type: unknown }).type)}'; was it written by a newer version?`,
        );
    }
  }

  /** The group gets nothing of the topic until it is resumed. */
  isPaused(group: string, topicId: number): boolean {
    const topics = this.pausedGroups.get(group);
    return topics !== undefined && (topics.has(0) || topics.has(topicId));
  }

  #setPaused({ group, topicId, paused }: GroupPausedRecord): void {
    const topics = this.pausedGroups.get(group) ?? new Set<number>();
    // Numbers on a topic that is not there are not taken, and neither is this.
    if (paused && (topicId === 0 || this.topics.has(topicId))) {
      topics.add(topicId);
    } else {
      topics.delete(topicId);
    }
    if (topics.size === 0) {
      this.pausedGroups.delete(group);
    } else {
      this.pausedGroups.set(group, topics);
    }
  }

  #create(record: TopicCreatedRecord): void {
    const { topic, topicId, queues, memory, createdTime, sets } = record;
    const known = this.topics.get(topicId);
    if (known !== undefined && known.topic !== topic) {
      throw new RingMQError(
        'LOG_CORRUPT',
        `the topic id ${topicId} is of '${known.topic}' and is created again for '${topic}'`,
      );
    }
    // A name has one topic: the record that ended the one before may have been lost.
    const other = this.#idByName.get(topic);
    if (other !== undefined && other !== topicId) {
      this.#forgetTopic(other);
    }
    this.#idByName.set(topic, topicId);
    // A topic only gets more queues; what is applied again may be of when it had fewer.
    const most = Math.max(queues, known?.queues ?? 0);
    const { retentionMs, retentionSetTime } = newerRetention(known, record);
    this.topics.set(topicId, {
      ...{ topic, topicId, queues: most, memory, createdTime },
      ...(sets === undefined ? {} : { sets }),
      ...(retentionMs === undefined ? {} : { retentionMs }),
      ...(retentionSetTime === undefined ? {} : { retentionSetTime }),
    });
    this.#raiseTopicIds(topicId);
    if (known !== undefined && most > known.queues) {
      // Who reads the topic already gets all of what comes into the new queues, wherever it began on the others.
      this.offsets.grow(topicId, known.queues, most);
      this.starts.grow(topicId, known.queues, most);
    }
  }

  #forgetTopic(topicId: number): void {
    const { topic } = this.topics.get(topicId) ?? { topic: '' };
    if (this.#idByName.get(topic) === topicId) {
      this.#idByName.delete(topic);
    }
    this.topics.delete(topicId);
    for (const kind of QUEUE_NUMBERS) {
      this[kind].dropTopic(topicId);
    }
    this.ends.dropTopic(topicId);
    this.begins.dropTopic(topicId);
    for (const group of [...this.pausedGroups.keys()]) {
      this.#setPaused({ type: 'groupPaused', group, topicId, paused: false });
    }
  }

  #raiseTopicIds(used: number): void {
    this.nextTopicId = Math.max(this.nextTopicId, used + 1);
  }

  #raise(table: QueueEnds, { topicId, pairs }: QueueEndsRecord | QueueBeginsRecord): void {
    const queues = this.topics.get(topicId)?.queues ?? 0;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const queueId = pairs[i] as number;
      if (queueId < queues) {
        table.raise(topicId, queues, queueId, pairs[i + 1] as number);
      }
    }
  }

  #setNumbers({ type, group, topicId, pairs }: OffsetsRecord): void {
    const queues = this.topics.get(topicId)?.queues ?? 0;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const queueId = pairs[i] as number;
      // Offsets of a topic that has been deleted meanwhile are of no use, and no sign of damage.
      if (queueId < queues) {
        this[type].set(group, topicId, queues, queueId, pairs[i + 1] as number);
      }
    }
  }
}

type SaidRetention = Pick<StoredTopic, 'retentionMs' | 'retentionSetTime'>;

/** What was said last. What is applied again may be of before. */
function newerRetention(known: SaidRetention | undefined, said: SaidRetention): SaidRetention {
  const isOlder = known !== undefined && (known.retentionSetTime ?? 0) > (said.retentionSetTime ?? 0);
  return isOlder ? known : said;
}
