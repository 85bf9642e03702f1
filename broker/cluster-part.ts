/**
 * A broker takes part in its cluster from when it listens: it is registered with the name servers, where clients log in it has the users of the other sets, and
 * where a controller decides it stands for its set's leadership. What a broker without a cluster never needs is loaded then.
 */
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import type { LeaderLoop } from '../engine/cluster/leader-loop.js';
import type { NameServerDoor } from '../engine/control/name-server-door.js';
import { type LogLevel, type NameServerConfiguration, RingMQError } from '../native-free/wire/index.js';
import type { AccessKeeper } from './access-keeper.js';
import type { Membership } from './membership.js';
import type { SetMemberHost } from './set-member.js';

/** The broker, as far as this needs it. */
export interface ClusterPartHost extends SetMemberHost {
  readonly secrets: ClusterSecrets | null;
  /** With a controller: it may begin a set that etcd knows nothing of. */
  readonly mayFound: boolean;
  /** Clients log in here. */
  readonly hasLogins: boolean;
  /** Name servers say where a slave's master is now; null: nobody knows. */
  setMaster(url: string | null): void;
}

const NOT_REGISTERED = 'this broker is registered with no name server: it is while it listens';

export class ClusterPart implements NameServerDoor {
  readonly #host: ClusterPartHost;
  #membership: Membership | null = null;
  #accessKeeper: AccessKeeper | null = null;
  #leadership: Promise<LeaderLoop | null> | null = null;

  constructor(host: ClusterPartHost) {
    this.#host = host;
  }

  /** How the broker stands in its set is another: name servers are told at once. */
  changed(): void {
    this.#membership?.changed();
  }

  /** What its name servers were started with, as they say now. */
  async configurations(): Promise<NameServerConfiguration[]> {
    const { nameServers } = this.#host.engine().options;
    return (
      (await this.#membership?.configurations()) ??
      nameServers.map((nameServer) => ({ nameServer, failure: NOT_REGISTERED, options: [] }))
    );
  }

  /** Rejects with BAD_ARGUMENT, and with what that name server says. */
  async setLogLevel(nameServer: string, level: LogLevel): Promise<void> {
    if (this.#membership === null) {
      throw new RingMQError('BAD_ARGUMENT', `nameServer: ${NOT_REGISTERED}`, {
        details: { option: 'nameServer' },
      });
    }
    await this.#membership.setLogLevel(nameServer, level);
  }

  /** Where it can be reached is known now: name servers are told. */
  async join(listensAt: string): Promise<void> {
    const { options, thread } = this.#host.engine();
    if (options.nameServers.length === 0 || this.#membership !== null) {
      return;
    }
    const [{ Membership }, { AccessKeeper }] = await Promise.all([
      import('./membership.js'),
      import('./access-keeper.js'),
      // Needed by a promotion, when there may be no file descriptor to load it with.
      import('./other-slaves.js'),
    ]);
    const membership = new Membership({
      options,
      thread,
      url: options.advertiseUrl ?? listensAt,
      secrets: this.#host.secrets,
      stats: () => this.#host.engine().stats(),
      deletedTopics: () => this.#host.engine().catalog.deletedTopics(),
      deletedUpTo: (topic) => this.#host.engine().catalog.deletedUpTo(topic),
      replicas: () => this.#host.engine().replication.list(),
      onFenced: (epoch, masterUrl) => this.#host.engine().mastership.fence(epoch, masterUrl),
      onMaster: (url) => {
        if (this.#host.engine().options.controller === undefined) {
          this.#host.setMaster(url);
        }
      },
      onWarning: (message, details) => this.#host.engine().warn(message, details),
    });
    this.#membership = membership;
    this.#host.engine().catalog.leastCreatedTime = (topic) => membership.leastCreatedTime(topic);
    await membership.open();
    this.#keepAccess(AccessKeeper);
  }

  /** Where clients log in, a cluster's sets have the same users: those without a secret have no way to ask each other. */
  #keepAccess(Keeper: typeof AccessKeeper): void {
    const engine = this.#host.engine();
    const { secrets, hasLogins } = this.#host;
    if (!hasLogins || secrets === null) {
      return;
    }
    this.#accessKeeper = new Keeper({
      nameServers: engine.options.nameServers,
      secrets,
      linkTls: engine.options.linkTls,
      cluster: engine.handle.cluster,
      set: engine.handle.brokerSet,
      isMaster: () => engine.thread.place.role === 'master',
      digest: () => engine.access.digest,
      take: (records) => engine.takeAccess(records),
      onWarning: (message, details) => engine.warn(message, details),
    });
    void this.#accessKeeper.look();
  }

  /** Where it can be reached is known now: it takes part in its set's leadership. */
  async stand(listensAt: string): Promise<void> {
    if (this.#host.engine().options.controller !== undefined && this.#leadership === null) {
      this.#leadership = this.#openLeadership(listensAt);
      await this.#leadership;
    }
  }

  async #openLeadership(listensAt: string): Promise<LeaderLoop | null> {
    const { LedBroker, openLeadership } = await import('./set-member.js');
    const { options, handle } = this.#host.engine();
    const member = new LedBroker(this.#host, options, options.advertiseUrl ?? listensAt, this.#host.mayFound);
    return await openLeadership(member, options, handle.brokerSet);
  }

  /** null: no controller decides, or there was none to speak to. */
  async leadership(): Promise<LeaderLoop | null> {
    return (await this.#leadership?.catch(() => null)) ?? null;
  }

  /** Name servers and other sets are told nothing any more, until it joins again. */
  leave(): void {
    this.#membership?.close();
    this.#membership = null;
    this.#accessKeeper?.close();
    this.#accessKeeper = null;
  }
}
