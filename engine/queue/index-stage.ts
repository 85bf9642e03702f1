/**
 * The index stage: takes published batches in their order in the ring, gives each its place in its queue,
 * stamps its header, and tells its writer. A role: any thread of the broker runs it right after publishing.
 * One batch at a time, as a plan written into the journal and then its execution, so that a thread terminated
 * anywhere in between leaves nothing half done that the next holder cannot finish (index-journal-layout.ts).
 */
import { BATCH, readUint32, SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import { RingMQError } from '../../native-free/wire/errors.js';
import { type HeaderStamp, stampHeader } from '../batch/header.js';
import { diskErrorCode } from '../disk/disk.js';
import type { Ring } from '../ring/ring.js';
import { PAD_MARK, WORD } from '../ring/ring-layout.js';
import type { Term } from '../term/term.js';
import type { IndexFiles } from './index-files.js';
import { JOURNAL, JOURNAL_F, JOURNAL_KIND, JOURNAL_PHASE } from './index-journal-layout.js';
import { type IndexStageOptions, indexParts } from './index-parts.js';
import type { IndexPlanner } from './index-planner.js';
import type { MemoryGate } from './memory-gate.js';
import type { ProducerTable } from './producer-table.js';
import type { QueueAppender } from './queue-appender.js';
import type { QueueTable } from './queue-table.js';
import { LANE } from './queue-table-layout.js';
import type { ResultWriter } from './result-ring.js';
import { type ReplayDeps, replayBatch } from './table-replay.js';
import { readTables, type TableFacts, type TableSnapshot, writeTables } from './table-snapshot.js';

export class IndexStage {
  readonly #ring: Ring;
  readonly #lane: number;
  readonly #table: QueueTable;
  readonly #files: IndexFiles;
  readonly #appender: QueueAppender;
  readonly #producers: ProducerTable;
  readonly #results: ResultWriter;
  readonly #planner: IndexPlanner;
  /** Memory lane only. */
  readonly #gate: MemoryGate | null;
  readonly #replayDeps: ReplayDeps;
  readonly #journal: Int32Array;
  readonly #journalF: Float64Array;
  readonly #stamp: HeaderStamp;
  readonly #term: Term;
  #touchedLow = 0;
  #touchedHigh = 0;
  readonly #maxBatches: number;
  #hasMore = false;
  #stalledBy: unknown = null;

  constructor(options: IndexStageOptions) {
    const { ring, lane, table, files } = options;
    const parts = indexParts(options);
    this.#ring = ring;
    this.#lane = lane;
    this.#table = table;
    this.#files = files;
    this.#journal = parts.journal;
    this.#journalF = parts.journalF;
    this.#maxBatches = options.maxBatches ?? Number.POSITIVE_INFINITY;
    this.#appender = parts.appender;
    this.#producers = parts.producers;
    this.#results = parts.results;
    this.#planner = parts.planner;
    this.#replayDeps = parts;
    this.#gate = parts.gate;
    this.#term = options.term;
    this.#stamp = {
      position: 0,
      flushed: 0,
      epoch: 0,
      baseOffset: 0,
      storeTime: 0,
      isPad: false,
    };
  }

  /** The disk error that keeps an index block from being stored; null when all is well. Every run tries again. */
  get stalledBy(): unknown {
    return this.#stalledBy;
  }

  /** Whether the last `tryRun` stopped at `maxBatches`. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /**
   * Indexes everything published, if nobody else is at it; who is will see what was published before this
   * call. True when it came further, or (memory lane) has given space back to writers.
   * @throws only on a defect
   */
  tryRun(seat: number): boolean {
    let advanced = false;
    this.#hasMore = false;
    // Who finds nothing to do, or another one at it, is not held up.
    this.#stalledBy = null;
    while (this.#hasWork() && this.#ring.indexRole.tryTake(seat)) {
      try {
        advanced = this.#run(this.#maxBatches) || advanced;
      } finally {
        this.#ring.indexRole.release(seat);
      }
      // Look again: who published meanwhile has found the role taken.
      if (this.#hasMore || this.#stalledBy !== null || this.#ring.mark(this.#ring.indexed()) === 0) {
        break;
      }
    }
    return advanced;
  }

  /** As `tryRun`, for a caller that holds the role already, or is alone. */
  run(): boolean {
    return this.#run(Number.POSITIVE_INFINITY);
  }

  /**
   * Calls `visit` for each seat that since the last call got a result, or was told that a queue moved, by
   * this object: the threads to wake.
   */
  takeTouched(visit: (seat: number) => void): void {
    let low = this.#touchedLow;
    let high = this.#touchedHigh;
    this.#touchedLow = 0;
    this.#touchedHigh = 0;
    for (; low !== 0; low &= low - 1) {
      visit(31 - Math.clz32(low & -low));
    }
    for (; high !== 0; high &= high - 1) {
      visit(63 - Math.clz32(high & -high));
    }
  }

  /**
   * Recovery, on one thread, before anything is published: applies a batch that is in the log already.
   * `header`: its stamped 96 bytes. Batches come in the order of the log; what the restored snapshot has is
   * passed over, so are pads and batches of topics that are gone.
   * @throws the disk's errors (storing an index block)
   */
  replay(header: Uint8Array, position: number): void {
    replayBatch(this.#replayDeps, header, position);
  }

  /**
   * Everything the log lane's tables know, as of all batches below `position`; null when another thread is
   * indexing (try again). Holds the role for about 1 µs a queue. Before the snapshot is made durable the log
   * must be flushed up to `position`, and index blocks below `nextBlock` synced (`IndexFiles.sync`).
   */
  snapshotTables(seat: number): TableSnapshot | null {
    if (!this.#ring.indexRole.tryTake(seat)) {
      return null;
    }
    try {
      this.run();
      const tables = writeTables(this.#table, this.#producers, this.#ring.toBytes(this.#ring.indexed()));
      return { ...tables, epoch: this.#term.epoch };
    } finally {
      this.#ring.indexRole.release(seat);
    }
  }

  /**
   * Recovery, with all queues opened: brings back what a snapshot has of them; `replay` goes on from its
   * `position`. null, and nothing changed, when it is damaged or index files it needs are missing: then
   * `IndexFiles.deleteAll` and replay the whole log.
   */
  restoreTables(bytes: Uint8Array): TableFacts | null {
    return readTables(this.#table, this.#producers, bytes, (facts) => {
      return this.#files.missing(facts.firstBlock, facts.nextBlock).length === 0;
    });
  }

  #run(maxBatches: number): boolean {
    const before = this.#ring.indexed();
    this.#stalledBy = null;
    try {
      this.#finishLast();
      let left = maxBatches;
      while (left > 0 && this.#step()) {
        left--;
      }
      this.#hasMore = left === 0;
    } catch (error) {
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
      this.#stalledBy = error;
    }
    const hasFreed = this.#gate?.move() ?? false;
    return hasFreed || this.#ring.indexed() !== before;
  }

  #hasWork(): boolean {
    const ring = this.#ring;
    return (
      ring.mark(ring.indexed()) !== 0 ||
      Atomics.load(this.#journal, JOURNAL.phase) !== JOURNAL_PHASE.idle ||
      this.#gate?.isDue() === true
    );
  }

  /** Finishes what a holder that was terminated has begun. */
  #finishLast(): void {
    const journal = this.#journal;
    const phase = Atomics.load(journal, JOURNAL.phase);
    if (phase === JOURNAL_PHASE.idle) {
      return;
    }
    if (journal[JOURNAL.position] === this.#ring.indexed()) {
      if (phase === JOURNAL_PHASE.doing) {
        this.#execute();
        return;
      }
      this.#appender.unlock(journal[JOURNAL.slot] as number);
    }
    Atomics.store(journal, JOURNAL.phase, JOURNAL_PHASE.idle);
  }

  /** Indexes one batch or pad; false when none is published. */
  #step(): boolean {
    const position = this.#ring.indexed();
    const mark = this.#ring.mark(position);
    if (mark === 0) {
      return false;
    }
    const at = this.#ring.place(position);
    const length = readUint32(this.#ring.bytes, at + BATCH.length);
    if (length < SLOT_BYTES || length > this.#ring.spanBytes) {
      throw new RingMQError(
        'INTERNAL',
        `a batch of ${length} bytes was published at ring position ${position}`,
      );
    }
    const isFollower = this.#lane === LANE.log && this.#term.isFollower;
    if (isFollower && mark === PAD_MARK) {
      // Its follower died over it. The log may hold nothing that its master's has not: it ends here until it
      // is opened again.
      return false;
    }
    if (isFollower) {
      this.#planner.planFollowed(this.#ring.bytes, at, position, this.#ring.toBytes(position));
    } else {
      this.#planner.plan(this.#ring.bytes, at, position, this.#ring.toBytes(position), mark);
    }
    // The record is whole before it counts.
    Atomics.store(this.#journal, JOURNAL.phase, JOURNAL_PHASE.doing);
    this.#execute();
    return true;
  }

  /** Does what the journal says; from the start again, if somebody else has begun. @throws the disk's errors, with nothing done */
  #execute(): void {
    const ring = this.#ring;
    const journal = this.#journal;
    const position = journal[JOURNAL.position] as number;
    const kind = journal[JOURNAL.kind] as number;
    const storeTime = this.#journalF[JOURNAL_F.storeTime] as number;
    if (kind === JOURNAL_KIND.follow) {
      this.#follow(position);
    } else {
      this.#stampHeader(position, kind === JOURNAL_KIND.pad || kind === JOURNAL_KIND.refuse, storeTime);
      if (kind === JOURNAL_KIND.append) {
        this.#append();
      }
      if (kind !== JOURNAL_KIND.pad) {
        this.#wantSync(position);
        this.#tellWriter(position);
      }
    }
    this.#table.keepStoreTime(this.#lane, storeTime);
    ring.clearMark(position);
    ring.setIndexed((position + (journal[JOURNAL.slots] as number)) | 0);
    Atomics.store(journal, JOURNAL.phase, JOURNAL_PHASE.idle);
  }

  #follow(position: number): void {
    if ((this.#journal[JOURNAL.slot] as number) >= 0) {
      this.#append();
    } else {
      this.#producers.apply();
    }
    this.#wantSync(position);
    const epoch = readUint32(this.#ring.bytes, this.#ring.place(position) + BATCH.epoch);
    if (epoch !== this.#term.epoch) {
      this.#term.setEpoch(epoch);
    }
  }

  #stampHeader(position: number, isPad: boolean, storeTime: number): void {
    const ring = this.#ring;
    const stamp = this.#stamp;
    stamp.position = this.#journalF[JOURNAL_F.logPosition] as number;
    stamp.flushed = this.#lane === LANE.log ? ring.toBytes(ring.flushed()) : 0;
    stamp.epoch = this.#term.epoch;
    stamp.baseOffset = this.#journalF[JOURNAL_F.baseOffset] as number;
    stamp.storeTime = storeTime;
    stamp.isPad = isPad;
    stampHeader(ring.bytes, ring.place(position), stamp);
  }

  #append(): void {
    const slot = this.#journal[JOURNAL.slot] as number;
    // Unlocked is done: the queue may even have gone and another one have its slot.
    if (this.#appender.isLocked(slot)) {
      try {
        this.#appender.apply();
      } catch (error) {
        if (diskErrorCode(error) !== undefined) {
          this.#appender.unlock(slot);
          Atomics.store(this.#journal, JOURNAL.phase, JOURNAL_PHASE.idle);
        }
        throw error;
      }
      this.#appender.unlock(slot);
    }
    this.#producers.apply();
    this.#tellWatchers(slot);
  }

  #tellWatchers(slot: number): void {
    let low = this.#table.watchers(slot, false);
    let high = this.#table.watchers(slot, true);
    this.#touchedLow |= low;
    this.#touchedHigh |= high;
    for (; low !== 0; low &= low - 1) {
      this.#table.markMoved(31 - Math.clz32(low & -low), slot);
    }
    for (; high !== 0; high &= high - 1) {
      this.#table.markMoved(63 - Math.clz32(high & -high), slot);
    }
  }

  /** A batch that somebody waits to have on disk asks for it. */
  #wantSync(position: number): void {
    const journal = this.#journal;
    if (journal[JOURNAL.syncFlush] === 1) {
      const end = (position + (journal[JOURNAL.slots] as number)) | 0;
      this.#ring.want(WORD.syncWanted, end);
    }
  }

  #tellWriter(position: number): void {
    const journal = this.#journal;
    const journalF = this.#journalF;
    const seat = journal[JOURNAL.seat] as number;
    this.#results.put(
      seat,
      journal[JOURNAL.resultSequence] as number,
      journal[JOURNAL.status] as number,
      journal[JOURNAL.flags] as number,
      position,
      journalF[JOURNAL_F.resultPosition] as number,
      journalF[JOURNAL_F.resultOffset] as number,
      journalF[JOURNAL_F.resultTime] as number,
    );
    if (seat < 32) {
      this.#touchedLow |= 1 << seat;
    } else {
      this.#touchedHigh |= 1 << (seat - 32);
    }
  }
}
