/**
 * What is to become of one published batch: judged, and written into the index journal before anything is
 * done. Reads shared memory and changes none of it but the journal and the lock of the batch's queue.
 */
import {
  BATCH,
  BATCH_ATTRIBUTE,
  BATCH_TYPE,
  readUint16,
  readUint32,
  readUint64,
} from '../../native-free/wire/batch-layout.js';
import { ERRORS } from '../../native-free/wire/errors.js';
import { ACK_FLAG_DUPLICATE } from '../../native-free/wire/frame-layout.js';
import { PAD_MARK } from '../ring/ring-layout.js';
import { JOURNAL, JOURNAL_F, JOURNAL_KIND, JOURNAL_PHASE, PRODUCER_CHANGE } from './index-journal-layout.js';
import { PRODUCER_VERDICT, type ProducerTable } from './producer-table.js';
import type { QueueAppender } from './queue-appender.js';
import type { QueueTable } from './queue-table.js';
import type { ResultWriter } from './result-ring.js';
import { storeTimeAfter } from './store-time.js';

export interface IndexPlannerDeps {
  lane: number;
  table: QueueTable;
  appender: QueueAppender;
  producers: ProducerTable;
  results: ResultWriter;
  clock: () => number;
  /** Whether a batch that wants to be on disk must ask for it. */
  asksForSync: boolean;
  journal: Int32Array;
  journalF: Float64Array;
}

export class IndexPlanner {
  readonly #lane: number;
  readonly #table: QueueTable;
  readonly #appender: QueueAppender;
  readonly #producers: ProducerTable;
  readonly #results: ResultWriter;
  readonly #clock: () => number;
  readonly #asksForSync: boolean;
  readonly #journal: Int32Array;
  readonly #journalF: Float64Array;

  constructor(deps: IndexPlannerDeps) {
    this.#lane = deps.lane;
    this.#table = deps.table;
    this.#appender = deps.appender;
    this.#producers = deps.producers;
    this.#results = deps.results;
    this.#clock = deps.clock;
    this.#asksForSync = deps.asksForSync;
    this.#journal = deps.journal;
    this.#journalF = deps.journalF;
  }

