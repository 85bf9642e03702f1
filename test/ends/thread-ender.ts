/**
 * Loaded into every thread of a broker's process (`--import`): at SIGUSR2 one of its worker threads ends, as
 * `RINGMQ_TEST_END` says, `NAME HOW`. `throws`: out of what it waits in or out of its event loop.
 * `throws-in-write`: the next time that it writes or syncs a file.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import threads, { type Worker, type WorkerOptions } from 'node:worker_threads';

const [NAME = '', HOW = ''] = (process.env['RINGMQ_TEST_END'] ?? '').split(' ');

function defect(): never {
  throw new TypeError('a defect of the thread');
}

if (threads.isMainThread) {
  const { Worker: RealWorker } = threads;
  const word = new Int32Array(new SharedArrayBuffer(4));
  threads.Worker = class extends RealWorker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      const isMeant = (options.name ?? '').startsWith(NAME);
      super(file, isMeant ? { ...options, workerData: { ...options.workerData, endWord: word } } : options);
      if (isMeant) {
        process.once('SIGUSR2', () => end(this));
      }
    }
  };
  const end = (worker: Worker): void => {
    if (HOW === 'terminated') {
      void worker.terminate();
    }
    Atomics.store(word, 0, 1);
  };
  syncBuiltinESMExports();
} else if (HOW !== 'terminated' && threads.workerData?.endWord !== undefined) {
  const { endWord } = threads.workerData as { endWord: Int32Array };
  const isDue = (): boolean => Atomics.load(endWord, 0) === 1;
  if (HOW === 'throws') {
    const wait = Atomics.wait;
    Atomics.wait = ((...args: Parameters<typeof wait>) => {
      const outcome = wait(...args);
      return isDue() ? defect() : outcome;
    }) as typeof wait;
    setInterval(() => isDue() && defect(), 5).unref();
  } else {
    for (const name of ['writeSync', 'fdatasyncSync', 'writevSync'] as const) {
      const real = fs[name] as (...args: unknown[]) => number;
      Object.assign(fs, { [name]: (...args: unknown[]) => (isDue() ? defect() : real(...args)) });
    }
    syncBuiltinESMExports();
  }
}
