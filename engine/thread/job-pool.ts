/**
 * One thread for jobs that take their time, started when there is one and ended when there has been none for
 * a while. Where no thread can be started (no file descriptor is left, or no memory) the job fails, and the
 * next one tries again: a pool by itself would tell nobody of it, and end the process.
 */
import { Piscina } from 'piscina';
import { RingMQError } from '../../native-free/wire/index.js';
import { shortageIn } from './shortage.js';
import { workerFlags } from './worker-flags.js';

export interface JobPoolOptions {
  /** The module of the jobs, which exports `run`. */
  file: URL;
  /** The thread ends after so long without a job. */
  idleMs: number;
  /** What each thread is given when it starts. */
  workerData?: unknown;
}

export class JobPool {
  readonly #pool: Piscina;
  /** Of the jobs that wait or run. */
  readonly #jobs = new Set<AbortController>();
  #hasLoaded = false;
  /** The thread has loaded its module, or could not be started. */
  #onStarted: () => void = () => {};

  constructor({ file, idleMs, workerData }: JobPoolOptions) {
    this.#pool = new Piscina({
      // It loads the module of the jobs.
      filename: new URL('./job-entry.cjs', import.meta.url).href,
      argv: [file.href],
      name: 'run',
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: idleMs,
      atomics: 'disabled',
      ...(workerData === undefined ? {} : { workerData }),
      ...workerFlags(),
    });
    // Piscina tells of a thread once it has loaded.
    this.#pool.on('workerCreate', () => {
      this.#hasLoaded = true;
      this.#onStarted();
    });
    this.#pool.on('workerDestroy', () => {
      this.#hasLoaded = false;
    });
    // Of a thread that has no job yet. Those that wait for it would wait for ever.
    this.#pool.on('error', (error: unknown) => {
      const why = shortageIn(error instanceof Error ? error.message : String(error));
      const busy = new RingMQError('BROKER_BUSY', `no thread could be started for it: ${why}`, {
        cause: error,
      });
      for (const job of this.#jobs) {
        job.abort(busy);
      }
      this.#onStarted();
    });
  }

  /** Jobs that wait for the one that runs. */
  get waitingCount(): number {
    return this.#pool.queueSize;
  }

  /** Its thread is there, or on its way. */
  get hasThread(): boolean {
    return this.#pool.threads.length > 0;
  }

  /** Rejects with what the job throws, with BROKER_BUSY where no thread can be started, and where it waits when the pool is closed. */
  async run(job: unknown): Promise<unknown> {
    const stop = new AbortController();
    this.#jobs.add(stop);
    try {
      return await this.#pool.run(job, { signal: stop.signal });
    } catch (error) {
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      this.#jobs.delete(stop);
    }
  }

  /** Resolves once the job that runs is done; `refusesWaiting`: those that wait fail, else they are done first. */
  async close({ refusesWaiting = false } = {}): Promise<void> {
    if (this.hasThread && !this.#hasLoaded) {
      // A thread that is ended while it loads a module ends the process with it, by an assertion of Node's.
      await new Promise<void>((resolve) => {
        this.#onStarted = resolve;
      });
    }
    await this.#pool.close({ force: refusesWaiting });
  }
}
