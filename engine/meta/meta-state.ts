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

/** A group's committed offsets on some queues of a topic; the last record wins. */
export interface OffsetsRecord {
  type: 'offsets';
  group: string;
  topicId: number;
  /** queue id, offset, queue id, offset, … */
  pairs: number[];
}

export type MetaRecord =
  | IdentityRecord
  | EpochRecord
  | TopicIdsRecord
  | TopicCreatedRecord
  | TopicDeletedRecord
  | OffsetsRecord;

/** A topic as it is stored. */
export type StoredTopic = Omit<TopicCreatedRecord, 'type'>;

export class MetaState {
  identity: Omit<IdentityRecord, 'type'> | null = null;
  epoch = 0;
  /** Never goes back, so that no id is given out twice. */
  nextTopicId = 1;
  /** By topic id. */
  readonly topics = new Map<number, StoredTopic>();
  readonly offsets = new OffsetTable();

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
        this.offsets.dropTopic(record.topicId);
        return;
      case 'offsets':
        this.#setOffsets(record);
        return;
      default:
        throw new RingMQError(
          'LOG_CORRUPT',
          `meta has a record of the unknown type '${String((record as { type: unknown }).type)}'; was it written by a newer version?`,
        );
    }
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
    for (const entry of this.offsets.entries()) {
      if (this.topics.get(entry.topicId)?.memory === false) {
        yield { type: 'offsets', ...entry };
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
    const { group, topicId, pairs } = record;
    const queues = this.topics.get(topicId)?.queues ?? 0;
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const queueId = pairs[i] as number;
      // Offsets of a topic that has been deleted meanwhile are of no use, and no sign of damage.
      if (queueId < queues) {
        this.offsets.set(group, topicId, queues, queueId, pairs[i + 1] as number);
      }
    }
  }
}
