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
import {
  type ListenerOrder,
  type ListenerWork,
  type ListenerWorkerData,
  SOCKETS,
} from './listener-messages.js';

/** A thread gets so long to close its sockets when the process ends: it may be in the middle of a turn. */
const CLOSE_LIMIT_MS = 5_000;

const alive = new Set<ListenerWorker>();
let watches = false;
/** Started by {@link loadListener}, for the first listener. */
let early: ListenerWorker | null = null;

/**
 * Starts a listener's thread before it is known what it is to serve, so that it loads its modules while this
 * thread loads its own. It does not keep the process; the first listener takes it.
 */
export function loadListener(): void {
  early ??= new ListenerWorker(listenerName(0));
  early.unref();
}

/** The threads of a listener: `count` of them, which load all at once. */
export function listenerWorkers(count: number): ListenerWorker[] {
  return Array.from({ length: count }, (_, index) => {
    const worker = early ?? new ListenerWorker(listenerName(index));
    early = null;
    worker.ref();
    return worker;
  });
}

function listenerName(index: number): string {
  return `ringmq-listener-${index + 1}`;
}

/** A listener's thread as the one that started it sees it. It ends without its sockets open, whoever ends it. */
export class ListenerWorker extends Worker {
  readonly name: string;
  /** Resolves when it has ended, with why. */
  readonly ended: Promise<string>;
  readonly #state: Int32Array;
  #hasWork = false;

  constructor(name: string) {
    const state = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const workerData: ListenerWorkerData = { state };
    super(new URL('./listener-worker.js', import.meta.url), { workerData, name, ...workerFlags() });
    this.name = name;
    this.#state = new Int32Array(state);
    this.ended = this.#end();
    alive.add(this);
    this.once('exit', () => alive.delete(this));
    if (!watches) {
      watches = true;
      process.on('exit', closeAll);
    }
  }

  /** Listened for from the start: it may end before anybody has work for it. */
  #end(): Promise<string> {
    return new Promise((resolve) => {
      let thrown: string | null = null;
      this.once('error', (error) => {
        thrown = error.message;
      });
      this.once('exit', (status) => resolve(thrown ?? `it ended with status ${status}`));
    });
  }

  /** Once. */
  serve(work: ListenerWork): void {
    this.#hasWork = true;
    this.postMessage(work, [work.api]);
  }

  /** One without work has no sockets, and takes the first thing it is told for its work. */
  order(order: ListenerOrder): void {
    if (this.#hasWork) {
      this.postMessage(order);
    }
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
