/**
 * A broker's place in its cluster: it is registered with the name servers from when it listens until it is closed, and its topics follow the
 * cluster's while it is a master.
 */
import type { ClusterSecrets } from '../engine/access/cluster-secrets.js';
import type { EngineThread } from '../engine/engine-thread.js';
import type { ResolvedEngineOptions } from '../engine/options.js';
import { RareTeller } from '../native-free/listener/rare-teller.js';
import { clearInterval, setInterval, unref } from '../native-free/time/index.js';
import {
  type BrokerRegistration,
  type BrokerStats,
  type ClusterTopic,
  type ControlMethods,
  isRingMQError,
  type LogLevel,
  MAX_TOPICS_PER_PAGE,
  NAME_PATTERN,
  type NameServerConfiguration,
  type NodeRole,
  type RegisteredTopic,
  type ReplicaInfo,
  RingMQError,
  type TopicInfo,
} from '../native-free/wire/index.js';
import { isLoopback } from '../native-free/wire/loopback.js';
import { Registrar } from './registrar.js';
import { TopicKeeper } from './topic-keeper.js';

export interface MembershipHost {
  readonly options: ResolvedEngineOptions;
  readonly thread: EngineThread;
  /** Where this broker is reached. */
  readonly url: string;
  readonly secrets: ClusterSecrets | null;
  stats(): BrokerStats;
  /** Topics that were deleted here, and up to which `createdTime`. */
  deletedTopics(): Iterable<[topic: string, upTo: number]>;
  deletedUpTo(topic: string): number | null;
  /** Of a master: its slaves. */
  replicas(): ReplicaInfo[];
  /** Another master of a higher epoch is there, or was: nothing may be acked any more. */
  onFenced(epoch: number, masterUrl: string | null): void;
  /** Of a slave: where its master is now; null: there is none, as far as is known. */
  onMaster(masterUrl: string | null, epoch: number): void;
  onWarning(message: string, details: Record<string, unknown>): void;
  /** What could not be done is tried again so often. Default 30 s. */
  readonly retryMs?: number;
}

/** What could not be done is tried again so often. */
const RETRY_MS = 30_000;
/** So far clocks of a cluster may be apart. A deletion of a later time is not believed, or no topic of its name could be made any more. */
const MAX_CLOCK_SKEW_MS = 86_400_000;
/** Names that were deleted elsewhere lately; the one told of first is forgotten first. */
const MAX_DELETED_ELSEWHERE = 16_384;

export class Membership {
  readonly #host: MembershipHost;
  readonly #registrar: Registrar;
  readonly #keeper: TopicKeeper;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #stopListening: () => void;
  /** Topics of which something has changed. */
  readonly #changed = new Set<string>();
  /** And of which the broker could not be asked what. */
  readonly #unread = new Set<string>();
  #isReading = false;
  #isClosed = false;
  #role: NodeRole;
  readonly #untimely: RareTeller;
  /** Names of which other sets have a tombstone that a clock set back could run into, and up to where. */
  readonly #deletedElsewhere = new Map<string, number>();

