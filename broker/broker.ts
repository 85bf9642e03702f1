/** A running broker: the engine in this process, with clients on this thread and sockets on others. */

import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import type { Engine } from '../engine/engine.js';
import type { BrokerHandle } from '../engine/handle.js';
import type { BrokerThread } from '../engine/thread/broker-thread.js';
import { abortable, abortError, throwIfAborted } from '../native-free/client/abort.js';
import type { CallOptions } from '../native-free/client/call-options.js';
import type { Client } from '../native-free/client/internal.js';
import { closeWith } from '../native-free/client/options.js';
import { INSPECT, shown } from '../native-free/client/shown.js';
import { type BrokerStats, RingMQError } from '../native-free/wire/index.js';
import { checkAdvertised } from './advertised.js';
import { ClusterPart } from './cluster-part.js';
import type { Configuration } from './configuration.js';
import type { EmbeddedClients } from './embedded-clients.js';
import { FirstAdministrator } from './first-administrator.js';
import type { ReplicationEvent } from './follower/follow.js';
import type { BrokerListener } from './listen.js';
import { type ListenOptions, resolveListenOptions } from './listen-options.js';
import { MemoryTeller } from './memory-teller.js';
import { originsOf } from './origins.js';
import { RoleKeeper } from './role-keeper.js';
import type { SecretFile } from './secret-file.js';
import { BrokerSockets } from './sockets.js';
import { takeGiven } from './take-given.js';

/** What a broker says unasked; for a log. */
export interface BrokerEvents {
  /** Something is wrong, and the broker goes on: damage found on disk, a full disk, a thread that died. */
  onWarning?: (message: string, details: Record<string, unknown>) => void;
  /**
   * What the broker does not recover from. `DISK_FAILED`: nothing is written any more, reads go on.
   * `DATA_DIR_LOST`: the same, because the data directory, or a file in use in it, was moved, removed or
   * replaced. `INTERNAL`: a listener's last thread died, and nobody is served on its port.
   */
  onFatal?: (error: RingMQError) => void;
  /** On a slave: how it goes with following its master. */
  onReplication?: (event: ReplicationEvent) => void;
}

/** What a broker needs to open its engine again, and whom to tell. */
export interface BrokerHost {
  /** `role`: what differs from what was asked for at first. */
  open(role: { role?: 'slave'; master?: string; brokerSet?: string }): Promise<Engine>;
  /** For clients on this thread; null: there are none. */
  readonly embed: ((thread: BrokerThread) => EmbeddedClients) | null;
  configuration: Configuration;
  /** The cluster's, as they are by now; null: there are none. */
  secretFile: SecretFile | null;
  /** With a controller: it may begin a set that etcd knows nothing of. */
  mayFound: boolean;
  onWarning: BrokerEvents['onWarning'] | undefined;
  onFatal: BrokerEvents['onFatal'] | undefined;
  onReplication: BrokerEvents['onReplication'] | undefined;
}

/** A running broker. It keeps the process alive until it is closed. */
export class Broker {
  readonly #host: BrokerHost;
  readonly #role: RoleKeeper;
  readonly #embedded: EmbeddedClients | null;
  readonly #sockets: BrokerSockets;
  readonly #cluster: ClusterPart;
  #closing: Promise<void> | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #memory = new MemoryTeller();
  readonly #admin: FirstAdministrator;

