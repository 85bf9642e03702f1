/**
 * What a name server knows, as a machine without clock, timers or sockets: brokers register over links,
 * everybody asks for routes. Time is given with each call, by a clock that nobody sets.
 *
 *     registered ── its link ends, or nothing is heard for registrationMs ──▶ away ── awayMs ──▶ forgotten
 *         ▲───────────────── registers again ──────────────────────────────────┘
 *
 * A broker that is away is in no route; its set stays in it, with its topics, so that a key's queue stays the
 * same one meanwhile.
 */
import {
  type BrokerRegistration,
  type BrokerStatus,
  type ClusterRoute,
  MAX_CLUSTERS,
  MAX_REGISTERED_TOPICS,
  MAX_SETS_PER_CLUSTER,
  type NameServerMethods,
  type RegistrationAnswer,
  RingMQError,
} from '../../native-free/wire/index.js';
import { BrokerSet } from './broker-set.js';
import { Cluster } from './cluster.js';
import { RegisteredBroker } from './registered-broker.js';

export interface RouteTableOptions {
  /** Heard of nothing for so long, a broker counts as away, whatever its link says. */
  registrationMs: number;
  /** So long a broker that is away is kept. */
  awayMs: number;
  /** Topics and tombstones of all brokers together. */
  maxTopics: number;
  maxBrokers: number;
}

export const ROUTE_TABLE_DEFAULTS: RouteTableOptions = {
  registrationMs: 120_000,
  awayMs: 120_000,
  maxTopics: 1_048_576,
  maxBrokers: 4_096,
};

export interface RouteTableHooks {
  /** The route, or the topics, of a cluster are others now. */
  onChanged(cluster: string, version: number): void;
  /** The link does not speak for a broker any more: another one does, or nothing was heard for too long. */
  onLinkEnded(link: number, why: 'replaced' | 'silent'): void;
  /** A second broker has come under the name of one that is there, and was refused; once for each address. */
  onTwin?(known: BrokerRegistration, refused: BrokerRegistration): void;
}

const DEFAULT_CLUSTER = 'default';
type Params<M extends keyof NameServerMethods> = NameServerMethods[M]['params'];
type Result<M extends keyof NameServerMethods> = NameServerMethods[M]['result'];

interface Place {
  readonly cluster: Cluster;
  readonly broker: RegisteredBroker;
}

