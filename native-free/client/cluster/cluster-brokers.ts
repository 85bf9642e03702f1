/** The broker sets of a cluster, as producers and consumers ask for them. */
import { clearTimeout, setTimeout } from '../../time/index.js';
import { isRingMQError, RingMQError, type TopicInfo } from '../../wire/index.js';
import { abortable } from '../abort.js';
import { type Brokers, infoOf, type TopicPlace } from '../brokers.js';
import { callUser } from '../callback.js';
import type { Connection } from '../link/connection.js';
import type { LinkFactory } from '../link/link.js';
import { webSocketLinks } from '../link/websocket-link.js';
import { makeConnection } from '../make-connection.js';
import { BatchPool } from '../produce/send-batch.js';
import type { Admin, BrokerInfo, ConnectOptions } from '../types.js';
import { ClusterAdmin } from './cluster-admin.js';
import { RouteKeeper } from './route-keeper.js';
import { SetLink, type SetLinkOwner } from './set-link.js';
import { Turns } from './turns.js';

/**
 * A set that has not answered by so many looks, a second, is asked no further: what was known of it holds. A thread that was held for
 * long looks once, and then reads what has come meanwhile.
 */
const ASK_LOOKS = 4;
const LOOK_MS = 250;
/** Topics looked up at once: each answer is to come within its time, however many wait. */
const MAX_LOOK_UPS = 64;
/** Topics remembered at most, for sets that are away; the one asked for longest ago is forgotten first. */
const MAX_REMEMBERED = 65_536;

export class ClusterBrokers implements Brokers, SetLinkOwner {
  readonly only = null;
  readonly buffers = new BatchPool();
  readonly keeper: RouteKeeper;
  readonly #nameServer: Connection;
  readonly #options: ConnectOptions;
  readonly #links = new Map<string, SetLink>();
  readonly #listeners = new Set<(topic: string | null) => void>();
  /** What sets have said of topics, by topic and set. */
  readonly #remembered = new Map<string, Map<string, TopicInfo>>();
  readonly #turns = new Turns(MAX_LOOK_UPS);
  failure: RingMQError | null = null;
  #trouble: RingMQError | null = null;

