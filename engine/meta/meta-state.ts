/**
 * What the records of `meta/` add up to: who this broker is, its topics, the groups' committed offsets.
 * Applying the records of a snapshot and then those of the log behind it, in order, gives the state;
 * {@link MetaState.records} gives a snapshot's records back.
 */
import { RingMQError } from '../../native-free/wire/index.js';
import { OffsetTable } from './offset-table.js';

/** Who the data directory belongs to and what its log was laid out with. Made once. */
export interface IdentityRecord {
  type: 'identity';
  /** 16 hexadecimal digits. */
  brokerId: string;
  spanBytes: number;
  segmentBytes: number;
  /** Milliseconds since 1970. */
  createdTime: number;
}

/** The broker's term: raised at every open, by one, or above the log's if that is further. */
export interface EpochRecord {
  type: 'epoch';
  epoch: number;
}

/** The next topic id to be given out; only in snapshots, where deleted topics have left no other trace. */
export interface TopicIdsRecord {
  type: 'topicIds';
  nextTopicId: number;
}

export interface TopicCreatedRecord {
  type: 'topicCreated';
  topic: string;
  topicId: number;
  queues: number;
  memory: boolean;
  createdTime: number;
  /** Queue table slots of its queues, in their order, as runs: first slot, count, first slot, count, … */
  slots: readonly number[];
}

/** The topic and all offsets on it are gone. */
export interface TopicDeletedRecord {
  type: 'topicDeleted';
  topicId: number;
}

/**
 * Numbers of a group on some queues of a topic; the last record wins. `offsets`: what it has committed. `starts`: where it began on
 * queues it has not committed anything on, kept while it has never committed. `expired`: how many messages retention deleted before it read them.
 */
export interface OffsetsRecord {
  type: QueueNumbers;
  group: string;
  topicId: number;
  /** queue id, offset, queue id, offset, … */
  pairs: number[];
}

/** A group that has never committed has left a topic: where it began there is forgotten. */
export interface StartsDroppedRecord {
  type: 'startsDropped';
  group: string;
  topicId: number;
}

/** Somebody asked for the group: it stays until somebody deletes it. */
export interface GroupCreatedRecord {
  type: 'groupCreated';
  group: string;
  /** Milliseconds since 1970. */
  createdTime: number;
}

/** The group and all it had committed is gone. */
export interface GroupDeletedRecord {
  type: 'groupDeleted';
  group: string;
}

/** How long the group has been without members, milliseconds of brokers that ran. */
export interface GroupIdleRecord {
  type: 'groupIdle';
  group: string;
  idleMs: number;
}

/** Which of the tables with a number for each of a group's queues. */
export type QueueNumbers = 'offsets' | 'starts' | 'expired';

export type MetaRecord =
  | IdentityRecord
  | EpochRecord
  | TopicIdsRecord
  | TopicCreatedRecord
  | TopicDeletedRecord
  | OffsetsRecord
  | StartsDroppedRecord
  | GroupCreatedRecord
  | GroupDeletedRecord
  | GroupIdleRecord;

/** A topic as it is stored. */
export type StoredTopic = Omit<TopicCreatedRecord, 'type'>;

export const QUEUE_NUMBERS = ['offsets', 'starts', 'expired'] as const;

export class MetaState {
  identity: Omit<IdentityRecord, 'type'> | null = null;
  epoch = 0;
  /** Never goes back, so that no id is given out twice. */
  nextTopicId = 1;
  /** By topic id. */
  readonly topics = new Map<number, StoredTopic>();
  readonly offsets = new OffsetTable();
  readonly starts = new OffsetTable();
  readonly expired = new OffsetTable();
  /** Groups that somebody asked for, with when, ms since 1970. */
  readonly createdGroups = new Map<string, number>();
  /** Groups that have been without members for a while, with how long, ms. */
  readonly idleMs = new Map<string, number>();

  /** @throws RingMQError LOG_CORRUPT for a record that cannot follow those before it, or that this version does not know. */
  apply(record: MetaRecord): void {
    switch (record.type) {
      case 'identity': {
        const { brokerId, spanBytes, segmentBytes, createdTime } = record;
        this.identity = { brokerId, spanBytes, segmentBytes, createdTime };
        return;
      }
      case 'epoch':
        this.epoch = record.epoch;
        return;
      case 'topicIds':
        this.nextTopicId = Math.max(this.nextTopicId, record.nextTopicId);
        return;
      case 'topicCreated':
        this.#create(record);
        return;
      case 'topicDeleted':
        this.topics.delete(record.topicId);
        for (const kind of QUEUE_NUMBERS) {
          this[kind].dropTopic(record.topicId);
        }
        return;
      case 'offsets':
      case 'starts':
      case 'expired':
        this.#setOffsets(record);
        return;
      case 'startsDropped':
        this.starts.drop(record.group, record.topicId);
        if (!this.hasGroup(record.group)) {
          this.expired.dropGroup(record.group);
          this.idleMs.delete(record.group);
        }
        return;
      case 'groupCreated':
        this.createdGroups.set(record.group, record.createdTime);
        return;
      case 'groupDeleted':
        this.createdGroups.delete(record.group);
        this.idleMs.delete(record.group);
        for (const kind of QUEUE_NUMBERS) {
          this[kind].dropGroup(record.group);
        }
        return;
      case 'groupIdle':
        if (record.idleMs > 0) {
          this.idleMs.set(record.group, record.idleMs);
        } else {
          this.idleMs.delete(record.group);
        }
        return;
      default:
        throw new RingMQError(
          'LOG_CORRUPT',
          `meta has a record of the unknown type '${String((record as { type: unknown }).type)}'; was it written by a newer version?`,
        );
    }
  }

  /** True for a group that was asked for, has committed, or has begun somewhere. */
  hasGroup(group: string): boolean {
    return this.createdGroups.has(group) || this.offsets.hasGroup(group) || this.starts.hasGroup(group);
  }

  /** The records that make this state. Offsets on memory topics are left out: they end with the process. */
  *records(): Generator<MetaRecord> {
    if (this.identity !== null) {
      yield { type: 'identity', ...this.identity };
    }
    yield { type: 'epoch', epoch: this.epoch };
    yield { type: 'topicIds', nextTopicId: this.nextTopicId };
    for (const topic of this.topics.values()) {
      yield { type: 'topicCreated', ...topic };
    }
    for (const kind of QUEUE_NUMBERS) {
      for (const entry of this[kind].entries()) {
        if (this.topics.get(entry.topicId)?.memory === false) {
          yield { type: kind, ...entry };
        }
      }
    }
    for (const [group, createdTime] of this.createdGroups) {
      yield { type: 'groupCreated', group, createdTime };
    }
    for (const [group, idleMs] of this.idleMs) {
      if (this.hasGroup(group)) {
        yield { type: 'groupIdle', group, idleMs };
      }
    }
  }

  #create(record: TopicCreatedRecord): void {
    const { topic, topicId, queues, memory, createdTime, slots } = record;
    if (this.topics.has(topicId)) {
      throw new RingMQError('LOG_CORRUPT', `meta creates the topic id ${topicId} twice`);
    }
    this.topics.set(topicId, { topic, topicId, queues, memory, createdTime, slots });
    this.nextTopicId = Math.max(this.nextTopicId, topicId + 1);
  }

  #setOffsets(record: OffsetsRecord): void {
    const { type, group, topicId, pairs } = record;
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
