/**
 * Damage in a queue's log or index: what counts as such, and where behind it something can be read again.
 */
import { BATCH_HEADER_BYTES, isRingMQError } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { diskErrorCode, isShortage } from '../disk/index.js';
import type { TopicEntry } from '../engine-thread.js';
import type { LogReader } from '../log/index.js';
import type { QueueIndex, QueueTable } from '../queue/index.js';
import { IndexEntry } from '../queue/index.js';
import type { Ring } from '../ring/index.js';

/** Damaged batches in a row that one call passes over. */
const MAX_SKIPPED_BATCHES = 256;

/** Used by one call at a time. */
const BATCH_THERE = new IndexEntry();
const HEADER = new Uint8Array(BATCH_HEADER_BYTES);

/** Where batches are found, and read once the ring has moved on. */
export interface LogSources {
  readonly queueIndex: QueueIndex;
  readonly queueTable: QueueTable;
  readonly logReader: LogReader;
}

/** A queue as somebody reads it. */
export interface ReadQueue {
  readonly topic: TopicEntry;
  readonly queueId: number;
  readonly slot: number;
}

/** What is damaged, and where. */
export interface MetDamage extends Pick<ReadQueue, 'topic' | 'queueId'> {
  readonly offset: number;
  /** What is wrong there. */
  readonly damage: string;
  /** Where in the log it is; below 0: nobody knows. */
  readonly damagePosition: number;
  /** Of log from `damagePosition` on; 0: nobody knows. */
  readonly damageBytes: number;
}

/**
 * The offset behind what cannot be read from `from` on, in a row: a sector, a page or a whole stretch may
 * have gone. `from` itself where the batch can be read, and no further than what one call looks at.
 */
export function behindDamage(sources: LogSources, ring: Ring, slot: number, from: number): number {
  const last = sources.queueTable.nextOffset(slot);
  let offset = from;
  try {
    for (let batches = 0; batches < MAX_SKIPPED_BATCHES && offset < last; batches++) {
      const end = unreadableEnd(sources, ring, slot, offset);
      if (end <= offset) {
        break;
      }
      offset = Math.min(end, last);
    }
  } catch (error) {
    if (!isShortage(error)) {
      throw error;
    }
    // No descriptor to look further with: the next read finds out.
  }
  return offset;
}

/** Only what says that this place cannot be read counts as damage: not a want of descriptors, nor a defect. */
export function throwUnlessDamage(error: unknown): void {
  const isDamage = isRingMQError(error) && error.code === 'LOG_CORRUPT';
  if (isShortage(error) || (!isDamage && diskErrorCode(error) === undefined)) {
    throw error;
  }
}

/** `offset` itself when the batch there can be read, else an offset behind what cannot. */
function unreadableEnd(sources: LogSources, ring: Ring, slot: number, offset: number): number {
  const { queueIndex, logReader, queueTable } = sources;
  const batch = BATCH_THERE;
  try {
    if (!queueIndex.find(slot, offset, batch)) {
      return offset;
    }
  } catch (error) {
    throwUnlessDamage(error);
    return firstThatIsFound(queueIndex, slot, offset, queueTable.nextOffset(slot), batch);
  }
  if (batch.baseOffset > offset) {
    return batch.baseOffset;
  }
  if (batch.position >= ring.toBytes(ring.gate())) {
    return offset;
  }
  try {
    const got = logReader.read(batch.position, HEADER.length, HEADER, 0);
    return got === HEADER.length && headerIsValid(HEADER, 0, batch.position)
      ? offset
      : batch.baseOffset + batch.count;
  } catch (error) {
    throwUnlessDamage(error);
    return batch.baseOffset + batch.count;
  }
}

/**
 * An index block cannot be read, and with it not those before it that only it leads to. The first offset
 * behind `offset` whose block is found, by doubling the step and halving it again; the queue's newest batches
 * are in shared memory and always are.
 */
function firstThatIsFound(
  index: QueueIndex,
  slot: number,
  offset: number,
  last: number,
  entry: IndexEntry,
): number {
  let bad = offset;
  let step = 1;
  while (bad + step < last && !isFound(index, slot, bad + step, entry)) {
    bad += step;
    step *= 2;
  }
  let good = Math.min(bad + step, last);
  while (good - bad > 1) {
    const middle = Math.floor((bad + good) / 2);
    if (isFound(index, slot, middle, entry)) {
      good = middle;
    } else {
      bad = middle;
    }
  }
  return good;
}

function isFound(index: QueueIndex, slot: number, offset: number, entry: IndexEntry): boolean {
  try {
    index.find(slot, offset, entry);
    return true;
  } catch (error) {
    throwUnlessDamage(error);
    return false;
  }
}
