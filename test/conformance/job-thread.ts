/** Starts a thread that attaches to a broker and does a job. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BrokerHandle } from '../../broker/index.js';
import type { ThreadJob, ThreadWorkerData, ThreadWorkerMessage } from './thread-worker.js';

export interface JobThread {
  readonly worker: Worker;
  /** Resolves when a consumer has its queues. */
  readonly ready: Promise<void>;
  /** What it counted. Rejects with what went wrong there. */
  readonly done: Promise<number>;
  /** Resolves when the thread has ended. */
  readonly exited: Promise<unknown>;
}

export function startJob(handle: BrokerHandle, job: ThreadJob): JobThread {
  const workerData: ThreadWorkerData = { handle, job };
  const worker = new Worker(new URL('./thread-worker.js', import.meta.url), { workerData });
  let onReady!: () => void;
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const done = new Promise<number>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('message', (message: ThreadWorkerMessage) => {
      if (message.type === 'ready') {
        onReady();
      } else if (message.type === 'done') {
        resolve(message.count);
      } else {
        reject(new Error(message.why));
      }
    });
  });
  return { worker, ready, done, exited: once(worker, 'exit') };
}
