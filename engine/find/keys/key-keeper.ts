/**
 * Keeps the key index up with the log: says when there is something to do, which a thread of a pool does. Nothing
 * waits for it, and what it lacks is searched for in the log itself.
 */
import { clearInterval, monotonicMs, setInterval } from '../../../native-free/time/index.js';
import { diskErrorCode, type OpenedDir, OwnedDisk, whyLost } from '../../disk/index.js';
import { type Ring, WORD } from '../../ring/index.js';
import { BROKER_WORD } from '../../term/shared-words.js';
import { JobPool } from '../../thread/job-pool.js';
import type { KeyJob, KeyProgress } from './key-build.js';

const TICK_MS = 500;
/** The first work of an opening comes after this: a start has other things to do. */
const BEGIN_MS = 2_000;
/** So much log without an index is read by each search; what is less is left to it. */
const STEP_BYTES = 16 * 1024 * 1024;
/** The same of log without keys, which costs a search nothing while it is known: only a start has it to read again. */
const KEYLESS_STEP_BYTES = 4 * 1024 * 1024 * 1024;
/** After a failure it is tried again so late. */
const RETRY_MS = 60_000;
/** What could not be read may be readable again, as some disks are: it is tried again so late. */
const HOLES_MS = 600_000;
/** Damage is repaired piece by piece: what lacks it is made again when no further piece has come for so long. */
const REPAIRED_MS = 2_000;
/** A thread without work ends. */
const IDLE_MS = 5_000;

export interface KeyKeeperDeps {
  readonly dir: OpenedDir;
  readonly segmentBytes: number;
  readonly logRing: Ring;
  readonly brokerWords: SharedArrayBuffer;
  readonly minFreeBytes: number;
  /** Where the log began when it was first made. */
  readonly firstPosition: number;
  /** Where it begins now. */
  oldest(): number;
  /** Up to here it is in files, and is given out. */
  committed(): number;
  warn(message: string): void;
}

export class KeyKeeper {
  readonly #deps: KeyKeeperDeps;
  readonly #words: Int32Array;
  readonly #timer: NodeJS.Timeout;
  readonly #pool: JobPool;
  #notBefore = monotonicMs() + BEGIN_MS;
  #progress: KeyProgress | null = null;
  /** Up to here goes the work that is under way, in however many pieces. What comes meanwhile waits until it is due itself. */
  #end = 0;
  #running: Promise<void> | null = null;
  /** From here on no batch has had keys, as long as so many have been counted. */
  #keylessFrom: number | null = null;
  #keyedCount = -1;
  #hasFailed = false;
  #isChanged = false;
  /** When what has holes is looked at again. */
  #holesAt = Number.POSITIVE_INFINITY;
  /** When something was first repaired since that was done. */
  #repairedAt: number | null = null;
  #isClosed = false;

  constructor(deps: KeyKeeperDeps) {
    this.#deps = deps;
    this.#words = new Int32Array(deps.brokerWords);
    this.#pool = new JobPool({ file: new URL('./key-worker.js', import.meta.url), idleMs: IDLE_MS });
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
    // Before anybody writes: all that comes until a batch with keys is counted has none.
    this.#lookForKeys();
  }

  /** From here up to what is committed now no batch has keys; null: nobody knows. */
  keylessFrom(): number | null {
    this.#lookForKeys();
    return this.#keylessFrom;
  }

  /** Retention has taken log, or a part of the index was damaged and is gone: the next tick sees to it. */
  changed(): void {
    this.#isChanged = true;
  }

  /** Damage in the log is repaired: what lacks something for it is made again, soon. */
  repaired(): void {
    const now = monotonicMs();
    this.#repairedAt ??= now;
    // Repairs without an end do not put it off for ever.
    this.#holesAt = Math.min(this.#repairedAt + HOLES_MS, now + REPAIRED_MS);
  }

