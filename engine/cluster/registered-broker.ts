/** One broker as a name server knows it: what it said of itself, and of its topics. */
import {
  type BrokerRegistration,
  type NameServerMethods,
  type RegisteredTopic,
  RingMQError,
} from '../../native-free/wire/index.js';

type TopicsPage = NameServerMethods['registerTopics']['params'];

/** A broker's topics and tombstones, by name. */
export interface TopicSet {
  readonly topics: Map<string, RegisteredTopic>;
  /** The `createdTime` up to which topics of the name are deleted. */
  readonly tombstones: Map<string, number>;
}

/** Names that a page of topics has changed; null: any of them may have. */
export type ChangedNames = ReadonlySet<string> | null;

/** One that is refused tries again every ten seconds or so. */
const TWIN_MS = 60_000;
const MAX_FORMER = 4;

const emptySet = (): TopicSet => ({ topics: new Map(), tombstones: new Map() });

export class RegisteredBroker {
  registration: BrokerRegistration;
  /** The connection that speaks for it; null: it is away. */
  link: number | null;
  /** When it registered last, and since when it is away; by the caller's clock. */
  heardAtMs: number;
  awaySinceMs = 0;
  /** Where another broker of this name says that it is; null: none has come, or not for a while. */
  #twin: { url: string; seenAtMs: number } | null = null;
  /** Openings whose place this one has taken; none of them comes back unless two brokers have one name. */
  #former: string[] = [];
  /** Of its last connection that told all of them, until the next one has. */
  #current = emptySet();
  #isTold = false;
  /** Being told anew, and not all there yet. */
  #next: TopicSet | null = null;
  #revision: number | null = null;

  constructor(registration: BrokerRegistration, link: number, nowMs: number) {
    this.registration = registration;
    this.link = link;
    this.heardAtMs = nowMs;
  }

  get name(): string {
    return this.registration.name;
  }

  get isUp(): boolean {
    return this.link !== null;
  }

  get revision(): number | null {
    return this.#revision;
  }

  /** It has told all its topics once. */
  get hasToldTopics(): boolean {
    return this.#isTold;
  }

  get topicSet(): TopicSet {
    return this.#current;
  }

  /** Topics and tombstones that are kept for it, those being told anew included. */
  get heldCount(): number {
    const count = ({ topics, tombstones }: TopicSet): number => topics.size + tombstones.size;
    return count(this.#current) + (this.#next === null ? 0 : count(this.#next));
  }

  /** Another broker of this name was refused. True: that is news. */
  sawTwin({ url }: BrokerRegistration, nowMs: number): boolean {
    const isNews = this.#twin?.url !== url;
    this.#twin = { url, seenAtMs: nowMs };
    return isNews;
  }

  twinAt(nowMs: number): string | null {
    return this.#twin !== null && nowMs - this.#twin.seenAtMs < TWIN_MS ? this.#twin.url : null;
  }

  /**
   * Whether who registers under this name while this broker is there is another one, and not this one started
   * anew: it is elsewhere, or its place was taken before. A master of a higher term, too: a successor has
   * another name, and a copy that was started more often is none.
   */
  isTwin({ openingId, url }: BrokerRegistration): boolean {
    const own = this.registration;
    const isOther = this.isUp && openingId !== own.openingId;
    return isOther && (url !== own.url || this.#former.includes(openingId));
  }

  /** Another connection speaks for it: it tells its topics anew. */
  takeOver(registration: BrokerRegistration, link: number): void {
    if (this.isUp && registration.openingId !== this.registration.openingId) {
      this.#twin = null;
      this.#former = [...this.#former.slice(1 - MAX_FORMER), this.registration.openingId];
    }
    if (registration.brokerId !== this.registration.brokerId) {
      this.#current = emptySet();
      this.#isTold = false;
    }
    this.registration = registration;
    this.link = link;
    this.#next = null;
    this.#revision = null;
  }

  away(nowMs: number): void {
    this.#twin = null;
    this.#former = [];
    this.link = null;
    this.awaySinceMs = nowMs;
    this.#next = null;
    this.#revision = null;
  }

  /** Throws BAD_ARGUMENT, with what is known, for a page that does not follow what was told before. */
  tell(page: TopicsPage, maxCount: number): ChangedNames {
    if (page.from !== null && page.from !== this.#revision) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `the name server has revision ${this.#revision} of this broker's topics, not ${page.from}: go on from there, or begin with null`,
        { details: { revision: this.#revision } },
      );
    }
    if (page.from === null) {
      this.#next = emptySet();
    }
    const into = this.#next ?? this.#current;
    if (
      into.topics.size + page.topics.length > maxCount ||
      into.tombstones.size + page.tombstones.length > maxCount
    ) {
      throw new RingMQError('BROKER_BUSY', `a name server keeps at most ${maxCount} topics of a broker`, {
        details: { limit: maxCount },
      });
    }
    apply(page, into);
    this.#revision = page.revision;
    if (this.#next === null) {
      return namesIn(page);
    }
    if (page.more) {
      return new Set();
    }
    this.#current = this.#next;
    this.#next = null;
    this.#isTold = true;
    return null;
  }
}

function apply(page: TopicsPage, { topics, tombstones }: TopicSet): void {
  for (const topic of page.topics) {
    topics.set(topic.topic, topic);
  }
  for (const name of page.gone) {
    topics.delete(name);
  }
  for (const { topic, createdTime } of page.tombstones) {
    tombstones.set(topic, createdTime);
  }
  for (const name of page.forgotten) {
    tombstones.delete(name);
  }
}

function namesIn(page: TopicsPage): ReadonlySet<string> {
  return new Set([
    ...page.topics.map(({ topic }) => topic),
    ...page.gone,
    ...page.tombstones.map(({ topic }) => topic),
    ...page.forgotten,
  ]);
}