  constructor(host: MembershipHost) {
    this.#host = host;
    const { onWarning } = host;
    this.#role = host.thread.place.role;
    const why = unreachableAt(host.url, host.options.nameServers);
    if (why !== null) {
      onWarning(why, { url: host.url });
    }
    this.#untimely = new RareTeller((line) => onWarning(line, {}));
    this.#registrar = new Registrar({
      nameServers: host.options.nameServers,
      secrets: host.secrets,
      linkTls: host.options.linkTls,
      describe: () => this.#describe(),
      onFenced: (epoch, url) => host.onFenced(epoch, url),
      onMaster: (url, epoch) => host.onMaster(url, epoch),
      onTopic: (topic) => this.#hear(topic),
      onWarning,
    });
    this.#keeper = new TopicKeeper({
      set: host.thread.place.brokerSet,
      isMaster: () => host.thread.place.role === 'master',
      own: (topic) => this.#registrar.own(topic),
      create: async ({ do: _duty, ...topic }) => {
        const made = { ...topic, ifNotExists: true };
        this.#isThere(await host.thread.call('createTopic', made));
      },
      retain: async ({ topic, retentionMs, setTime }) => {
        this.#isThere(await host.thread.call('setTopicRetention', { topic, retentionMs, setTime }));
      },
      grow: async ({ topic, queues }) => {
        const now = await unlessGone(host.thread.call('topicMetadata', { topic }));
        if (now !== null && now.queues < queues) {
          this.#isThere(await host.thread.call('growTopic', { topic, queues }));
        }
      },
      delete: async ({ topic, upTo }) => {
        await host.thread.call('deleteTopic', { topic, upTo });
        await this.#readAgain(topic);
      },
      onWarning,
    });
    this.#timer = setInterval(() => this.#tryAgain(), host.retryMs ?? RETRY_MS);
    unref(this.#timer);
    this.#stopListening = host.thread.onTopicChanged((topic) => {
      this.#changed.add(topic);
      void this.#readChanged();
    });
  }

  /** Reads the topics there are, and registers. */
  async open(): Promise<void> {
    this.#isReading = true;
    try {
      await this.#readAll();
    } finally {
      this.#isReading = false;
    }
    if (!this.#isClosed) {
      await this.#readChanged();
      this.#registrar.open();
    }
  }

  async #readAll(): Promise<void> {
    for (const [topic] of this.#host.deletedTopics()) {
      this.#isGone(topic);
    }
    for (let cursor: string | null = null, complete = false; !complete && !this.#isClosed; ) {
      const page: ControlMethods['listTopics']['result'] = await this.#host.thread.call('listTopics', {
        cursor,
        limit: MAX_TOPICS_PER_PAGE,
      });
      for (const info of page.topics) {
        this.#isThere(info);
      }
      ({ cursor, complete } = page);
    }
  }

  /** The broker has another role, epoch, or slaves in sync: name servers are told at once. */
  changed(): void {
    const before = this.#role;
    this.#role = this.#host.thread.place.role;
    this.#registrar.changed();
    if (before === 'slave' && this.#role === 'master') {
      // What it heard as a slave was not its to do anything about.
      this.#registrar.askTopicsAgain();
    }
  }

  /** Name servers that know this broker now. */
  get registeredCount(): number {
    return this.#registrar.registeredCount;
  }

  /** The least `createdTime` of a new topic of this name: whatever was deleted elsewhere was older. */
  leastCreatedTime(topic: string): number {
    return (this.#deletedElsewhere.get(topic) ?? -1) + 1;
  }

  configurations(): Promise<NameServerConfiguration[]> {
    return this.#registrar.configurations();
  }

  async setLogLevel(nameServer: string, level: LogLevel): Promise<void> {
    await this.#registrar.setLogLevel(nameServer, level);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stopListening();
    this.#keeper.close();
    this.#registrar.close();
  }

  #describe(): BrokerRegistration {
    const { options, thread, url } = this.#host;
    const { role, cluster, brokerSet, epoch } = thread.place;
    const { brokerId, openingId } = thread.info;
    const { startPosition, endPosition, flushedPosition, damagedCount } = this.#host.stats().log;
    return {
      cluster,
      set: brokerSet,
      name: options.name,
      role,
      url,
      brokerId,
      openingId,
      epoch,
      start: startPosition,
      end: endPosition,
      flushed: flushedPosition,
      replicas: role === 'master' ? this.#host.replicas() : [],
      ...(damagedCount === 0 ? {} : { damaged: damagedCount }),
      ...(options.controller === undefined ? {} : { controller: true }),
    };
  }

  #hear(heard: ClusterTopic): void {
    if (!NAME_PATTERN.test(heard.topic)) {
      return;
    }
    const topic = this.#isTimely(heard) ? heard : { ...heard, deletedUpTo: null };
    this.#deletedElsewhere.delete(topic.topic);
    if (topic.deletedUpTo !== null && topic.deletedUpTo > Date.now() - MAX_CLOCK_SKEW_MS) {
      this.#deletedElsewhere.set(topic.topic, topic.deletedUpTo);
      const [oldest] = this.#deletedElsewhere.keys();
      if (this.#deletedElsewhere.size > MAX_DELETED_ELSEWHERE && oldest !== undefined) {
        this.#deletedElsewhere.delete(oldest);
      }
    }
    this.#keeper.hear(topic);
  }

  /** It was not deleted at a time that is far from now, unless the topic here is of that time, too. */
  #isTimely({ topic, deletedUpTo }: ClusterTopic): boolean {
    const ownTime = this.#registrar.own(topic).topic?.createdTime ?? 0;
    const isTimely = deletedUpTo === null || deletedUpTo <= Math.max(Date.now() + MAX_CLOCK_SKEW_MS, ownTime);
    if (!isTimely) {
      this.#untimely.tell(
        topic,
        `another broker set deleted the topic '${topic}' more than a day after now, as the clock here has it: that is not followed; set the machines' clocks`,
      );
    }
    return isTimely;
  }

  #isThere({ parts: _parts, ...info }: TopicInfo): void {
    this.#tell(info.topic, { ...info, sets: info.sets ?? null });
  }

  #isGone(topic: string): void {
    this.#tell(topic, null);
  }

  #tell(name: string, topic: RegisteredTopic | null): void {
    // The broker's own topics are nobody else's business.
    if (NAME_PATTERN.test(name)) {
      this.#registrar.topicIs(name, { topic, tombstone: this.#host.deletedUpTo(name) });
    }
  }

  async #readAgain(topic: string): Promise<void> {
    const now = await unlessGone(this.#host.thread.call('topicMetadata', { topic }));
    if (now === null) {
      this.#isGone(topic);
    } else {
      this.#isThere(now);
    }
  }

  async #readChanged(): Promise<void> {
    if (this.#isReading) {
      return;
    }
    this.#isReading = true;
    for (const topic of this.#changed) {
      this.#changed.delete(topic);
      try {
        await this.#readAgain(topic);
      } catch (error) {
        this.#unread.add(topic);
        this.#tellUnlessClosed(topic, error);
      }
    }
    this.#isReading = false;
  }

  #tellUnlessClosed(topic: string, error: unknown): void {
    if (!this.#isClosed && !(isRingMQError(error) && error.code === 'BROKER_CLOSED')) {
      this.#host.onWarning(
        `the name servers were not told of the topic '${topic}': ${String(error)}; tried again`,
        { topic },
      );
    }
  }

  #tryAgain(): void {
    for (const topic of this.#unread) {
      this.#unread.delete(topic);
      this.#changed.add(topic);
    }
    void this.#readChanged();
    const longAgo = Date.now() - MAX_CLOCK_SKEW_MS;
    for (const [topic, upTo] of this.#deletedElsewhere) {
      if (upTo < longAgo) {
        this.#deletedElsewhere.delete(topic);
      }
    }
    this.#registrar.forgetTombstones((topic) => this.#host.deletedUpTo(topic));
    if (this.#keeper.takeFailed()) {
      this.#registrar.askTopicsAgain();
    }
  }
}

/** null: there is no such topic. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RingMQError && error.code === 'TOPIC_NOT_FOUND') {
      return null;
    }
    throw error;
  }
}

/** Why who can reach the name servers may not reach the broker at `url`; null: nothing speaks against it. */
export function unreachableAt(url: string, nameServers: readonly string[]): string | null {
  const isHere = (each: string): boolean => URL.canParse(each) && isLoopback(new URL(each).hostname);
  return isHere(url) && nameServers.some((each) => !isHere(each))
    ? `name servers on other machines are told that this broker is at ${url}, which leads every other machine to itself: listen on an address of this one, or say with \`advertiseUrl\` where it is reached`
    : null;
}
