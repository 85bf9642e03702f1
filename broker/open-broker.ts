/** `openBroker`: the engine in this process, with clients on this thread and sockets on others. */
import { Engine } from '../engine/engine.js';
import type { BrokerHandle } from '../engine/handle.js';
import {
  brokerSetOf,
  type EngineOptions,
  type ResolvedEngineOptions,
  resolveEngineOptions,
} from '../engine/options.js';
import {
  abortable,
  abortError,
  type CallOptions,
  type Client,
  throwIfAborted,
} from '../native-free/client/internal.js';
import { INSPECT, shown } from '../native-free/client/shown.js';
import { type BrokerStats, RingMQError } from '../native-free/wire/index.js';
import { SessionHost } from '../transport/session-host.js';
import { defectTeller } from './defects.js';
import { embeddedClient } from './embedded-client.js';
import { findMaster } from './find-master.js';
import { type BrokerListener, startListening } from './listen.js';
import type { ListenOptions } from './listen-options.js';
import { checkAdvertised, Membership } from './membership.js';
import { memoryShortage, memoryThere, neededBytes } from './memory-need.js';
import { checkFiles } from './package-files.js';
import { readSecret } from './secret-file.js';

/** What a broker says unasked; for a log. */
export interface BrokerEvents {
  /** Something is wrong, and the broker goes on: damage found on disk, a full disk, a thread that died. */
  onWarning?: (message: string, details: Record<string, unknown>) => void;
  /**
   * What the broker does not recover from. `DISK_FAILED`: nothing is written any more, reads go on. `DATA_DIR_LOST`: the same,
   * because the data directory, or a file in use in it, was moved, removed or replaced. `INTERNAL`: a listener's last
   * thread died, and nobody is served on its port.
   */
  onFatal?: (error: RingMQError) => void;
}

/**
 * Opens (or makes) a data directory and starts a broker on it. No socket is opened unless `listen()` is called. When `signal` is aborted
 * meanwhile, what has been opened is closed again.
 * @throws RingMQError ABORTED, NOT_SUPPORTED (bundled into one file), NOT_MASTER (name servers know another master of its set), BAD_CONFIG, DATA_DIR_LOCKED (another process has it), LOG_CORRUPT, DISK_FULL, DISK_FAILED
 */
export async function openBroker(options: EngineOptions & BrokerEvents & CallOptions = {}): Promise<Broker> {
  checkGiven('openBroker', options);
  const { onWarning, onFatal, signal, ...engineOptions } = options;
  throwIfAborted(signal);
  checkFiles();
  await checkNoOtherMaster(resolveEngineOptions(engineOptions));
  const engine = await Engine.open(engineOptions, {
    onWarning: onWarning ?? (() => undefined),
    onFatal: onFatal ?? (() => undefined),
  });
  if (signal?.aborted) {
    await engine.close();
    throw abortError(signal);
  }
  return new Broker(engine, onFatal);
}

/**
 * A master that was replaced while it was down must not take messages in the moment before a name server tells it so. Throws NOT_MASTER,
 * which names the other one.
 */
async function checkNoOtherMaster(options: ResolvedEngineOptions): Promise<void> {
  const { role, nameServers, cluster, name, secretFile } = options;
  if (role !== 'master' || nameServers.length === 0) {
    return;
  }
  const set = brokerSetOf(options);
  const secret = secretFile === undefined ? null : readSecret(secretFile);
  const master = await findMaster({ nameServers, secret, cluster, set, name });
  if (master !== null) {
    throw new RingMQError(
      'NOT_MASTER',
      `the broker set '${set}' has a master, '${master.name}' at ${master.url}: start this broker as its slave, or with another name`,
      { details: { set, master: master.url, name: master.name, epoch: master.epoch } },
    );
  }
}

/** A running broker. It keeps the process alive until it is closed. */
export class Broker {
  readonly #engine: Engine;
  readonly #onFatal: BrokerEvents['onFatal'];
  readonly #sessions: SessionHost;
  readonly #listeners = new Set<BrokerListener>();
  readonly #clients = new Set<Client>();
  #closing: Promise<void> | null = null;
  #isMemoryTold = false;
  #membership: Membership | null = null;