  /** Does what there is to do, now; resolves when that is done. For tests, which do not wait for timers. */
  async whole(): Promise<void> {
    if (this.#repairedAt !== null) {
      this.#holesAt = monotonicMs();
    }
    await this.#running;
    this.#end = this.#deps.committed();
    do {
      await this.#running;
      this.#begin();
      await this.#running;
    } while (!this.#isClosed && !this.#hasFailed && this.#progress?.hasMore === true);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    // The broker's word that it is being closed ends what is under way; a thread that was ended would leave files open.
    await this.#running;
    await this.#pool.close();
  }

  tick(): void {
    this.#lookForKeys();
    if (this.#running === null && monotonicMs() >= this.#notBefore && this.isDue()) {
      this.#begin();
    }
  }

  /** Whether there is work for a thread. */
  isDue(): boolean {
    const { oldest, committed, segmentBytes } = this.#deps;
    if (this.#progress === null && this.#hasNoFiles()) {
      // As the thread would find it: a little log, and nothing to look at, is no reason to start one.
      this.#progress = { indexedTo: this.#start(), hasMore: false, hasHoles: false };
      this.#isChanged = false;
    }
    if (
      this.#progress === null ||
      this.#progress.hasMore ||
      this.#isChanged ||
      monotonicMs() >= this.#holesAt
    ) {
      return true;
    }
    const from = Math.max(this.#progress.indexedTo, oldest());
    const end = committed();
    const keyedEnd = Math.min(this.#keylessFrom ?? end, end);
    return (
      keyedEnd - from >= STEP_BYTES ||
      end - from >= KEYLESS_STEP_BYTES ||
      (keyedEnd > from && Math.floor(from / segmentBytes) < Math.floor(end / segmentBytes))
    );
  }

  #start(): number {
    return Math.max(this.#deps.oldest(), this.#deps.firstPosition);
  }

  /** Of an index, whole ones or what is left of one. Where it cannot be told, the thread says why. */
  #hasNoFiles(): boolean {
    const { dir } = this.#deps;
    try {
      return new OwnedDisk(dir).readdir(`${dir.path}/index`).length === 0;
    } catch (error) {
      return diskErrorCode(error) === 'ENOENT';
    }
  }

  #begin(): void {
    if (this.#running !== null || this.#isClosed) {
      return;
    }
    const { dir, segmentBytes, logRing, brokerWords, minFreeBytes, committed } = this.#deps;
    if (this.#progress?.hasMore !== true) {
      this.#end = committed();
    }
    const job: KeyJob & { control: Int32Array; spare: number } = {
      dir,
      segmentBytes,
      spanBytes: logRing.spanBytes,
      start: this.#start(),
      end: this.#end,
      keylessFrom: this.keylessFrom(),
      verifies: this.#progress === null || monotonicMs() >= this.#holesAt,
      brokerWords,
      minFreeBytes,
      control: logRing.control,
      spare: WORD.spare,
    };
    this.#isChanged = false;
    this.#running = this.#run(job).finally(() => {
      this.#running = null;
    });
  }

  async #run(job: KeyJob): Promise<void> {
    try {
      if (job.verifies) {
        this.#holesAt = Number.POSITIVE_INFINITY;
        this.#repairedAt = null;
      }
      this.#progress = (await this.#pool.run(job)) as KeyProgress;
      if (this.#progress.hasHoles) {
        this.#holesAt = Math.min(this.#holesAt, monotonicMs() + HOLES_MS);
      }
      this.#hasFailed = false;
    } catch (error) {
      this.#notBefore = monotonicMs() + RETRY_MS;
      if (!this.#isClosed && !this.#hasFailed && whyLost(job.dir) === undefined) {
        this.#deps.warn(
          `the key index could not be written, it is tried again every minute: ${String(error)}; searches by key read the log meanwhile`,
        );
      }
      this.#hasFailed = true;
    }
  }

  /**
   * Where none is under way, all with keys that were counted lie below the ring's head; and while no further one
   * is counted, there are none behind that.
   */
  #lookForKeys(): void {
    const done = Atomics.load(this.#words, BROKER_WORD.keyedDone);
    const begun = Atomics.load(this.#words, BROKER_WORD.keyedBegun);
    if (begun === this.#keyedCount && this.#keylessFrom !== null) {
      return;
    }
    this.#keyedCount = begun;
    const { logRing } = this.#deps;
    this.#keylessFrom = done === begun ? logRing.toBytes(logRing.head()) : null;
  }
}
