/** The two threads that write for a broker, the persist worker and the one that syncs for it: their start, what they say, and their end. */
import { Worker } from 'node:worker_threads';
import { closeLogDir, markSyncThreadGone, SYNC_WORDS_BYTES } from '../disk/index.js';
import type { BrokerHandle } from '../handle.js';
import type { ResolvedEngineOptions } from '../options.js';
import type { SyncWorkerData } from '../persist/sync-worker.js';
import type { PersistWorkerData, PersistWorkerMessage } from '../persist/worker-messages.js';
import { SeatTable, wake } from '../ring/index.js';
import { BROKER_WORD, PERSIST_SEAT } from '../term/shared-words.js';
import { workerFlags } from './worker-flags.js';

export interface PersistThreadsEvents {
  onMessage(message: PersistWorkerMessage): void;
  /** One of them ended though nobody asked it to. */
  onDied(which: string, error: Error): void;
}

export class PersistThreads {
  readonly #handle: BrokerHandle;
  /** What they say before anybody listens. */
  readonly #early: ((events: PersistThreadsEvents) => void)[] = [];
  #events: PersistThreadsEvents | null = null;
  readonly #syncWords = new SharedArrayBuffer(SYNC_WORDS_BYTES);
  readonly #ended: Promise<unknown>;
  #isStopping = false;
  #ready: { resolve(): void; reject(error: Error): void } | null = null;

  /** Resolves when the segment files are open. Throws what the persist worker threw; nothing of them is left running then. */
  static async start(handle: BrokerHandle, options: ResolvedEngineOptions): Promise<PersistThreads> {
    const threads = new PersistThreads(handle, options);
    try {
      await new Promise<void>((resolve, reject) => {
        threads.#ready = { resolve, reject };
      });
    } catch (error) {
      await threads.stop();
      throw error;
    }
    return threads;
  }

  private constructor(handle: BrokerHandle, options: ResolvedEngineOptions) {
    this.#handle = handle;
    const { flushIntervalMs, flushBytes, minFreeBytes, retentionMs, retentionBytes } = options;
    const data: PersistWorkerData = {
      handle,
      syncWords: this.#syncWords,
      flushIntervalMs,
      flushBytes,
      minFreeBytes,
      retentionMs,
      retentionBytes,
    };
    const persist = startWorker('../persist/worker.js', 'ringmq-persist', data);
    persist.on('message', (message: PersistWorkerMessage) => this.#onMessage(message));
    const { seats, logDirFd } = handle;
    const syncData: SyncWorkerData = { words: this.#syncWords, seats, logDirFd };
    const sync = startWorker('../persist/sync-worker.js', 'ringmq-sync', syncData);
    // The persist worker ends it; should that die, nothing is left to keep the process for.
    sync.unref();
    const persistEnded = this.#endOf(persist, 'the persist worker');
    const syncEnded = this.#endOf(sync, 'the sync worker');
    // Whoever waits for a call that it has begun waits no longer.
    void syncEnded.then(() => {
      markSyncThreadGone(this.#syncWords);
      this.#wakePersist();
    });
    this.#ended = persistEnded.then(async () => {
      // It ends by itself when the other has closed its files, which one that died has not.
      await sync.terminate();
      await syncEnded;
      closeLogDir(logDirFd);
    });
  }

  /** Once. */
  listen(events: PersistThreadsEvents): void {
    this.#events = events;
    for (const tell of this.#early.splice(0)) {
      tell(events);
    }
  }

  /** Everything indexed is written and synced, the files are closed. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    Atomics.store(new Int32Array(this.#handle.brokerWords), BROKER_WORD.stop, 1);
    this.#wakePersist();
    await this.#ended;
  }

  #wakePersist(): void {
    const seats = new SeatTable(this.#handle.seats);
    wake(seats.control, seats.parkedWord(PERSIST_SEAT));
  }

  #onMessage(message: PersistWorkerMessage): void {
    if (message.type === 'ready') {
      this.#ready?.resolve();
      this.#ready = null;
    } else {
      this.#tell((events) => events.onMessage(message));
    }
  }

  #tell(tell: (events: PersistThreadsEvents) => void): void {
    if (this.#events === null) {
      this.#early.push(tell);
    } else {
      tell(this.#events);
    }
  }

  /** Listened for from the start: it may end before anybody wants it to. */
  #endOf(worker: Worker, which: string): Promise<void> {
    let thrown: Error | null = null;
    worker.once('error', (error) => {
      thrown = error;
    });
    return new Promise((resolve) => {
      worker.once('exit', (status) => {
        const error = thrown ?? new Error(`it ended with status ${status}`);
        if (this.#ready !== null) {
          this.#ready.reject(error);
          this.#ready = null;
        } else if (!this.#isStopping && (thrown !== null || status !== 0)) {
          this.#tell((events) => events.onDied(which, error));
        }
        resolve();
      });
    });
  }
}

/**
 * Segments' descriptors are used by other threads than the one that opened them, so they must not be closed
 * behind their backs when that one ends: their numbers would be given to other files, even sockets.
 */
function startWorker(file: string, name: string, workerData: unknown): Worker {
  return new Worker(new URL(file, import.meta.url), {
    workerData,
    name,
    trackUnmanagedFds: false,
    ...workerFlags(),
  });
}
