/** Opens the socket: one worker thread per listener, all on one port. */
import type { Engine } from '../engine/engine.js';
import { AddressTable, createAddressTable } from '../native-free/listener/address-table.js';
import { ConnectionCount, createConnectionCounts } from '../native-free/listener/connection-count.js';
import { connectionsPossible } from '../native-free/listener/descriptors.js';
import { errorCodeOfName, RingMQError } from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';
import { chooseListener } from '../transport/choose-listener.js';
import { ApiOnDemand } from './api/api-on-demand.js';
import { type ListenOptions, type ResolvedListenOptions, resolveListenOptions } from './listen-options.js';
import type { ListenerWorkerData, ListenerWorkerMessage } from './listener-messages.js';
import { ListenerWorker } from './listener-thread.js';
import { memoryThere, unendedShortage } from './memory-need.js';

/** An open socket of a broker. */
export interface BrokerListener {
  /** `ws://host:port` or `wss://…`. */
  readonly url: string;
  readonly port: number;
  readonly listener: 'uws' | 'ws';
  /** Why that one, in words for a log line. */
  readonly reason: string;
  /** `auto` took `ws` although uWebSockets.js is installed: it does not load here, `reason` says why. */
  readonly isFallback: boolean;
  readonly threads: number;
  /** Reads the TLS files again, for connections from now on; those that stand stay. By itself it looks every 10 s whether they have changed. */
  renewCertificates(): void;
  /** Ends all connections, acks what is under way, frees the port. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Called when a listener thread dies though nobody closed it. `isLast`: no other serves its port, clients are served no more. */
export type ListenerDied = (error: RingMQError, isLast: boolean) => void;

/** Starts the listener threads. Throws PORT_IN_USE, BAD_CONFIG. */
export async function startListening(
  engine: Engine,
  given: ListenOptions | undefined,
  onDied: ListenerDied,
  onWarning: (message: string) => void,
): Promise<BrokerListener> {
  const options = withinDescriptors(resolveListenOptions(given), onWarning);
  if (!options.auth && !isLoopback(options.host)) {
    onWarning(
      `insecure: everybody who reaches ${options.host} may read, write and delete; have clients log in with \`auth\``,
    );
  }
  const choice = chooseListener(options.listener, options.tls?.clientCaFile !== undefined);
  if (choice.kind === 'uws' && !isLoopback(options.host)) {
    const shortage = unendedShortage(options.maxConnections, memoryThere());
    if (shortage !== null) {
      onWarning(shortage);
    }
  }
  const count = choice.sharesPort ? options.threads : 1;
  const threads = new Set<ListenerThread>();
  const connectionCounts = createConnectionCounts(count);
  const { maxConnections, maxConnectionsPerAddress, maxHandshakesPerAddress } = options;
  const limitsAddresses = maxConnectionsPerAddress + maxHandshakesPerAddress > 0;
  const addressTable = limitsAddresses ? createAddressTable(maxConnections) : null;
  let port = options.port;
  const threadDied = (thread: ListenerThread, why: string): void => {
    threads.delete(thread);
    new ConnectionCount(connectionCounts, thread.index).releaseAll();
    if (addressTable !== null) {
      new AddressTable(addressTable).empty();
    }
    const isLast = threads.size === 0;
    const which = isLast ? 'the last listener thread' : 'a listener thread';
    onDied(new RingMQError('INTERNAL', `${which} of ${urlOf(options, port)} died: ${why}`), isLast);
  };
  const api = new ApiOnDemand(engine, options);
  const close = async (): Promise<void> => {
    await api.close();
    await Promise.all([...threads].map((thread) => thread.close()));
  };
  try {
    for (let i = 0; i < count; i++) {
      const thread = await ListenerThread.start(
        {
          handle: engine.handle,
          options,
          kind: choice.kind,
          name: `ringmq-listener-${i + 1}`,
          port,
          index: i,
          connectionCounts,
          addressTable,
          joinPort: i > 0,
          api: api.port(),
        },
        threadDied,
      );
      port = thread.port;
      threads.add(thread);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: urlOf(options, port),
    port,
    listener: choice.kind,
    reason: choice.reason,
    isFallback: choice.isFallback === true,
    threads: count,
    renewCertificates: () => {
      for (const thread of threads) {
        thread.renewCertificates();
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** No more connections than there are descriptors for: at the limit of open files nobody could be told anything. */
function withinDescriptors(
  options: ResolvedListenOptions,
  onWarning: (message: string) => void,
): ResolvedListenOptions {
  const possible = connectionsPossible();
  if (possible === null || possible.count >= options.maxConnections) {
    return options;
  }
  onWarning(
    `maxConnections is ${options.maxConnections}, but this process may open ${possible.limit} files: at most ${possible.count} connections are taken; raise the limit (ulimit -n), or lower maxConnections`,
  );
  return { ...options, maxConnections: possible.count };
}

function urlOf({ host, tls }: ResolvedListenOptions, port: number): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `${tls === undefined ? 'ws' : 'wss'}://${name}:${port}`;
}

type ThreadDied = (thread: ListenerThread, why: string) => void;

class ListenerThread {
  readonly port: number;
  readonly index: number;
  readonly #worker: ListenerWorker;
  readonly #exited: Promise<string>;
  #closing: Promise<void> | null = null;

  private constructor(
    worker: ListenerWorker,
    port: number,
    index: number,
    exited: Promise<string>,
    onDied: ThreadDied,
  ) {
    this.#worker = worker;
    this.port = port;
    this.index = index;
    this.#exited = exited;
    void exited.then((why) => {
      if (this.#closing === null) {
        onDied(this, why);
      }
    });
  }

  static async start(data: Omit<ListenerWorkerData, 'state'>, onDied: ThreadDied): Promise<ListenerThread> {
    const worker = new ListenerWorker(data);
    // Before its message is awaited: a thread that gives up at once says so and is gone in one turn.
    const exited = endOf(worker);
    const said = new Promise<ListenerWorkerMessage>((resolve) => {
      worker.once('message', resolve);
    });
    const message = await Promise.race([said, exited.then(() => null)]);
    if (message?.type !== 'listening') {
      const why = await exited;
      const isKnown = message?.type === 'failed';
      throw new RingMQError(
        isKnown ? errorCodeOfName(message.code) : 'INTERNAL',
        isKnown ? message.message : `a listener thread ended before it listened: ${why}`,
      );
    }
    return new ListenerThread(worker, message.port, data.index, exited, onDied);
  }

  renewCertificates(): void {
    this.#worker.order('renew');
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** A thread that has ended before, or ends otherwise than it was asked to, is closed as well. */
  async #close(): Promise<void> {
    this.#worker.order('stop');
    await this.#exited;
  }
}

/** Resolves when the thread has ended, with why. To be called before it can have ended: nothing tells it later. */
function endOf(worker: ListenerWorker): Promise<string> {
  return new Promise((resolve) => {
    let thrown: string | null = null;
    worker.once('error', (error) => {
      thrown = error.message;
    });
    worker.once('exit', (status) => resolve(thrown ?? `it ended with status ${status}`));
  });
}
