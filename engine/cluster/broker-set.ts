/** One broker set: which of its brokers is the master, who its slaves are, and from whom its topics are known. */
import {
  MAX_BROKERS_PER_SET,
  type MasterInfo,
  type ReplicaInfo,
  RingMQError,
  type SetRoute,
} from '../../native-free/wire/index.js';
import type { RegisteredBroker } from './registered-broker.js';

export class BrokerSet {
  readonly name: string;
  /** By their names. */
  readonly brokers = new Map<string, RegisteredBroker>();
  #brokerId = '';
  /** The highest that anybody of this log has named, gone or not. */
  #epoch = 0;
  #route: SetRoute;

  constructor(name: string) {
    this.name = name;
    this.#route = { set: name, master: null, slaves: [] };
  }

  /** As of the last {@link refresh}. */
  get route(): SetRoute {
    return this.#route;
  }

  /** Of the log that the set has; empty: nobody has said one. */
  get brokerId(): string {
    return this.#brokerId;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Throws BAD_CONFIG for another master of another log, and BROKER_BUSY where there are as many brokers as may be. */
  check(given: { name: string; role: string; brokerId: string }): void {
    const other = [...this.brokers.values()].find(
      ({ isUp, registration }) =>
        isUp &&
        given.role === 'master' &&
        registration.role === 'master' &&
        registration.brokerId !== given.brokerId &&
        registration.name !== given.name,
    );
    if (other !== undefined) {
      const { name, url, brokerId } = other.registration;
      throw new RingMQError(
        'BAD_CONFIG',
        `the broker set '${this.name}' has a master with another log, '${name}' at ${url}: give this broker a name (or a broker set) of its own`,
        { details: { set: this.name, name, url, brokerId } },
      );
    }
    if (!this.brokers.has(given.name) && this.brokers.size >= MAX_BROKERS_PER_SET) {
      throw new RingMQError('BROKER_BUSY', `a broker set has at most ${MAX_BROKERS_PER_SET} brokers`, {
        details: { set: this.name, limit: MAX_BROKERS_PER_SET },
      });
    }
  }

  /** Someone has come, gone or said something new. True: the route is another one. */
  refresh(): boolean {
    const up = [...this.brokers.values()].filter(({ isUp }) => isUp);
    this.#chooseLog(up);
    const ofLog = up.filter(
      ({ registration }) => registration.brokerId === this.#brokerId && this.#brokerId !== '',
    );
    for (const { registration } of ofLog) {
      this.#epoch = Math.max(this.#epoch, registration.epoch);
    }
    const master = ofLog
      .filter(({ registration }) => registration.role === 'master' && registration.epoch === this.#epoch)
      .sort((a, b) => (a.name < b.name ? 1 : -1))[0];
    const route: SetRoute = {
      set: this.name,
      master: master === undefined ? null : masterInfo(master),
      slaves: ofLog
        .filter(({ registration }) => registration.role === 'slave')
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ registration: { name, url, epoch } }) => ({
          name,
          url,
          epoch,
          inSync: this.replica(name)?.inSync ?? false,
          ...(this.replica(name)?.inSync === false ? { isBehind: true } : {}),
        })),
    };
    const isNew = JSON.stringify(route) !== JSON.stringify(this.#route);
    this.#route = route;
    return isNew;
  }

  /** What the master said last of one of its slaves; also a master that is away. */
  replica(name: string): ReplicaInfo | null {
    let from: RegisteredBroker | undefined;
    for (const broker of this.brokers.values()) {
      const { role, epoch, brokerId } = broker.registration;
      if (
        role === 'master' &&
        brokerId === this.#brokerId &&
        (from === undefined || epoch > from.registration.epoch)
      ) {
        from = broker;
      }
    }
    return from?.registration.replicas.find((replica) => replica.name === name) ?? null;
  }

  /** From whom the set's topics are known: its master, else a slave, else who was there last. null: nobody has told any. */
  topicSource(): RegisteredBroker | null {
    const rank = (broker: RegisteredBroker): number =>
      broker.name === this.#route.master?.name
        ? 3
        : broker.isUp && this.#isOfLog(broker)
          ? 2
          : broker.isUp
            ? 1
            : 0;
    let best: RegisteredBroker | null = null;
    for (const broker of this.brokers.values()) {
      if (!broker.hasToldTopics) {
        continue;
      }
      const isBetter: boolean =
        best === null ||
        rank(broker) > rank(best) ||
        (rank(broker) === rank(best) && broker.registration.epoch > best.registration.epoch);
      best = isBetter ? broker : best;
    }
    return best;
  }

  #isOfLog({ registration }: RegisteredBroker): boolean {
    return registration.brokerId === this.#brokerId;
  }

  /** A log stays the set's as long as anybody has it; then it is that of whoever calls himself master. */
  #chooseLog(up: readonly RegisteredBroker[]): void {
    const master = up.find(({ registration }) => registration.role === 'master');
    const isKept = up.some((broker) => this.#isOfLog(broker) && broker.registration.role === 'master');
    if (isKept || (master === undefined && up.some((broker) => this.#isOfLog(broker)))) {
      return;
    }
    const brokerId = (master ?? up.find(({ registration }) => registration.brokerId !== ''))?.registration
      .brokerId;
    if (brokerId !== undefined && brokerId !== this.#brokerId) {
      this.#brokerId = brokerId;
      this.#epoch = 0;
    }
  }
}

function masterInfo({ registration }: RegisteredBroker): MasterInfo {
  const { name, url, epoch, brokerId } = registration;
  return { name, url, epoch, brokerId };
}