  /** Plans the batch or pad whose header is at `at`, published with `mark`. Its journal record is then whole, but for its phase. */
  plan(bytes: Uint8Array, at: number, position: number, logPosition: number, mark: number): void {
    const journal = this.#journal;
    journal[JOURNAL.position] = position;
    journal[JOURNAL.slots] = (readUint32(bytes, at + BATCH.length) + 63) >>> 6;
    journal[JOURNAL.slot] = -1;
    journal[JOURNAL.producerChange] = PRODUCER_CHANGE.none;
    this.#journalF[JOURNAL_F.logPosition] = logPosition;
    this.#journalF[JOURNAL_F.storeTime] = storeTimeAfter(
      this.#table.lastStoreTime(this.#lane),
      this.#clock(),
    );
    if (mark === PAD_MARK) {
      journal[JOURNAL.kind] = JOURNAL_KIND.pad;
      return;
    }
    journal[JOURNAL.seat] = mark - 1;
    journal[JOURNAL.resultSequence] = this.#results.sequence(mark - 1);
    const attributes = readUint16(bytes, at + BATCH.attributes);
    journal[JOURNAL.syncFlush] = this.#asksForSync && (attributes & BATCH_ATTRIBUTE.syncFlush) !== 0 ? 1 : 0;
    if (bytes[at + BATCH.type] === BATCH_TYPE.control) {
      this.#planControl();
    } else {
      this.#planBatch(bytes, at);
    }
  }

  /**
   * Plans a batch, or pad, that this broker's master has stamped: it goes where its header says. A batch of a
   * queue that is not there (any more), or has it already, is passed over, as a replay does.
   */
  planFollowed(bytes: Uint8Array, at: number, position: number, logPosition: number): void {
    const journal = this.#journal;
    const journalF = this.#journalF;
    journal[JOURNAL.position] = position;
    journal[JOURNAL.slots] = (readUint32(bytes, at + BATCH.length) + 63) >>> 6;
    journal[JOURNAL.slot] = -1;
    journal[JOURNAL.producerChange] = PRODUCER_CHANGE.none;
    journal[JOURNAL.kind] = JOURNAL_KIND.follow;
    journal[JOURNAL.syncFlush] = 0;
    journalF[JOURNAL_F.logPosition] = logPosition;
    journalF[JOURNAL_F.storeTime] = readUint64(bytes, at + BATCH.storeTime);
    if (bytes[at + BATCH.type] !== BATCH_TYPE.data) {
      return;
    }
    const attributes = readUint16(bytes, at + BATCH.attributes);
    journal[JOURNAL.syncFlush] = this.#asksForSync && (attributes & BATCH_ATTRIBUTE.syncFlush) !== 0 ? 1 : 0;
    journal[JOURNAL.count] = readUint32(bytes, at + BATCH.recordCount);
    const baseOffset = readUint64(bytes, at + BATCH.baseOffset);
    journalF[JOURNAL_F.baseOffset] = baseOffset;
    if (this.planProducer(bytes, at, true) !== PRODUCER_VERDICT.fresh) {
      journal[JOURNAL.producerChange] = PRODUCER_CHANGE.none;
    }
    this.#planFollowedQueue(bytes, at, baseOffset);
  }

  #planFollowedQueue(bytes: Uint8Array, at: number, baseOffset: number): void {
    const journal = this.#journal;
    const topicId = readUint32(bytes, at + BATCH.topicId);
    const queueId = readUint32(bytes, at + BATCH.queueId);
    const slot = this.#table.find(topicId, queueId);
    if (slot < 0 || this.#table.lane(slot) !== this.#lane || baseOffset < this.#table.nextOffset(slot)) {
      return;
    }
    journal[JOURNAL.slot] = slot;
    Atomics.store(journal, JOURNAL.phase, JOURNAL_PHASE.locking);
    if (!this.#appender.lock(slot, topicId, queueId)) {
      journal[JOURNAL.slot] = -1;
      return;
    }
    if (this.#table.tailPosition(slot) === 0) {
      // The queue's first batches went with segments that this log never had.
      this.#table.setMinOffset(slot, baseOffset);
    }
    this.#appender.plan(slot);
    this.#journalF[JOURNAL_F.baseOffset] = baseOffset;
  }

  /** Plans what the producer table is to remember of the batch. One of {@link PRODUCER_VERDICT}, or a wire error number. */
  planProducer(bytes: Uint8Array, at: number, isReplay = false): number {
    this.#journal[JOURNAL.producerChange] = PRODUCER_CHANGE.none;
    const idLow = readUint32(bytes, at + BATCH.producerId);
    const idHigh = readUint32(bytes, at + BATCH.producerId + 4);
    if ((idLow | idHigh) === 0) {
      return PRODUCER_VERDICT.fresh;
    }
    const epoch = readUint32(bytes, at + BATCH.producerEpoch);
    const sequence = readUint32(bytes, at + BATCH.sequence);
    const fingerprint = fingerprintOf(bytes, at);
    const wasSent = (readUint16(bytes, at + BATCH.attributes) & BATCH_ATTRIBUTE.sentBefore) !== 0;
    const bornTime = readUint64(bytes, at + BATCH.bornTime);
    return this.#producers.plan(idLow, idHigh, epoch, sequence, fingerprint, bornTime, wasSent, isReplay);
  }

  #planBatch(bytes: Uint8Array, at: number): void {
    const journal = this.#journal;
    const journalF = this.#journalF;
    const topicId = readUint32(bytes, at + BATCH.topicId);
    const queueId = readUint32(bytes, at + BATCH.queueId);
    const slot = this.#table.find(topicId, queueId);
    if (slot < 0 || this.#table.lane(slot) !== this.#lane) {
      this.#planRefusal(ERRORS.TOPIC_NOT_FOUND.wire);
      return;
    }
    const verdict = this.planProducer(bytes, at);
    if (verdict !== PRODUCER_VERDICT.fresh) {
      this.#planRefusal(verdict);
      return;
    }
    // Said before it is done, so that a lock is never left without a trace of whose it is.
    journal[JOURNAL.slot] = slot;
    Atomics.store(journal, JOURNAL.phase, JOURNAL_PHASE.locking);
    if (!this.#appender.lock(slot, topicId, queueId)) {
      this.#planRefusal(ERRORS.TOPIC_NOT_FOUND.wire);
      return;
    }
    this.#appender.plan(slot);
    journal[JOURNAL.kind] = JOURNAL_KIND.append;
    journal[JOURNAL.count] = readUint32(bytes, at + BATCH.recordCount);
    journal[JOURNAL.status] = 0;
    journal[JOURNAL.flags] = 0;
    journalF[JOURNAL_F.resultOffset] = journalF[JOURNAL_F.baseOffset] as number;
    journalF[JOURNAL_F.resultPosition] = journalF[JOURNAL_F.logPosition] as number;
    journalF[JOURNAL_F.resultTime] = journalF[JOURNAL_F.storeTime] as number;
  }

  /** Only the broker itself makes these, so there is nothing to refuse. */
  #planControl(): void {
    const journal = this.#journal;
    const journalF = this.#journalF;
    journal[JOURNAL.kind] = JOURNAL_KIND.control;
    journal[JOURNAL.status] = 0;
    journal[JOURNAL.flags] = 0;
    journalF[JOURNAL_F.baseOffset] = 0;
    journalF[JOURNAL_F.resultOffset] = 0;
    journalF[JOURNAL_F.resultPosition] = journalF[JOURNAL_F.logPosition] as number;
    journalF[JOURNAL_F.resultTime] = journalF[JOURNAL_F.storeTime] as number;
  }

  /** `verdict`: a wire error number, or PRODUCER_VERDICT.duplicate (the journal then has the first one's facts). */
  #planRefusal(verdict: number): void {
    const journal = this.#journal;
    const isDuplicate = verdict === PRODUCER_VERDICT.duplicate;
    journal[JOURNAL.kind] = JOURNAL_KIND.refuse;
    journal[JOURNAL.slot] = -1;
    journal[JOURNAL.producerChange] = PRODUCER_CHANGE.none;
    journal[JOURNAL.status] = isDuplicate ? 0 : verdict;
    journal[JOURNAL.flags] = isDuplicate ? ACK_FLAG_DUPLICATE : 0;
    if (!isDuplicate) {
      this.#journalF[JOURNAL_F.resultOffset] = 0;
      this.#journalF[JOURNAL_F.resultPosition] = 0;
      this.#journalF[JOURNAL_F.resultTime] = 0;
    }
  }
}

/** Tells a batch from another one that a producer sends under the same sequence, by its records and its queue. Never 0. */
function fingerprintOf(bytes: Uint8Array, at: number): number {
  const place =
    Math.imul(readUint32(bytes, at + BATCH.topicId), 0x9e3779b1) ^
    Math.imul(readUint32(bytes, at + BATCH.queueId), 0x85ebca6b);
  return readUint32(bytes, at + BATCH.bodyCrc) ^ place || 1;
}