export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #hooks: RouteTableHooks;
  readonly #startedAtMs: number;
  readonly #clusters = new Map<string, Cluster>();
  readonly #links = new Map<number, Place>();
  #brokerCount = 0;

  constructor(options: Partial<RouteTableOptions>, hooks: RouteTableHooks, nowMs: number) {
    this.#options = { ...ROUTE_TABLE_DEFAULTS, ...options };
    this.#hooks = hooks;
    this.#startedAtMs = nowMs;
  }

  /** Brokers that it keeps, those that are away included. */
  get brokerCount(): number {
    return this.#brokerCount;
  }

  /** A broker has registered on that connection. */
  isRegistered(link: number): boolean {
    return this.#links.has(link);
  }

  /** @throws RingMQError BAD_CONFIG (the name or the set is somebody else's), BROKER_BUSY (a limit), BAD_ARGUMENT (the link is another broker's) */
  register(link: number, given: BrokerRegistration, nowMs: number): RegistrationAnswer {
    const cluster = this.#clusters.get(given.cluster) ?? this.#newCluster(given.cluster);
    const before = cluster.version;
    this.#checkLink(link, given);
    const known = cluster.brokers.get(given.name);
    const holder = this.#holderOf(known, given, link);
    const set = cluster.sets.get(given.set) ?? this.#newSet(cluster, given.set);
    if (holder !== null) {
      return this.#answerTwin(holder, cluster, set, given, nowMs);
    }
    set.check(given);
    let broker = known;
    if (broker === undefined) {
      this.#makeRoom();
      broker = new RegisteredBroker(given, link, nowMs);
      this.#brokerCount++;
    } else if (broker.link === link) {
      broker.registration = given;
    } else {
      this.#dropLink(broker, 'replaced');
      if (broker.registration.set !== given.set) {
        cluster.leaveSet(broker);
      }
      broker.takeOver(given, link);
    }
    broker.heardAtMs = nowMs;
    this.#clusters.set(given.cluster, cluster);
    cluster.join(broker, set);
    this.#links.set(link, { cluster, broker });
    cluster.refresh(set);
    this.#tellChanges(cluster, before);
    const twin = broker.twinAt(nowMs);
    return {
      version: cluster.version,
      master: set.route.master,
      epoch: set.epoch,
      revision: broker.revision,
      topicsVersion: cluster.topics.version,
      ...(twin === null ? {} : { twin }),
    };
  }

  /** @throws RingMQError BAD_ARGUMENT (not registered, another revision), BROKER_BUSY */
  registerTopics(link: number, page: Params<'registerTopics'>): Result<'registerTopics'> {
    const place = this.#links.get(link);
    if (place === undefined) {
      throw new RingMQError('BAD_ARGUMENT', 'no broker has registered on this connection', {
        details: { revision: null },
      });
    }
    const { cluster, broker } = place;
    if (this.#topicCount() + page.topics.length + page.tombstones.length > this.#options.maxTopics) {
      throw new RingMQError('BROKER_BUSY', `the name server keeps ${this.#options.maxTopics} topics in all`, {
        details: { limit: this.#options.maxTopics },
      });
    }
    const before = cluster.version;
    const names = broker.tell(page, MAX_REGISTERED_TOPICS);
    cluster.topicsTold(broker, names);
    this.#tellChanges(cluster, before);
    return { revision: page.revision, topicsVersion: cluster.topics.version };
  }

  /** The link has ended. */
  unregister(link: number, nowMs: number): void {
    const place = this.#links.get(link);
    if (place === undefined) {
      return;
    }
    this.#links.delete(link);
    const { cluster, broker } = place;
    const before = cluster.version;
    broker.away(nowMs);
    cluster.refreshOf(broker);
    this.#tellChanges(cluster, before);
  }

  /** To be called now and then, each second or so. */
  expire(nowMs: number): void {
    const { registrationMs, awayMs } = this.#options;
    for (const cluster of [...this.#clusters.values()]) {
      const before = cluster.version;
      for (const broker of [...cluster.brokers.values()]) {
        if (broker.isUp && nowMs - broker.heardAtMs >= registrationMs) {
          this.#dropLink(broker, 'silent');
          broker.away(nowMs);
          cluster.refreshOf(broker);
        } else if (!broker.isUp && nowMs - broker.awaySinceMs >= awayMs) {
          this.#forget(cluster, broker);
        }
      }
      this.#tellChanges(cluster, before);
    }
  }

  route({ cluster }: Params<'route'>, nowMs: number): ClusterRoute {
    const name = this.#nameOf(cluster);
    const found = this.#clusters.get(name);
    return {
      cluster: name,
      version: found?.version ?? 0,
      upMs: nowMs - this.#startedAtMs,
      sets: found?.routes() ?? [],
    };
  }

  /** @throws RingMQError TOPIC_NOT_FOUND */
  topicRoute({ topic, cluster }: Params<'topicRoute'>): Result<'topicRoute'> {
    const name = this.#nameOf(cluster);
    const found = this.#clusters.get(name);
    const sets = found?.topics.setsOf(topic) ?? [];
    if (found === undefined || sets.length === 0) {
      throw new RingMQError(
        'TOPIC_NOT_FOUND',
        `no broker set of the cluster '${name}' has a topic '${topic}'`,
        {
          details: { topic, cluster: name },
        },
      );
    }
    return { cluster: name, version: found.version, topic, sets };
  }

  topicChanges({ since, limit, cluster }: Params<'topicChanges'>): Result<'topicChanges'> {
    const found = this.#clusters.get(this.#nameOf(cluster));
    return (
      found?.topics.changes(since, limit ?? Number.POSITIVE_INFINITY) ?? {
        version: 0,
        complete: true,
        topics: [],
      }
    );
  }

  /** All brokers of a cluster, in the order of their sets and names. */
  status(
    cluster: string | null | undefined,
    nowMs: number,
  ): { cluster: string; version: number; brokers: BrokerStatus[] } {
    const name = this.#nameOf(cluster);
    const found = this.#clusters.get(name);
    return { cluster: name, version: found?.version ?? 0, brokers: found?.status(nowMs) ?? [] };
  }

  #nameOf(asked: string | null | undefined): string {
    if (asked !== null && asked !== undefined) {
      return asked;
    }
    const [only] = this.#clusters.size === 1 ? this.#clusters.keys() : [];
    return only ?? DEFAULT_CLUSTER;
  }

  #checkLink(link: number, given: BrokerRegistration): void {
    const place = this.#links.get(link);
    if (place === undefined) {
      return;
    }
    const { cluster, name, set } = place.broker.registration;
    if (cluster !== given.cluster || name !== given.name || set !== given.set) {
      throw new RingMQError('BAD_ARGUMENT', `this connection is that of '${name}', of the set '${set}'`, {
        details: { cluster, set, name },
      });
    }
  }

  /** A name is that of one broker as long as that one is there: a second one is a mistake, not a restart. */
  #holderOf(
    known: RegisteredBroker | undefined,
    given: BrokerRegistration,
    link: number,
  ): RegisteredBroker | null {
    if (known === undefined || !known.isUp || known.link === link) {
      return null;
    }
    const { brokerId, set, role, epoch, openingId } = known.registration;
    // A master that was started anew has a new epoch: one of the same has a copy of the log.
    const isCopy =
      role === 'master' && given.role === 'master' && epoch === given.epoch && openingId !== given.openingId;
    const isOther = brokerId !== given.brokerId || set !== given.set || isCopy || known.isTwin(given);
    return isOther ? known : null;
  }

  /** Who has the name keeps it. A master whose term is over hears that it is, whatever its name is. */
  #answerTwin(
    known: RegisteredBroker,
    cluster: Cluster,
    set: BrokerSet,
    given: BrokerRegistration,
    nowMs: number,
  ): RegistrationAnswer {
    const { brokerId, set: ofSet, url } = known.registration;
    if (known.sawTwin(given, nowMs)) {
      this.#hooks.onTwin?.(known.registration, given);
    }
    if (given.role === 'master' && given.brokerId === set.brokerId && given.epoch < set.epoch) {
      const { version, topics } = cluster;
      const { route, epoch } = set;
      return { version, master: route.master, epoch, revision: null, topicsVersion: topics.version };
    }
    throw new RingMQError(
      'BAD_CONFIG',
      `another broker of the cluster is called '${given.name}', of the set '${ofSet}' at ${url}: give each a name of its own (--name), and a directory of its own`,
      { details: { name: given.name, set: ofSet, url, brokerId } },
    );
  }

  #newCluster(name: string): Cluster {
    if (this.#clusters.size >= MAX_CLUSTERS) {
      throw new RingMQError('BROKER_BUSY', `a name server has at most ${MAX_CLUSTERS} clusters`, {
        details: { limit: MAX_CLUSTERS },
      });
    }
    return new Cluster(name);
  }

  #newSet(cluster: Cluster, name: string): BrokerSet {
    if (cluster.sets.size >= MAX_SETS_PER_CLUSTER) {
      throw new RingMQError('BROKER_BUSY', `a cluster has at most ${MAX_SETS_PER_CLUSTER} broker sets`, {
        details: { limit: MAX_SETS_PER_CLUSTER },
      });
    }
    return new BrokerSet(name);
  }

  /** The one that is away for longest goes first. */
  #makeRoom(): void {
    if (this.#brokerCount < this.#options.maxBrokers) {
      return;
    }
    let oldest: Place | null = null;
    for (const cluster of this.#clusters.values()) {
      for (const broker of cluster.brokers.values()) {
        if (!broker.isUp && (oldest === null || broker.awaySinceMs < oldest.broker.awaySinceMs)) {
          oldest = { cluster, broker };
        }
      }
    }
    if (oldest === null) {
      throw new RingMQError(
        'BROKER_BUSY',
        `the name server knows ${this.#options.maxBrokers} brokers, as many as it may`,
        {
          details: { limit: this.#options.maxBrokers },
        },
      );
    }
    this.#forget(oldest.cluster, oldest.broker);
  }

  #forget(cluster: Cluster, broker: RegisteredBroker): void {
    this.#brokerCount--;
    cluster.forget(broker);
    if (cluster.sets.size === 0) {
      this.#clusters.delete(cluster.name);
    }
  }

  #dropLink({ link }: RegisteredBroker, why: 'replaced' | 'silent'): void {
    if (link !== null) {
      this.#links.delete(link);
      this.#hooks.onLinkEnded(link, why);
    }
  }

  #topicCount(): number {
    let count = 0;
    for (const cluster of this.#clusters.values()) {
      for (const broker of cluster.brokers.values()) {
        count += broker.heldCount;
      }
    }
    return count;
  }

  #tellChanges(cluster: Cluster, before: number): void {
    if (cluster.version !== before) {
      this.#hooks.onChanged(cluster.name, cluster.version);
    }
  }
}
