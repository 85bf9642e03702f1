/**
 * The connection to one broker set: to its master, or to a slave while there is no master that answers.
 * Whoever answers has the same log, so that to producers and consumers it is one broker that was away for a
 * moment.
 */
import { monotonicMs } from '../../time/index.js';
import {
  type ErrorCode,
  type MasterInfo,
  RingMQError,
  type SetRoute,
  type Welcome,
} from '../../wire/index.js';
import { Deferred, pause, whenAborted } from '../abort.js';
import type { AsideLink, BrokerLink } from '../brokers.js';
import type { Connection } from '../link/connection.js';
import type { Link, LinkFactory } from '../link/link.js';
import { makeConnection } from '../make-connection.js';
import { TopicCache } from '../produce/topic-cache.js';
import type { ClientOptions } from '../types.js';
import { AsideLinks } from './aside-links.js';
import { answersAsMaster, isMaster } from './probe.js';

/** How long it is waited for the answer of a master that is in the route again. */
const PROBE_MS = 3_000;
/** Between two looks whether a master answers, doubled with each: it may be named by mistake, or be just becoming one. */
const MIN_BACK_MS = 100;
const MAX_BACK_MS = 10_000;
/** Refusals of a master whatever the batch is: another one may take it. */
const REFUSALS_OF_MASTER: ReadonlySet<ErrorCode> = new Set([
  'NOT_ENOUGH_REPLICAS',
  'DISK_FULL',
  'BROKER_BUSY',
]);
/** A master that has refused for less is waited for: a slave that connects again, a segment that is deleted. */
const REFUSING_AFTER_MS = 500;
/** A master that refuses is tried so often with a batch that others would take. */
const PROBE_EVERY_MS = 1_000;

export interface SetLinkOwner {
  /** Links to an address. */
  linksTo(url: string): LinkFactory;
  /** The route may be another one by now. */
  refresh(): void;
  onUp(link: SetLink): void;
  onLost(link: SetLink, reason: unknown): void;
  onTopicChanged(topic: string): void;
}

export class SetLink implements BrokerLink {
  readonly set: string;
  readonly connection: Connection;
  readonly topics: TopicCache;
  readonly #owner: SetLinkOwner;
  #route: SetRoute;
  /** Where the link goes, or is tried to go. */
  #url: string | null = null;
  /** Tries that failed, since the last that did not. */
  #failures = 0;
  /** It was refused as no master. */
  #isFenced = false;
  #downSince = monotonicMs();
  /** The first refusal since the master last stored something; Infinity: there was none. */
  #refusedSince = Number.POSITIVE_INFINITY;
  #triedAt = 0;
  #known: Deferred<void> | null = new Deferred<void>();
  readonly #opened = new Deferred<void>();
  #routeChange: Deferred<void> | null = null;
  #isProbing = false;
  #backWaitMs = 0;
  readonly #asides: AsideLinks;
  /** Ends the wait before the next turn to the master. */
  #backRest: AbortController | null = null;

