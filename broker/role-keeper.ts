/**
 * Keeps a broker in the role that it has in its set: follows the master while it is a slave, and closes and
 * opens the engine again when the role, or the log, is to be another.
 */
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import type { Engine } from '../engine/engine.js';
import { isRingMQError, type ReplicaFacts, RingMQError } from '../native-free/wire/index.js';
import type { ReplicationEvent } from './follower/follow.js';
import { FollowedMaster } from './follower/followed-master.js';
import { isPassing, patiently } from './patience.js';
import type { SetSought } from './set-route.js';

/** Name servers are asked for so long whether a slave that is waited for is there. */
const LOOK_MS = 1_000;

/** The broker, as far as this needs it. */
export interface RoleHost {
  /** The cluster's. */
  readonly secrets: ClusterSecrets | null;
  /** `role`: what differs from what was asked for at first. */
  open(role: { role?: 'slave'; master?: string; brokerSet?: string }): Promise<Engine>;
  isClosing(): boolean;
  /** One after the other: a socket is not opened on an engine that is being replaced. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** All connections end, and nobody is told of the broker any more. */
  stopServing(): Promise<void>;
  /** On the engine that was opened again, the same clients and sockets are served. `masterUrl`: of a slave's. */
  serveAgain(engine: Engine, masterUrl: string | null): Promise<void>;
  /** The broker has become the master. */
  onPromoted(): void;
  /** How the broker stands in its set is another. */
  onStandingChanged(): void;
  onReplication(event: ReplicationEvent): void;
  onWarning(message: string): void;
  onFatal(error: RingMQError): void;
}

export class RoleKeeper {
  #engine: Engine;
  /** False while it is being replaced. */
  #isEngineOpen = true;
  readonly #host: RoleHost;
  readonly #master: FollowedMaster;
  #reopening: Promise<void> | null = null;