  /** Use {@link openBroker}. */
  constructor(engine: Engine, onFatal?: BrokerEvents['onFatal']) {
    this.#engine = engine;
    this.#onFatal = onFatal;
    this.#warnOfMemory(0);
    this.#sessions = new SessionHost(engine.thread, {
      listener: 'embedded',
      onDefect: defectTeller(engine.thread),
    });
  }

  /** A client on this thread. The same interface as `connect()` gives; any number of them. */
  client(): Client {
    this.#checkOpen();
    const client = embeddedClient(this.#sessions, () => {
      this.#clients.delete(client);
    });
    this.#clients.add(client);
    return client;
  }

  /** Opens a socket. @throws RingMQError ABORTED, PORT_IN_USE, BAD_CONFIG */
  async listen(options: ListenOptions & CallOptions = {}): Promise<BrokerListener> {
    this.#checkOpen();
    checkGiven('listen', options);
    const { signal, ...listenOptions } = options;
    throwIfAborted(signal);
    checkAdvertised(this.#engine.options, listenOptions.host ?? '');
    const listener = await startListening(
      this.#engine.handle,
      listenOptions,
      (error, isLast) => {
        if (isLast) {
          this.#onFatal?.(error);
        } else {
          this.#engine.warn(error.message, {});
        }
      },
      (message) => this.#engine.warn(message, {}),
    );
    if (signal?.aborted) {
      await listener.close();
      throw abortError(signal);
    }
    this.#warnOfMemory(listener.threads);
    const close = async (): Promise<void> => {
      this.#listeners.delete(open);
      await listener.close();
    };
    const open: BrokerListener = { ...listener, close, [Symbol.asyncDispose]: close };
    this.#listeners.add(open);
    await this.#join(listener.url);
    return open;
  }

  /** Where it can be reached is known now: name servers are told. */
  async #join(url: string): Promise<void> {
    const { options, thread } = this.#engine;
    if (options.nameServers.length === 0 || this.#membership !== null) {
      return;
    }
    this.#membership = new Membership({
      options,
      thread,
      url: options.advertiseUrl ?? url,
      secret: options.secretFile === undefined ? null : readSecret(options.secretFile),
      stats: () => this.#engine.stats(),
      deletedTopics: () => this.#engine.deletedTopics(),
      deletedUpTo: (topic) => this.#engine.deletedUpTo(topic),
      replicas: () => [],
      onFenced: (epoch, masterUrl) => this.#engine.fence(epoch, masterUrl),
      onMaster: () => undefined,
      onWarning: (message, details) => this.#engine.warn(message, details),
    });
    const membership = this.#membership;
    this.#engine.setLeastCreatedTime((topic) => membership.leastCreatedTime(topic));
    await membership.open();
  }

  /** Counters and gauges as of now, read from shared memory: cheap, and no thread is asked. */
  stats(): BrokerStats {
    this.#checkOpen();
    return this.#engine.stats();
  }

  /** For `attach()` on another thread of this process. Survives `postMessage`. */
  handle(): BrokerHandle {
    this.#checkOpen();
    return this.#engine.handle;
  }

  /**
   * Ends listeners and clients, writes and syncs everything, gives the directory back: all of it, also when a part fails.
   * Rejects with what failed, like a client's write that nobody was told of. An aborted signal ends the waiting, not the closing.
   */
  close(options?: CallOptions): Promise<void> {
    this.#closing ??= this.#close();
    return abortable(this.#closing, options?.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#membership?.close();
    const listeners = await Promise.allSettled([...this.#listeners].map((listener) => listener.close()));
    const clients = await Promise.allSettled([...this.#clients].map((client) => client.close()));
    this.#sessions.close();
    await this.#engine.close();
    const failed = [...listeners, ...clients].find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
  }

  #warnOfMemory(listenerThreads: number): void {
    const { log, memory } = this.#engine.handle;
    const rings = { ringBytes: log.ring.data.byteLength, memoryRingBytes: memory.ring.data.byteLength };
    const needed = neededBytes(rings, listenerThreads);
    const there = memoryThere();
    const shortage = memoryShortage(needed, there);
    if (shortage !== null && !this.#isMemoryTold) {
      this.#isMemoryTold = true;
      this.#engine.warn(shortage, { neededBytes: needed, ...there });
    }
  }

  #checkOpen(): void {
    if (this.#closing !== null) {
      throw new RingMQError('BROKER_CLOSED');
    }
  }

  [INSPECT](): object {
    const { brokerName, brokerId, flush, dir } = this.#engine.handle;
    return shown('Broker', {
      name: brokerName,
      brokerId,
      flush,
      dataDir: dir.path,
      listeners: [...this.#listeners].map(({ url }) => url),
      closed: this.#closing !== null,
    });
  }
}

function checkGiven(call: string, options: object): void {
  if (options === null) {
    throw new RingMQError('BAD_CONFIG', `${call} takes an object of options, not null`);
  }
}