  constructor(route: SetRoute, options: ClientOptions, owner: SetLinkOwner) {
    this.set = route.set;
    this.#route = route;
    this.#owner = owner;
    this.connection = makeConnection((signal) => this.#open(signal), {
      ...options,
      // As long as the set is in the route.
      connectTimeoutMs: 0,
      onConnection: (state, reason) => this.#onConnection(state, reason),
      isPatient: true,
      check: (welcome) => this.#check(welcome),
      mayProduce: isMaster,
      onTrouble: () => this.#onTrouble(),
      onTopicChanged: (topic) => owner.onTopicChanged(topic),
    });
    this.topics = new TopicCache(this.connection.requests);
    this.#asides = new AsideLinks((url) => owner.linksTo(url), options);
    this.connection.open(undefined).catch(() => {
      // It was closed meanwhile.
    });
  }

  get isUp(): boolean {
    return this.connection.produce.isOpen && !this.#isFenced;
  }

  get downSince(): number {
    return this.isUp ? Number.POSITIVE_INFINITY : this.#downSince;
  }

  /** Resolves when it is known whether somebody answers for the set. */
  known(): Promise<void> {
    return this.#known?.promise ?? Promise.resolve();
  }

  /** Resolves when the link stands for the first time, or will not. */
  opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** The link is to the master now. */
  get isAtMaster(): boolean {
    return this.connection.isOpen && isMaster(this.connection.welcome);
  }

  /** The set as it is in the route now. */
  update(route: SetRoute): void {
    const before = this.#route.master;
    this.#route = route;
    this.#routeChange?.resolve();
    this.#routeChange = null;
    const { master } = route;
    if (master !== null && (before?.url !== master.url || before.epoch !== master.epoch)) {
      this.#failures = 0;
      this.#backWaitMs = 0;
      this.#backRest?.abort();
      this.connection.hurry();
    }
    if (!this.connection.isOpen || master === null) {
      return;
    }
    if (this.isAtMaster && master.url !== this.#url && !this.#isNewerThan(master)) {
      this.connection.reconnect(new RingMQError('CONNECTION_LOST', `${master.name} is the master now`));
    } else {
      void this.#toMaster();
    }
  }

  /** The broker at the other end has become master later than the name server knows. */
  #isNewerThan(master: MasterInfo): boolean {
    return (this.connection.welcome.epoch ?? 0) > master.epoch;
  }

  onRefused(code: ErrorCode): void {
    if (code === 'NOT_MASTER') {
      if (!this.#isFenced) {
        this.#downSince = monotonicMs();
      }
      this.#isFenced = true;
      this.#owner.refresh();
    } else if (REFUSALS_OF_MASTER.has(code) && !this.isRefused) {
      this.#refusedSince = monotonicMs();
    }
  }

  get isRefused(): boolean {
    return this.#refusedSince !== Number.POSITIVE_INFINITY;
  }

  get isRefusing(): boolean {
    return this.isRefused && monotonicMs() - this.#refusedSince >= REFUSING_AFTER_MS;
  }

  onTaken(): void {
    this.#refusedSince = Number.POSITIVE_INFINITY;
  }

  takeProbe(): boolean {
    const now = monotonicMs();
    const isDue = now - this.#triedAt >= PROBE_EVERY_MS;
    this.#triedAt = isDue ? now : this.#triedAt;
    return isDue;
  }

  aside(names: readonly string[]): AsideLink | null {
    const slave = this.#route.slaves.find(({ name }) => names.includes(name));
    return slave === undefined ? null : this.#asides.take(slave.url);
  }

  close(failure: RingMQError): void {
    this.#asides.close(failure);
    this.#backRest?.abort();
    this.connection.close(failure);
    this.#opened.resolve();
    this.#settle();
  }

  async #open(signal: AbortSignal): Promise<Link> {
    let url = this.#choose();
    while (url === null) {
      this.#settle();
      this.#routeChange ??= new Deferred<void>();
      await untilAborted(this.#routeChange.promise, signal);
      url = this.#choose();
    }
    this.#url = url;
    return this.#owner.linksTo(url)(signal);
  }

  /** The master first; after a try that failed the slaves, those in step with it before others. */
  #choose(): string | null {
    const { master, slaves } = this.#route;
    const inStep = [...slaves].sort((a, b) => Number(b.inSync) - Number(a.inSync));
    const urls = [...(master === null ? [] : [master]), ...inStep].map(({ url }) => url);
    return urls[this.#failures % urls.length] ?? null;
  }

  #check({ brokerSet, role }: Welcome): void {
    if (role === 'nameserver' || (typeof brokerSet === 'string' && brokerSet !== this.set)) {
      throw new RingMQError(
        'CONNECTION_LOST',
        `at ${this.#url} there is no broker of the set ${this.set} any more`,
      );
    }
  }

  #onTrouble(): void {
    this.#failures++;
    this.#owner.refresh();
    this.#settle();
  }

  #onConnection(state: 'connected' | 'disconnected', reason: unknown): void {
    this.#failures = 0;
    if (state === 'connected') {
      this.#isFenced = false;
      this.#refusedSince = Number.POSITIVE_INFINITY;
      this.#backWaitMs = this.isAtMaster ? 0 : this.#backWaitMs;
      this.#opened.resolve();
      this.#settle();
      this.#owner.onUp(this);
      void this.#toMaster();
      return;
    }
    this.#downSince = monotonicMs();
    this.#known ??= new Deferred<void>();
    this.#owner.onLost(this, reason);
    this.#owner.refresh();
  }

  #settle(): void {
    this.#known?.resolve();
    this.#known = null;
  }

  /** From a slave to the master, as soon as that answers as one: a link that works is not given up for another slave. */
  async #toMaster(): Promise<void> {
    if (this.#isProbing) {
      return;
    }
    this.#isProbing = true;
    for (let master = this.#betterMaster; master !== null; master = this.#betterMaster) {
      const rest = new AbortController();
      this.#backRest = rest;
      await pause(this.#backWaitMs, rest.signal);
      this.#backRest = null;
      this.#backWaitMs = Math.min(MAX_BACK_MS, Math.max(MIN_BACK_MS, this.#backWaitMs * 2));
      const { url } = master;
      const isThere = await answersAsMaster(
        () => this.#owner.linksTo(url),
        this.set,
        PROBE_MS,
        this.connection.user,
      );
      if (isThere && this.#betterMaster?.url === url) {
        this.connection.reconnect(new RingMQError('CONNECTION_LOST', 'the master is back'));
      }
    }
    this.#isProbing = false;
  }

  /** null: there is no link, it is the master's, or there is no master. */
  get #betterMaster(): MasterInfo | null {
    return this.connection.isOpen && !this.isAtMaster ? this.#route.master : null;
  }
}

/** Rejects with the signal's reason when that is aborted first. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = whenAborted(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}