  constructor(engine: Engine, host: RoleHost) {
    this.#engine = engine;
    this.#host = host;
    this.#master = new FollowedMaster(engine.options.master ?? null, host.secrets, {
      onEvent: (event) => host.onReplication(event),
      onCut: (master, state) => void this.#rejoin(master, state),
      onFatal: (error) => host.onFatal(error),
    });
  }

  /** Another one each time that it was opened again. */
  get engine(): Engine {
    return this.#engine;
  }

  /** It follows a master, or will. */
  get isFollowing(): boolean {
    return this.#master.isFollowed || this.#reopening !== null;
  }

  /** A slave follows its master from now on. */
  follow(): void {
    const engine = this.#engine;
    const host = this.#host;
    // At once: a master that comes back asks name servers whether it was replaced.
    engine.replication.promotion.onPromoted = () => host.onPromoted();
    engine.replication.onStandingChanged = () => host.onStandingChanged();
    const sought = (): SetSought => ({
      nameServers: engine.options.nameServers,
      secrets: host.secrets,
      linkTls: engine.options.linkTls,
      cluster: engine.handle.cluster,
      set: engine.handle.brokerSet,
    });
    engine.replication.promotion.lacks = async () => {
      const { lackOf } = await import('./other-slaves.js');
      return await lackOf(() => engine.replication.describe(), sought());
    };
    engine.replication.handOver.areThere = async (slaves) => {
      const { setRoutes } = await import('./set-route.js');
      const routes = await setRoutes(sought(), LOOK_MS, LOOK_MS);
      return slaves.filter((name) =>
        routes.some((route) => route.slaves.some((slave) => slave.name === name)),
      );
    };
    if (engine.thread.place.role !== 'slave') {
      return;
    }
    this.#master.begin(engine, this.#isLed);
  }

  /** A controller says who is the master. */
  get #isLed(): boolean {
    return this.#engine.options.controller !== undefined;
  }

  /** The controller's word: it follows the master at `url` from now on, or nobody. */
  async followBy(url: string | null): Promise<void> {
    await this.#reopening;
    if (this.#host.isClosing()) {
      return;
    }
    const engine = this.#engine;
    if (!engine.mastership.term.isFollower) {
      engine.mastership.standDown(url);
      this.#master.setNext(url);
      this.#reopen({ role: 'slave' });
      await this.#reopening;
    } else if (url === null) {
      this.#master.setNext(null);
      engine.mastership.setMasterUrl(null);
      await engine.replication.promotion.stopFollowing();
    } else if (!this.#master.isFollowed) {
      this.#master.setNext(url);
      this.follow();
    } else if (url !== this.#master.url) {
      this.setMaster(url);
    }
  }

  /** Where a slave's master is now; null: nobody knows. */
  setMaster(url: string | null): void {
    if (url === null && this.#engine.options.master !== undefined) {
      return; // That it is not known there does not mean that it is not where it was said to be.
    }
    this.#master.moved(this.#engine, url);
  }

  /** Another broker is master of this one's set: it comes back as that one's slave. */
  fenced(masterUrl: string | null): void {
    this.#master.setNext(masterUrl);
    this.#reopen({ role: 'slave' });
  }

  /** The queue index is to be made anew from the log, or the log read again from the last checkpoint. */
  stale(): void {
    this.#reopen(this.#engine.mastership.term.isFollower ? { role: 'slave' } : {});
  }

  /** The log is not as the master has it: it is cut, or begun anew, and the engine opened again. */
  async #rejoin(master: ReplicaFacts, state: Uint8Array | null): Promise<void> {
    try {
      const engine = this.#engine;
      const rejoin = await this.#patiently(
        () => engine.replication.prepareRejoin(master, state),
        () => engine !== this.#engine || this.#reopening !== null,
      );
      if (rejoin !== null) {
        const { position, epoch, end } = rejoin;
        this.#host.onReplication({ event: 'cut', position, epoch, end });
        this.#reopen({ role: 'slave' });
      }
    } catch (error) {
      this.#fatal(error);
    }
  }

  /** `null`: it was over before, or the broker is being closed. */
  #patiently<T>(work: () => T | Promise<T>, isOver = () => false): Promise<T | null> {
    return patiently(
      work,
      () => this.#host.isClosing() || isOver(),
      (error) =>
        this.#host.onWarning(
          `this slave's log cannot be opened anew for want of room or descriptors; it is tried again each second: ${String(error)}`,
        ),
    );
  }

  /** All connections end, the engine is closed and opened again, and the same sockets are open. */
  #reopen(role: { role?: 'slave' }): void {
    if (this.#host.isClosing() || this.#reopening !== null) {
      return;
    }
    this.#reopening = this.#host
      .inTurn(() => this.#openAgain(role))
      .catch((error: unknown) => this.#fatal(error))
      .finally(() => {
        this.#reopening = null;
      });
  }

  async #openAgain(role: { role?: 'slave' }): Promise<void> {
    if (this.#host.isClosing()) {
      return;
    }
    await this.#host.stopServing();
    await this.#master.stop();
    this.#isEngineOpen = false;
    await this.#engine.close().catch((error: unknown) => {
      // What it could not write for want of room it fetches again.
      if (!isPassing(error)) {
        throw error;
      }
    });
    const { brokerSet } = this.#engine.handle;
    const engine = await this.#patiently(() => {
      const { url } = this.#master;
      const master = url === null || this.#isLed || role.role === undefined ? {} : { master: url };
      return this.#host.open({ ...role, ...master, brokerSet });
    });
    if (engine === null) {
      return;
    }
    this.#engine = engine;
    this.#isEngineOpen = true;
    await this.#host.serveAgain(engine, this.#master.url);
    this.follow();
  }

  #fatal(error: unknown): void {
    const told = isRingMQError(error) ? error : new RingMQError('INTERNAL', String(error), { cause: error });
    this.#host.onFatal(told);
  }

  /** Nobody is followed any more, and the engine is closed. */
  async close(): Promise<void> {
    await this.#master.stop();
    if (this.#isEngineOpen) {
      await this.#engine.close();
    }
  }
}
