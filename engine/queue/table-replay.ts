/** Recovery: applies batches that are in the log already to the tables, through the same code that indexes new ones. */
import {
  BATCH,
  BATCH_TYPE,
  readUint32,
  readUint64,
  SLOT_BYTES,
} from '../../native-free/wire/batch-layout.js';
import { JOURNAL, JOURNAL_F, PRODUCER_CHANGE } from './index-journal-layout.js';
import type { IndexPlanner } from './index-planner.js';
import { PRODUCER_VERDICT, type ProducerTable } from './producer-table.js';
import type { QueueAppender } from './queue-appender.js';
import type { QueueTable } from './queue-table.js';
import { LANE } from './queue-table-layout.js';

/** The parts of the log lane's index stage that a replay works on. */
export interface ReplayDeps {
  table: QueueTable;
  appender: QueueAppender;
  planner: IndexPlanner;
  producers: ProducerTable;
  journal: Int32Array;
  journalF: Float64Array;
}

/** `IndexStage.replay`; described there. */
export function replayBatch(deps: ReplayDeps, header: Uint8Array, position: number): void {
  const { table, journal, journalF } = deps;
  const storeTime = readUint64(header, BATCH.storeTime);
  if (header[BATCH.type] !== BATCH_TYPE.data) {
    table.keepStoreTime(LANE.log, storeTime);
    return;
  }
  const baseOffset = readUint64(header, BATCH.baseOffset);
  const slot = table.find(readUint32(header, BATCH.topicId), readUint32(header, BATCH.queueId));
  if (slot >= 0 && table.lane(slot) === LANE.log && baseOffset >= table.nextOffset(slot)) {
    appendReplayed(deps, header, slot, position, baseOffset);
  }
  if (deps.planner.planProducer(header, 0, true) !== PRODUCER_VERDICT.fresh) {
    // The snapshot knows it already.
    journal[JOURNAL.producerChange] = PRODUCER_CHANGE.none;
  }
  journalF[JOURNAL_F.logPosition] = position;
  journalF[JOURNAL_F.baseOffset] = baseOffset;
  journalF[JOURNAL_F.storeTime] = storeTime;
  deps.producers.apply();
  table.keepStoreTime(LANE.log, storeTime);
}

function appendReplayed(
  deps: ReplayDeps,
  header: Uint8Array,
  slot: number,
  position: number,
  baseOffset: number,
): void {
  const { table, appender, journal, journalF } = deps;
  if (table.tailPosition(slot) === 0) {
    // The queue's first batches went with old segments.
    table.setMinOffset(slot, baseOffset);
  }
  if (!appender.lock(slot, table.topicId(slot), table.queueId(slot))) {
    return;
  }
  try {
    appender.plan(slot);
    journal[JOURNAL.slot] = slot;
    journal[JOURNAL.slots] = (readUint32(header, BATCH.length) + (SLOT_BYTES - 1)) >>> 6;
    journal[JOURNAL.count] = readUint32(header, BATCH.recordCount);
    journalF[JOURNAL_F.logPosition] = position;
    journalF[JOURNAL_F.baseOffset] = baseOffset;
    appender.apply();
  } finally {
    appender.unlock(slot);
  }
}
