/** One cluster as a name server knows it: its sets, their brokers, and the topics of all of them. */
import type { BrokerStatus, SetRoute } from '../../native-free/wire/index.js';
import type { BrokerSet } from './broker-set.js';
import { ClusterTopics } from './cluster-topics.js';
import type { ChangedNames, RegisteredBroker } from './registered-broker.js';

export class Cluster {
  readonly name: string;
  readonly sets = new Map<string, BrokerSet>();
  /** By their names, which are unique in a cluster. */
  readonly brokers = new Map<string, RegisteredBroker>();
  readonly topics = new ClusterTopics();
  /** From whom each set's topics were taken last. */
  readonly #sources = new Map<string, RegisteredBroker>();
  #routeVersion = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** Grows with each change of a route or a topic. */
  get version(): number {
    return this.#routeVersion + this.topics.version;
  }

  join(broker: RegisteredBroker, set: BrokerSet): void {
    this.brokers.set(broker.name, broker);
    set.brokers.set(broker.name, broker);
    if (!this.sets.has(set.name)) {
      this.sets.set(set.name, set);
      this.#routeVersion++;
    }
  }

  /** It may come back under its name in another set. */
  leaveSet(broker: RegisteredBroker): void {
    const set = this.sets.get(broker.registration.set);
    set?.brokers.delete(broker.name);
    if (set !== undefined) {
      this.#refreshOrDrop(set);
    }
  }

  forget(broker: RegisteredBroker): void {
    this.brokers.delete(broker.name);
    this.leaveSet(broker);
  }

  refreshOf(broker: RegisteredBroker): void {
    const set = this.sets.get(broker.registration.set);
    if (set !== undefined) {
      this.refresh(set);
    }
  }

  refresh(set: BrokerSet): void {
    if (set.refresh()) {
      this.#routeVersion++;
    }
    const known = this.#sources.get(set.name);
    const source = set.topicSource();
    if (source !== null && source !== known) {
      this.#sources.set(set.name, source);
      this.topics.update(set.name, source.topicSet, null);
    } else if (source === null && known !== undefined && set.brokers.get(known.name) !== known) {
      this.#sources.delete(set.name);
      this.topics.update(set.name, null, null);
    }
  }

  /** The broker has told something of its topics; `names`: of which. */
  topicsTold(broker: RegisteredBroker, names: ChangedNames): void {
    const set = this.sets.get(broker.registration.set);
    if (set === undefined) {
      return;
    }
    if (this.#sources.get(set.name) === broker) {
      this.topics.update(set.name, broker.topicSet, names);
    } else if (names === null) {
      this.refresh(set);
    }
  }

  routes(): SetRoute[] {
    return this.#sorted().map(({ route }) => route);
  }

  status(nowMs: number): BrokerStatus[] {
    return this.#sorted().flatMap((set) =>
      [...set.brokers.values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((broker) => statusOf(set, broker, nowMs)),
    );
  }

  #refreshOrDrop(set: BrokerSet): void {
    if (set.brokers.size > 0) {
      this.refresh(set);
      return;
    }
    this.sets.delete(set.name);
    this.#sources.delete(set.name);
    this.topics.update(set.name, null, null);
    this.#routeVersion++;
  }

  #sorted(): BrokerSet[] {
    return [...this.sets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function statusOf(set: BrokerSet, broker: RegisteredBroker, nowMs: number): BrokerStatus {
  const { name, role, url, brokerId, openingId, epoch, start, end, flushed, damaged } = broker.registration;
  const replica = role === 'slave' ? set.replica(name) : null;
  return {
    name,
    set: set.name,
    role,
    url,
    up: broker.isUp,
    isMaster: set.route.master?.name === name,
    brokerId,
    openingId,
    epoch,
    start,
    end,
    flushed,
    ...(damaged === undefined ? {} : { damaged }),
    inSync: replica?.inSync ?? null,
    lagBytes: replica?.lagBytes ?? null,
    lagMs: replica?.lagMs ?? null,
    controller: broker.registration.controller ?? false,
    heardMs: Math.max(0, nowMs - broker.heardAtMs),
    topics: broker.topicSet.topics.size,
  };
}
