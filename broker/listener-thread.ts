/**
 * What a listener thread and the one that started it know of each other's end, in one shared word.
 *
 * uWebSockets.js aborts the process when a thread ends whose sockets are open. At `process.exit` Node ends
 * all threads without running any more of their code. So the thread that started them tells its listener
 * threads first, and waits until they have closed their sockets: in shared memory, because the `exit` event
 * leaves no turn of the event loop.
 */

import { Worker } from 'node:worker_threads';
import { workerFlags } from '../engine/thread/worker-flags.js';
import { monotonicMs } from '../native-free/time/index.js';
import { type ListenerOrder, type ListenerWorkerData, SOCKETS } from './listener-messages.js';

/** A thread gets so long to close its sockets when the process ends: it may be in the middle of a turn. */
const CLOSE_LIMIT_MS = 5_000;

const alive = new Set<ListenerWorker>();
let watches = false;

/** A listener's thread as the one that started it sees it. It ends without its sockets open, whoever ends it. */
export class ListenerWorker extends Worker {
  readonly #state: Int32Array;

  constructor(data: Omit<ListenerWorkerData, 'state'>) {
    const state = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const workerData: ListenerWorkerData = { ...data, state };
    super(new URL('./listener-worker.js', import.meta.url), {
      workerData,
      transferList: [data.api],
      name: data.name,
      ...workerFlags(),
    });
    this.#state = new Int32Array(state);
    alive.add(this);
    this.once('exit', () => alive.delete(this));
    if (!watches) {
      watches = true;
      process.on('exit', closeAll);
    }
  }

  order(order: ListenerOrder): void {
    this.postMessage(order);
  }

  /** Blocks until its sockets are closed, or the time is over. */
  waitClosed(limitMs: number): void {
    Atomics.wait(this.#state, 0, SOCKETS.open, limitMs);
  }

  /** Its sockets are closed first. */
  override async terminate(): Promise<number> {
    this.order('end');
    const wait = Atomics.waitAsync(this.#state, 0, SOCKETS.open, CLOSE_LIMIT_MS);
    if (wait.async) {
      await wait.value;
    }
    return super.terminate();
  }
}

function closeAll(): void {
  for (const worker of alive) {
    worker.order('end');
  }
  const until = monotonicMs() + CLOSE_LIMIT_MS;
  for (const worker of alive) {
    worker.waitClosed(Math.max(0, until - monotonicMs()));
  }
}
