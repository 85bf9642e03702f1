/** Opens the socket: one worker thread per listener, all on one port. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { BrokerHandle } from '../engine/handle.js';
import { workerFlags } from '../engine/worker-flags.js';
import { errorCodeOfName, RingMQError } from '../native-free/wire/index.js';
import { chooseListener } from '../transport/choose-listener.js';
import { type ListenOptions, resolveListenOptions } from './listen-options.js';
import type { ListenerWorkerData, ListenerWorkerMessage } from './listener-worker.js';

/** An open socket of a broker. */
export interface BrokerListener {
  /** `ws://host:port` or `wss://…`. */
  readonly url: string;
  readonly port: number;
  readonly listener: 'uws' | 'ws';
  /** Why that one, in words for a log line. */
  readonly reason: string;
  readonly threads: number;
  /** Ends all connections, acks what is under way, frees the port. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Called when a listener thread dies though nobody closed it. */
export type ListenerDied = (error: RingMQError) => void;

/** Starts the listener threads. Throws PORT_IN_USE, BAD_CONFIG. */
export async function startListening(
  handle: BrokerHandle,
  given: ListenOptions | undefined,
  onDied: ListenerDied,
): Promise<BrokerListener> {
  const options = resolveListenOptions(given);
  const choice = chooseListener(options.listener);
  const count = choice.sharesPort ? options.threads : 1;
  const workers: ListenerThread[] = [];
  let port = options.port;
  try {
    for (let i = 0; i < count; i++) {
      const thread = await ListenerThread.start(
        { handle, options, kind: choice.kind, port, threads: count, joinPort: i > 0 },
        onDied,
      );
      port = thread.port;
      workers.push(thread);
    }
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.close()));
    throw error;
  }
  const close = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.close()));
  };
  const host =
    options.host.includes(':') && !options.host.startsWith('[') ? `[${options.host}]` : options.host;
  return {
    url: `${options.tls === undefined ? 'ws' : 'wss'}://${host}:${port}`,
    port,
    listener: choice.kind,
    reason: choice.reason,
    threads: count,
    close,
    [Symbol.asyncDispose]: close,
  };
}

class ListenerThread {
  readonly port: number;
  readonly #worker: Worker;
  #closing: Promise<void> | null = null;

  private constructor(worker: Worker, port: number, onDied: ListenerDied) {
    this.#worker = worker;
    this.port = port;
    worker.on('error', (cause) => {
      if (this.#closing === null) {
        onDied(new RingMQError('INTERNAL', `a listener thread died: ${cause.message}`, { cause }));
      }
    });
  }

  static async start(workerData: ListenerWorkerData, onDied: ListenerDied): Promise<ListenerThread> {
    const worker = new Worker(new URL('./listener-worker.js', import.meta.url), {
      workerData,
      name: 'ringmq-listener',
      ...workerFlags(),
    });
    // Before its message is awaited: a thread that gives up at once says so and is gone in one turn.
    const exited = once(worker, 'exit');
    const first = await Promise.race([once(worker, 'message'), exited.then(() => null)]);
    const message = first === null ? null : (first[0] as ListenerWorkerMessage);
    if (message?.type !== 'listening') {
      await exited;
      const isKnown = message?.type === 'failed';
      throw new RingMQError(
        isKnown ? errorCodeOfName(message.code) : 'INTERNAL',
        isKnown ? message.message : 'a listener thread ended before it listened',
      );
    }
    // From here on its death is told by `onDied`.
    exited.catch(() => undefined);
    return new ListenerThread(worker, message.port, onDied);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const exited = once(this.#worker, 'exit');
    this.#worker.postMessage('close');
    await exited;
  }
}
