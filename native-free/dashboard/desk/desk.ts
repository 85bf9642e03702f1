/** The pages' questions, answered by a client of the library: with the rights of its user, and no others. */
import {
  type Admin,
  type Brokers,
  brokersOf,
  type Client,
  ClusterBrokers,
  type Connection,
  type Producer,
  type Receipt,
  type SendingClient,
} from '../../client/internal.js';
import {
  type BrokerStatus,
  type ControlMethods,
  isControlMethod,
  type PageParams,
  type PageResult,
  RingMQError,
} from '../../wire/index.js';
import {
  type AdminCall,
  type Backend,
  CHANGING_CALLS,
  CHANGING_METHODS,
  type PublishedMessage,
  READING_CALLS,
  READING_METHODS,
  type Target,
  type Where,
} from './backend.js';

/** A broker that is asked for by its address must answer within this time. */
const DIAL_MS = 5_000;
/** Connections to brokers that are no masters, at most. */
const MAX_DIALED = 64;
/** Somebody waits at the page, also where the topic has gone, in which case a producer waits for it to come. */
const SEND_MS = 5_000;

export interface DeskOptions {
  /** As whom the client has logged in; null: not as anybody. */
  user: string | null;
  /** Nothing is changed, whatever the user may do. */
  readOnly: boolean;
}

export class Desk implements Backend {
  readonly #client: Client | SendingClient;
  readonly #brokers: Brokers;
  readonly #options: DeskOptions;
  readonly #dialed = new Map<string, Promise<Connection>>();
  #producer: Producer | null = null;

  /** The client stays its owner's; `close` closes what the desk has opened beside it. */
  constructor(client: Client | SendingClient, options: DeskOptions) {
    this.#client = client;
    this.#brokers = brokersOf(client);
    this.#options = options;
  }

  async where(): Promise<Where> {
    const { cluster, brokerSets, brokerName, listener } = this.#client.broker;
    return {
      kind: cluster !== undefined ? 'cluster' : listener === 'embedded' ? 'embedded' : 'broker',
      name: cluster ?? brokerName,
      sets: [...(brokerSets ?? [])],
      user: this.#user,
      readOnly: this.#options.readOnly,
    };
  }

  async control(target: Target, method: string, params: object): Promise<Record<string, unknown>> {
    if (CHANGING_METHODS.has(method)) {
      this.#checkChange(method);
    } else if (!READING_METHODS.has(method)) {
      throw new RingMQError('NOT_SUPPORTED', `the dashboard does not ask for '${method.slice(0, 64)}'`);
    }
    if (!isControlMethod(method)) {
      throw new RingMQError('NOT_SUPPORTED', `this version knows no method ${method}`);
    }
    const { requests } = await this.#connectionTo(target);
    const answer = await requests.call(method, params as ControlMethods[typeof method]['params'], {
      onlyNow: true,
    });
    return answer as Record<string, unknown>;
  }

  async clusterStatus(page: PageParams): Promise<{ brokers: BrokerStatus[] } & PageResult> {
    const { keeper, nameServer } = this.#cluster();
    return nameServer.requests.call('clusterStatus', { cluster: keeper.cluster, ...page }, { onlyNow: true });
  }

  async admin<A extends AdminCall>(
    call: A,
    ...args: Parameters<Admin[A]>
  ): Promise<Awaited<ReturnType<Admin[A]>>> {
    if ((CHANGING_CALLS as readonly string[]).includes(call)) {
      this.#checkChange(call);
    } else if (!(READING_CALLS as readonly string[]).includes(call)) {
      throw new RingMQError('NOT_SUPPORTED', `the dashboard does not ask for '${String(call).slice(0, 64)}'`);
    }
    const admin = this.#client.admin();
    const method = admin[call] as (...given: unknown[]) => Promise<Awaited<ReturnType<Admin[A]>>>;
    return method.apply(admin, args);
  }

  async publish({ queueId, body, ...message }: PublishedMessage): Promise<Receipt> {
    this.#checkChange('publish');
    this.#producer ??= this.#client.producer({ group: 'dashboard', sendTimeoutMs: SEND_MS });
    const how = queueId === undefined ? {} : { queueId };
    return this.#producer.send(body === null ? message : { ...message, body }, how);
  }

  async close(): Promise<void> {
    await this.#producer?.close();
    for (const dialed of this.#dialed.values()) {
      (await dialed.catch(() => null))?.close(new RingMQError('CLOSED'));
    }
    this.#dialed.clear();
  }

  /** As the brokers call it: a token says who somebody is to them alone. */
  get #user(): string | null {
    const brokers = this.#brokers;
    const links =
      brokers instanceof ClusterBrokers ? brokers.links() : brokers.only === null ? [] : [brokers.only];
    const open = links.find(({ connection }) => connection.isOpen);
    return open?.connection.welcome.user ?? this.#options.user;
  }

  #checkChange(what: string): void {
    if (this.#options.readOnly) {
      throw new RingMQError('NOT_ALLOWED', `this dashboard is read-only: ${what} is not done from here`);
    }
  }

  #cluster(): ClusterBrokers {
    if (!(this.#brokers instanceof ClusterBrokers)) {
      throw new RingMQError(
        'NOT_SUPPORTED',
        'there is one broker here, and no name server that knows of others',
      );
    }
    return this.#brokers;
  }

  async #connectionTo({ set, url }: Target): Promise<Connection> {
    if (url !== undefined && this.#brokers instanceof ClusterBrokers) {
      return this.#dial(url);
    }
    const { only } = this.#brokers;
    if (only !== null) {
      return only.connection;
    }
    const links = this.#cluster().links();
    const link = set === undefined ? links[0] : links.find((each) => each.set === set);
    if (link === undefined) {
      throw new RingMQError('CONNECTION_LOST', `the broker set ${set ?? ''} is not in the cluster's route`);
    }
    return link.connection;
  }

  /** Of those that the name server knows, and no others: a page cannot have its credentials carried elsewhere. */
  async #dial(url: string): Promise<Connection> {
    const before = this.#dialed.get(url);
    if (before !== undefined) {
      const connection = await before.catch(() => null);
      if (connection !== null && connection.failure === null && connection.isOpen) {
        return connection;
      }
      connection?.close(new RingMQError('CLOSED'));
      this.#dialed.delete(url);
    }
    const cluster = this.#cluster();
    const isKnown = cluster.keeper.sets.some(
      ({ master, slaves }) => master?.url === url || slaves.some((slave) => slave.url === url),
    );
    if (!isKnown) {
      throw new RingMQError('CONNECT_FAILED', 'no broker of the cluster is at that address now');
    }
    if (this.#dialed.size >= MAX_DIALED) {
      const [oldest] = this.#dialed;
      this.#dialed.delete(oldest?.[0] ?? '');
      void oldest?.[1].then(
        (connection) => connection.close(new RingMQError('CLOSED')),
        () => undefined,
      );
    }
    const dialed = cluster.dial(url, DIAL_MS);
    this.#dialed.set(url, dialed);
    dialed.catch(() => this.#dialed.delete(url));
    return dialed;
  }
}
