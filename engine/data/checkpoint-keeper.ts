/**
 * When checkpoints are made: each `checkpointBytes` of log, and some seconds after the last writing, so that
 * a restart reads little. The snapshots, of the queue tables and of the state, are copies in memory, the
 * tables' taken under the index role; files are written by a job on another thread once the log is flushed up
 * to them.
 */
import { clearInterval, monotonicMs, setInterval } from '../../native-free/time/index.js';
import { diskErrorCode, type OpenedDir, whyLost } from '../disk/index.js';
import { keepSegmentsFrom } from '../log/index.js';
import type { QueueEnd } from '../meta/index.js';
import type { ResolvedEngineOptions } from '../options.js';
import { type IndexStage, queueEndsIn, type TableSnapshot } from '../queue/index.js';
import { type Ring, WORD } from '../ring/index.js';
import { diagnose } from '../stats/index.js';
import { JobPool } from '../thread/job-pool.js';
import { type CheckpointJob, writeCheckpointFiles } from './checkpoint-files.js';

/** What the state is taken from; the control log is one. */
export interface StateSource {
  /** Puts all that is said of the state into the log. False: that is not done yet, so that no snapshot can be taken. */
  flush(): boolean;
  /** As of the log below `position`, where the queues end as `ends` says. */
  snapshot(position: number, ends: Iterable<QueueEnd>): StateCopy;
}

export interface StateCopy {
  readonly bytes: Uint8Array;
  /** What is in the copy is on disk in the log, too, when that is flushed up to here, in bytes. */
  isCovered(flushed: number): boolean;
}

interface Snapshots {
  readonly tables: TableSnapshot;
  readonly state: StateCopy;
}

const TICK_MS = 250;
const IDLE_THREAD_MS = 30_000;
/** A log with less than this in all is read again sooner than a thread is started, and has no segment that could go. */
const FIRST_BYTES = 4 * 1024;
/** A log that has moved at all is checkpointed after this long. */
const IDLE_CHECKPOINT_MS = 10_000;

export interface CheckpointPlace {
  dir: OpenedDir;
  segmentBytes: number;
}

/** What a checkpoint is taken from. */
export interface CheckpointKeeperDeps {
  readonly logRing: Ring;
  readonly logIndex: IndexStage;
  /** Of the thread that takes the snapshots. */
  readonly seat: number;
  readonly state: StateSource;
  /** Whether one may be made of a log that ends there. Throws disk errors. */
  mayPass(end: number): boolean;
}

export class CheckpointKeeper {
  readonly #deps: CheckpointKeeperDeps;
  readonly #place: CheckpointPlace;
  readonly #everyBytes: number;
  readonly #warn: (message: string) => void;
  readonly #pool: JobPool;
  readonly #timer: NodeJS.Timeout;
  #pending: Snapshots | null = null;
  #running: Promise<void> | null = null;
  #lastPosition = -1;
  /** Of the last one, or of the opening: a new log's first one comes like every other, not while its first clients come. */
  #lastTime = monotonicMs();
  /** The last try failed: said once, and tried again only after a while. */
  #hasFailed = false;

  constructor(
    deps: CheckpointKeeperDeps,
    place: CheckpointPlace,
    options: ResolvedEngineOptions,
    warn: (message: string) => void,
  ) {
    this.#deps = deps;
    this.#place = place;
    this.#everyBytes = options.checkpointBytes;
    this.#warn = warn;
    this.#pool = new JobPool({
      file: new URL('./checkpoint-job.js', import.meta.url),
      idleMs: IDLE_THREAD_MS,
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /** No new ones; waits for the one that is being written. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#pool.close();
  }

  /** The last one, at a clean close: everything is flushed, nobody writes. */
  last(): void {
    const snapshot = this.#takeSnapshots();
    if (snapshot === null) {
      return;
    }
    const job = this.#job(snapshot);
    if (job.flushed < job.position) {
      return; // The disk failed or is full: the old checkpoint is the one to recover from.
    }
    try {
      writeCheckpointFiles(job);
    } catch (error) {
      this.#warn(`the last checkpoint could not be written: ${String(error)}`);
    }
  }

  #tick(): void {
    const { logRing } = this.#deps;
    if (this.#running !== null) {
      return;
    }
    if (this.#pending === null) {
      const indexed = logRing.toBytes(logRing.indexed());
      const now = monotonicMs();
      const hasMoved = this.#lastPosition < 0 ? indexed >= FIRST_BYTES : indexed !== this.#lastPosition;
      const long = hasMoved && now - this.#lastTime >= IDLE_CHECKPOINT_MS;
      const far = !this.#hasFailed && indexed - this.#lastPosition >= this.#everyBytes;
      if (!far && !long) {
        return;
      }
      this.#pending = this.#takeSnapshots();
    }
    const pending = this.#pending;
    const flushed = logRing.toBytes(logRing.flushed());
    if (pending !== null && flushed >= pending.tables.position && pending.state.isCovered(flushed)) {
      this.#pending = null;
      this.#running = this.#write(this.#job(pending));
    }
  }

  /** Of one place in the log: the state has everything below it. null: not now. */
  #takeSnapshots(): Snapshots | null {
    const { logIndex, logRing, seat, state } = this.#deps;
    if (!this.#mayPass(logRing.toBytes(logRing.indexed())) || !state.flush()) {
      return null;
    }
    const tables = logIndex.snapshotTables(seat);
    return tables === null
      ? null
      : { tables, state: state.snapshot(tables.position, queueEndsIn(tables.bytes)) };
  }

  #mayPass(end: number): boolean {
    try {
      return this.#deps.mayPass(end);
    } catch (error) {
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
      return false; // Whoever writes the log tells of the disk.
    }
  }

  #job({ tables, state }: Snapshots): CheckpointJob {
    const { logRing } = this.#deps;
    return {
      dir: this.#place.dir,
      state: state.bytes,
      tables: tables.bytes,
      position: tables.position,
      firstBlock: tables.firstBlock,
      nextBlock: tables.nextBlock,
      flushed: logRing.toBytes(logRing.flushed()),
      epoch: tables.epoch,
    };
  }

  async #write(job: CheckpointJob): Promise<void> {
    const begun = monotonicMs();
    const tell = (event: 'written' | 'failed'): void =>
      diagnose('checkpoint', { event, position: job.position, ms: monotonicMs() - begun });
    try {
      await this.#pool.run(job);
      tell('written');
      this.#lastPosition = job.position;
      this.#hasFailed = false;
      // Retention may take what lies before: no recovery will want it.
      const { logRing } = this.#deps;
      keepSegmentsFrom(logRing.control, WORD.spare, job.position, this.#place.segmentBytes);
    } catch (error) {
      tell('failed');
      // A directory that is another's by now is told by whoever ends the log for it.
      if (!this.#hasFailed && whyLost(this.#place.dir) === undefined) {
        this.#warn(
          `a checkpoint could not be written, it is tried again every ten seconds: ${String(error)}`,
        );
      }
      this.#hasFailed = true;
    } finally {
      this.#lastTime = monotonicMs();
      this.#running = null;
    }
  }
}