  constructor(nameServer: Connection, options: ConnectOptions) {
    this.#nameServer = nameServer;
    this.#options = options;
    this.keeper = new RouteKeeper(nameServer, options.cluster ?? null, () => this.#onRoute());
  }

  /** Asks for the route, and waits until one of the sets answers or none does. Rejects as a request may. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    await this.keeper.first(signal);
    const links = this.links();
    const opened = links.map((link) => link.opened());
    await abortable(Promise.race([...opened, Promise.all(links.map((link) => link.known()))]), signal);
    const refusal = links.map(({ connection }) => connection.produce.trouble).find(isLoginRefused);
    if (refusal && !this.isConnected) {
      throw refusal;
    }
  }

  onNameServer(state: 'connected' | 'disconnected'): void {
    if (state === 'connected') {
      // Another one may know more, and has not been asked to tell of changes.
      this.keeper.refresh();
    }
  }

  onEvent({ event, cluster }: Record<string, unknown>): void {
    if (event === 'routeChanged' && cluster === this.keeper.cluster) {
      this.keeper.refresh();
    }
  }

  get info(): BrokerInfo {
    const sets = this.keeper.sets.map(({ set }) => set);
    const cluster = { cluster: this.keeper.cluster, brokerSets: sets };
    const open = this.links().filter((link) => link.connection.isOpen);
    const [first] = open;
    const connection = first?.connection ?? this.#nameServer;
    // What is promised is what all of them keep.
    const flush = open.some((link) => link.connection.welcome.flush === 'async') ? 'async' : 'sync';
    return { ...infoOf(connection), ...(first === undefined ? {} : { flush }), ...cluster };
  }

  get isConnected(): boolean {
    return this.links().some((link) => link.connection.isOpen);
  }

  get lostAt(): number {
    let latest = Number.NEGATIVE_INFINITY;
    for (const { connection } of this.links()) {
      latest = connection.isOpen ? latest : Math.max(latest, connection.lostAt);
    }
    return latest === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : latest;
  }

  get closeTimeoutMs(): number {
    return this.#nameServer.closeTimeoutMs;
  }

  get requestTimeoutMs(): number {
    return this.#nameServer.requests.timeoutMs;
  }

  admin(): Admin {
    return new ClusterAdmin(this);
  }

  get trouble(): RingMQError | null {
    return this.links().some((link) => link.connection.isOpen) ? null : this.#trouble;
  }

  /** One for each set of the route, in the order of their names. */
  links(): SetLink[] {
    return this.keeper.sets.map(({ set }) => this.#links.get(set)).filter((link) => link !== undefined);
  }

  /** Told of changes: of a topic, or null: of the sets. Returns what ends that. */
  watch(listener: (topic: string | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async places(topic: string): Promise<readonly TopicPlace[]> {
    await this.#turns.take();
    try {
      return await this.#placesNow(topic);
    } finally {
      this.#turns.give();
    }
  }

  async #placesNow(topic: string): Promise<readonly TopicPlace[]> {
    if (this.failure !== null) {
      throw this.failure;
    }
    const links = this.links();
    const answers = await Promise.all(links.map((link) => this.#ask(link, topic)));
    const isSure = answers.every((answer) => answer !== undefined);
    const others = isSure ? null : (this.#stillKnown(topic, links, answers) ?? (await this.#othersOf(topic)));
    const remembered = new Map<string, TopicInfo>();
    const places: TopicPlace[] = [];
    for (const [i, link] of links.entries()) {
      const answer = answers[i];
      const info = answer === undefined ? others?.get(link.set) : answer;
      if (info !== null && info !== undefined) {
        places.push({ link, info });
        remembered.set(link.set, info);
      }
    }
    if (places.length === 0) {
      this.#remembered.delete(topic);
      throw this.#notFound(topic, isSure || others !== null);
    }
    this.#remember(topic, remembered);
    return places;
  }

  forget(topic: string): void {
    for (const link of this.#links.values()) {
      link.topics.forget(topic);
    }
  }

  warn(message: string, details: Record<string, unknown>): void {
    callUser(this.#options.onWarning, message, details);
  }

  close(failure: RingMQError): void {
    this.failure ??= failure;
    this.keeper.close();
    this.#nameServer.close(failure);
    for (const link of this.#links.values()) {
      link.close(failure);
    }
    this.#tell(null);
  }

  /** Who knows the route. */
  get nameServer(): Connection {
    return this.#nameServer;
  }

  /** A connection of its own to one broker, a slave too, as the user of the client; whoever asks closes it. Rejects as `connect` does. */
  async dial(url: string, connectTimeoutMs: number): Promise<Connection> {
    const {
      onConnection: _told,
      onWarning: _warned,
      cluster: _cluster,
      tls: _tls,
      ...options
    } = this.#options;
    const connection = makeConnection(this.linksTo(url), {
      ...options,
      connectTimeoutMs,
      mayProduce: () => false,
    });
    await connection.open(undefined);
    return connection;
  }

  linksTo(url: string): LinkFactory {
    const { tls } = this.#options;
    return webSocketLinks(url, url.startsWith('wss:') ? tls : undefined);
  }

  refresh(): void {
    this.keeper.refresh();
  }

  onUp(link: SetLink): void {
    callUser(this.#options.onConnection, 'connected', { brokerSet: link.set });
    this.#tell(null);
  }

  onLost({ set }: SetLink, reason: unknown): void {
    this.#trouble = isRingMQError(reason) ? reason : new RingMQError('CONNECTION_LOST');
    const lost = new RingMQError('CONNECTION_LOST', `the connection to the broker set ${set} was lost`, {
      cause: reason,
      details: { brokerSet: set },
    });
    callUser(this.#options.onConnection, 'disconnected', lost);
    this.#tell(null);
  }

  onTopicChanged(topic: string): void {
    this.forget(topic);
    this.#tell(topic);
  }

  /** Links to sets that are new; those that are gone from the route for long are closed. */
  #onRoute(): void {
    if (this.failure !== null) {
      return;
    }
    const names = new Set(this.keeper.sets.map(({ set }) => set));
    for (const [set, link] of this.#links) {
      if (!names.has(set)) {
        this.#links.delete(set);
        link.close(new RingMQError('CONNECTION_LOST', `the broker set ${set} has left the cluster`));
      }
    }
    for (const route of this.keeper.sets) {
      const link = this.#links.get(route.set);
      if (link === undefined) {
        this.#links.set(route.set, new SetLink(route, this.#setOptions(route.set), this));
      } else {
        link.update(route);
      }
    }
    this.#tell(null);
  }

  #setOptions(set: string): ConnectOptions {
    return {
      ...this.#options,
      onWarning: (message, details) =>
        this.warn(`broker set ${set}: ${message}`, { ...details, brokerSet: set }),
    };
  }

  #tell(topic: string | null): void {
    for (const listener of [...this.#listeners]) {
      listener(topic);
    }
  }

  /** What was known of the topic before, if it is known of all sets that do not answer, and those that do speak of the same topic. */
  #stillKnown(
    topic: string,
    links: readonly SetLink[],
    answers: readonly (TopicInfo | null | undefined)[],
  ): Map<string, TopicInfo> | null {
    const known = this.#remembered.get(topic);
    const holds = links.every(({ set }, i) => {
      const [answer, before] = [answers[i], known?.get(set)];
      return answer === undefined
        ? before !== undefined
        : answer !== null && answer.createdTime === before?.createdTime;
    });
    return holds ? (known ?? null) : null;
  }

  /** What a set says of the topic; null: it has none; undefined: it does not answer. */
  async #ask(link: SetLink, topic: string): Promise<TopicInfo | null | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
      const wait = (looks: number): void => {
        timer = setTimeout(() => (looks === 1 ? resolve(undefined) : wait(looks - 1)), LOOK_MS);
      };
      wait(ASK_LOOKS);
    });
    try {
      return await Promise.race([this.#answerOf(link, topic), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answerOf(link: SetLink, topic: string): Promise<TopicInfo | null | undefined> {
    await link.known();
    if (!link.connection.isOpen) {
      return undefined;
    }
    try {
      return await link.topics.lookUp(topic);
    } catch (error) {
      if (isRingMQError(error) && error.code === 'TOPIC_NOT_FOUND') {
        return null;
      }
      if (isRingMQError(error) && error.code === 'BAD_ARGUMENT') {
        throw error;
      }
      return undefined;
    }
  }

  /** What the name server knows of the topic, else what the sets have said before; null: nobody knows. */
  async #othersOf(topic: string): Promise<Map<string, TopicInfo> | null> {
    try {
      const { sets } = await this.keeper.topicRoute(topic);
      return new Map(sets.map(({ set, ...info }) => [set, { topic, ...info }]));
    } catch (error) {
      if (isRingMQError(error) && error.code === 'TOPIC_NOT_FOUND') {
        // It may not have heard of it from a set that went away at once.
        return this.#remembered.get(topic) ?? new Map();
      }
      return this.#remembered.get(topic) ?? null;
    }
  }

  #remember(topic: string, infos: Map<string, TopicInfo>): void {
    this.#remembered.delete(topic);
    this.#remembered.set(topic, infos);
    if (this.#remembered.size > MAX_REMEMBERED) {
      this.#remembered.delete(this.#remembered.keys().next().value as string);
    }
  }

  #notFound(topic: string, isSure: boolean): RingMQError {
    const { cluster, sets } = this.keeper;
    if (sets.length === 0 || !isSure) {
      const why = sets.length === 0 ? 'has no broker yet' : 'cannot be reached now';
      return new RingMQError('CONNECTION_LOST', `the cluster ${cluster} ${why}`, { details: { topic } });
    }
    return new RingMQError(
      'TOPIC_NOT_FOUND',
      `no broker set of the cluster ${cluster} has the topic '${topic}'`,
      {
        details: { topic },
      },
    );
  }
}

/** No later try cures that, though a link is tried for as long as its set is in the route. */
function isLoginRefused(trouble: RingMQError | null): boolean {
  return trouble?.code === 'NOT_AUTHENTICATED';
}
