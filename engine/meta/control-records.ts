/**
 * What a control batch says: facts about topics, groups, offsets and epochs, which the log has in one order
 * with the messages. Each record is absolute: it says what is so from here on, not what has changed. So a
 * stretch of the log may be applied twice, or to a newer state, and the state at its end is the same.
 */

import type { AccessRecord, AuditEntry } from '../../native-free/wire/index.js';

export type { AccessRecord };

/** A term of a master begins. The first record of each opening; `position` is where the log ended then. */
export interface EpochRecord {
  type: 'epoch';
  epoch: number;
  /** Log position in bytes: what lies from here on, up to the next one's, is of this epoch. */
  position: number;
  /** Of the broker. */
  name: string;
  /** Milliseconds since 1970, as all times here. */
  time: number;
}

/** The next topic id to be given out; only in snapshots, where deleted topics have left no other trace. */
export interface TopicIdsRecord {
  type: 'topicIds';
  nextTopicId: number;
}

/** There is this topic. Said again, by one id, when it has got more queues, or another retention: it never has fewer queues. */
export interface TopicCreatedRecord {
  type: 'topicCreated';
  topic: string;
  topicId: number;
  queues: number;
  memory: boolean;
  /** Of two topics of one name, on whatever broker sets, the one with the higher is the newer. */
  createdTime: number;
  /** Names of the broker sets that it belongs to; absent: all of the cluster. */
  sets?: readonly string[];
  /** Age from which its messages are not given out any more; absent: the broker's own. */
  retentionMs?: number;
  /** When that was said last; the higher counts. Absent: never. */
  retentionSetTime?: number;
}

/** The topic and all offsets on it are gone. */
export interface TopicDeletedRecord {
  type: 'topicDeleted';
  topic: string;
  topicId: number;
  /** Of the topic, or higher: those of its name up to it are deleted, wherever they are. */
  createdTime: number;
  deletedTime: number;
}

/** What is remembered of a deleted topic for a while; only in snapshots. */
export interface TopicTombstoneRecord extends Omit<TopicDeletedRecord, 'type'> {
  type: 'topicTombstone';
}

/** Which of the tables with a number for each of a group's queues. */
export type QueueNumbers = 'offsets' | 'starts' | 'expired' | 'resets';

/**
 * Numbers of a group on some queues of a topic; the last record wins. `offsets`: what it has committed.
 * `starts`: where it began on queues it has not committed anything on, kept while it has never committed.
 * `expired`: how many messages retention deleted before it read them. `resets`: when an operator last set the
 * offset, ms since 1970, or a little more so that it rises: what was committed elsewhere without knowing of
 * that counts for nothing.
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

/**
 * Where queues of a topic end, as offsets; only in snapshots. The log may not show it any more: all of a
 * queue's batches may have gone with old segments. Never lower than another one before.
 */
export interface QueueEndsRecord {
  type: 'queueEnds';
  topicId: number;
  /** queue id, offset, queue id, offset, … */
  pairs: number[];
}

/**
 * Where queues of a topic begin: what lies before that offset its retention has taken. Said by the master
 * alone, so that all who have the log begin at the same message, whatever their clocks are. Never lower than
 * another one before.
 */
export interface QueueBeginsRecord {
  type: 'queueBegins';
  topicId: number;
  /** queue id, offset, queue id, offset, … */
  pairs: number[];
}

/** Somebody asked for the group: it stays until somebody deletes it. */
export interface GroupCreatedRecord {
  type: 'groupCreated';
  group: string;
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

/** Whether the group gets nothing of the topic. `topicId` 0: of all topics. */
export interface GroupPausedRecord {
  type: 'groupPaused';
  group: string;
  topicId: number;
  paused: boolean;
}

/** Somebody did something administrative, or tried to. The newest are kept. */
export interface AuditRecord extends AuditEntry {
  type: 'audit';
}

export type ControlRecord =
  | EpochRecord
  | TopicIdsRecord
  | TopicCreatedRecord
  | TopicDeletedRecord
  | TopicTombstoneRecord
  | OffsetsRecord
  | QueueEndsRecord
  | QueueBeginsRecord
  | StartsDroppedRecord
  | GroupCreatedRecord
  | GroupDeletedRecord
  | GroupPausedRecord
  | GroupIdleRecord
  | AccessRecord
  | AuditRecord;

/** Whoever applies a reset knows of it before it hears of the offset. */
export const QUEUE_NUMBERS = ['resets', 'offsets', 'starts', 'expired'] as const;