  /** Use {@link openBroker}. */
  constructor(engine: Engine, host: BrokerHost) {
    this.#host = host;
    const secrets = host.secretFile?.secrets ?? null;
    this.#sockets = new BrokerSockets((error) => host.onFatal?.(error));
    this.#role = this.#roleKeeper(engine, secrets);
    this.#admin = new FirstAdministrator({
      engine: () => this.#engine,
      secrets,
      isClosing: () => this.#closing !== null,
    });
    this.#cluster = this.#clusterPart();
    host.configuration.nameServers = this.#cluster;
    this.#memory.look(engine, 0);
    this.#embedded = host.embed?.(engine.thread) ?? null;
    this.#role.follow();
  }

  /** Another one each time that the broker has opened its data again. */
  get #engine(): Engine {
    return this.#role.engine;
  }

  #roleKeeper(engine: Engine, secrets: ClusterSecrets | null): RoleKeeper {
    const host = this.#host;
    return new RoleKeeper(engine, {
      secrets,
      open: (role) => host.open(role),
      isClosing: () => this.#closing !== null,
      inTurn: (work) => this.#inTurn(work),
      stopServing: () => this.#stopServing(),
      serveAgain: (opened, masterUrl) => this.#serveAgain(opened, masterUrl),
      onPromoted: () => {
        this.#cluster.changed();
        void this.#admin.ensure();
      },
      onStandingChanged: () => this.#cluster.changed(),
      onReplication: (event) => host.onReplication?.(event),
      onWarning: (message) => host.onWarning?.(message, {}),
      onFatal: (error) => host.onFatal?.(error),
    });
  }

  #clusterPart(): ClusterPart {
    const broker = this;
    const host = this.#host;
    return new ClusterPart({
      secrets: host.secretFile?.secrets ?? null,
      mayFound: host.mayFound,
      engine: () => this.#engine,
      get hasLogins() {
        return broker.#admin.hasLogins;
      },
      get isFollowing() {
        return broker.#role.isFollowing;
      },
      follow: (master) => this.#role.followBy(master),
      setMaster: (url) => this.#role.setMaster(url),
      tell: (message, details) => host.onReplication?.({ event: 'controller', message, ...details }),
    });
  }

  /** Another broker is master of this one's set: it comes back as that one's slave. */
  fenced(masterUrl: string | null): void {
    this.#role.fenced(masterUrl);
  }

  /** The queue index is to be made anew from the log, or the log read again from the last checkpoint. */
  stale(): void {
    this.#role.stale();
  }

  async #stopServing(): Promise<void> {
    this.#cluster.leave();
    await this.#sockets.stop();
    this.#embedded?.rest();
  }

  async #serveAgain(engine: Engine, masterUrl: string | null): Promise<void> {
    this.#embedded?.goOn(engine.thread);
    // Whoever connects from now on is told who is the master, also before it is followed.
    if (engine.thread.place.role === 'slave') {
      engine.mastership.setMasterUrl(masterUrl);
    }
    await this.#sockets.openAgain(engine);
    const [first] = this.#sockets.urls;
    if (first !== undefined) {
      await this.#cluster.join(first);
    }
  }

  /** A client on this thread. The same interface as `connect()` gives; any number of them. */
  client(): Client {
    this.#checkOpen();
    if (this.#embedded === null) {
      throw new RingMQError('NOT_SUPPORTED', 'this broker was opened without clients in its process');
    }
    return this.#embedded.open();
  }

  /** Opens a socket. @throws RingMQError ABORTED, PORT_IN_USE, BAD_CONFIG */
  async listen(options: ListenOptions & CallOptions = {}): Promise<BrokerListener> {
    this.#checkOpen();
    const { signal, ...listenOptions } = takeGiven('listen', options);
    throwIfAborted(signal);
    return await this.#inTurn(async () => {
      this.#checkOpen();
      const { host } = listenOptions;
      checkAdvertised(this.#engine.options, typeof host === 'string' ? host : '');
      const resolved = resolveListenOptions(listenOptions);
      this.#admin.listens(resolved);
      const nameServers = originsOf(this.#engine.options.nameServers);
      const opened = await this.#sockets.open(this.#engine, {
        ...listenOptions,
        allowedOrigins: [...resolved.allowedOrigins, ...nameServers],
      });
      const listener = this.#told(opened, listenOptions, resolved);
      await this.#admin.ensureSoon();
      if (signal?.aborted) {
        await listener.close();
        throw abortError(signal);
      }
      this.#memory.look(this.#engine, listener.threads);
      await this.#cluster.join(listener.url);
      await this.#cluster.stand(listener.url);
      return listener;
    });
  }

  /** The listener's options are told of for as long as it is open. */
  #told(listener: BrokerListener, given: ListenOptions, resolved: object): BrokerListener {
    const ends = this.#host.configuration.listens(listener.url, given, resolved);
    const close = async (): Promise<void> => {
      ends();
      await listener.close();
    };
    return { ...listener, close, [Symbol.asyncDispose]: close };
  }

  /** One after the other: a socket is not opened on an engine that is being replaced. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /**
   * Reads the file of the cluster's secret again, for what is proved from now on. By itself it is looked at every 10 s whether it has changed. One
   * that cannot be used is a warning, and changes nothing.
   */
  renewSecret(): void {
    this.#host.secretFile?.readAgain();
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
   * Ends listeners and clients, writes and syncs everything, gives the directory back: all of it, also when a
   * part fails. Rejects with what failed, like a client's write that nobody was told of. An aborted signal
   * ends the waiting, not the closing.
   */
  close(options?: CallOptions): Promise<void> {
    return closeWith(options, ({ signal }) => {
      this.#closing ??= this.#close();
      return abortable(this.#closing, signal);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.#turn;
    this.#host.secretFile?.close();
    const leadership = await this.#cluster.leadership();
    leadership?.rest();
    this.#cluster.leave();
    const [sockets] = await Promise.allSettled([this.#sockets.stop()]);
    const clients = (await this.#embedded?.close()) ?? [];
    this.#embedded?.end();
    await this.#role.close();
    // Last: what was taken is acked while the lease runs, and nobody else leads before it is given back.
    await leadership?.close();
    const failed = [sockets, ...clients].find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
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
      listeners: this.#sockets.urls,
      closed: this.#closing !== null,
    });
  }
}
