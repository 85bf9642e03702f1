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
import type { ListenerWork, ListenerWorkerMessage } from './listener-messages.js';
import { type ListenerWorker, listenerWorkers } from './listener-thread.js';
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
  const workers = listenerWorkers(count);
  try {
    // One after the other: the port may be the one that the first of them has got.
    for (const [index, worker] of workers.entries()) {
      const work: ListenerWork = {
        handle: engine.handle,
        options,
        kind: choice.kind,
        name: worker.name,
        port,
        index,
        connectionCounts,
        addressTable,
        joinPort: index > 0,
        api: api.port(),
      };
      const thread = await ListenerThread.start(worker, work, threadDied);
      port = thread.port;
      threads.add(thread);
    }
  } catch (error) {
    await close();
    await Promise.all(workers.map((worker) => worker.terminate()));
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
  #closing: Promise<void> | null = null;

  private constructor(worker: ListenerWorker, port: number, index: number, onDied: ThreadDied) {
    this.#worker = worker;
    this.port = port;
    this.index = index;
    void worker.ended.then((why) => {
      if (this.#closing === null) {
        onDied(this, why);
      }
    });
  }

  static async start(
    worker: ListenerWorker,
    work: ListenerWork,
    onDied: ThreadDied,
  ): Promise<ListenerThread> {
    const said = new Promise<ListenerWorkerMessage>((resolve) => {
      worker.once('message', resolve);
    });
    worker.serve(work);
    const message = await Promise.race([said, worker.ended.then(() => null)]);
    if (message?.type !== 'listening') {
      const why = await worker.ended;
      const isKnown = message?.type === 'failed';
      throw new RingMQError(
        isKnown ? errorCodeOfName(message.code) : 'INTERNAL',
        isKnown ? message.message : `a listener thread ended before it listened: ${why}`,
      );
    }
    return new ListenerThread(worker, message.port, work.index, onDied);
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
    await this.#worker.ended;
  }
}
