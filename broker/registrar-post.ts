/** What the registrar does with one name server: one thing at a time, in the order of what matters most. */
import type { TopicFeed } from '../engine/cluster/topic-feed.js';
import { clearTimeout, monotonicMs, setTimeout, unref } from '../native-free/time/index.js';
import {
  type BrokerRegistration,
  type ClusterTopic,
  isRingMQError,
  type LogLevel,
  type MasterInfo,
  type NameServerConfiguration,
  type RegistrationAnswer,
  RingMQError,
  type Welcome,
} from '../native-free/wire/index.js';
import { checkConfiguration, checkRegistrationAnswer, checkTopicChanges } from './name-server-answers.js';
import { type LinkMeans, NameServerLink, type NameServerLinkTimes } from './name-server-link.js';

export interface PostHooks {
  registration(serverNonce: string): BrokerRegistration;
  readonly feed: TopicFeed;
  onAnswer(answer: RegistrationAnswer): void;
  isTrusted(answer: RegistrationAnswer, serverNonce: string, nonce: string): boolean;
  onTopic(topic: ClusterTopic): void;
  /** What it said counts no longer. */
  onLost(): void;
  warn(kind: string, line: string): void;
  readonly times: Partial<NameServerLinkTimes>;
  readonly means: LinkMeans;
}

/** Changes of a route are answered with a registration, but not more often than this. */
const MIN_REGISTER_MS = 200;
/** A name server may be told so many pages in a row, and have another revision each time than it was told. */
const MAX_USELESS_PAGES = 2;
/** Answers in a row that say that there is more; far more than the topics of a name server fill. */
const MAX_PAGES_HEARD = 16_384;

export class RegistrarPost {
  readonly #hooks: PostHooks;
  readonly #link: NameServerLink;
  readonly #url: string;
  #nonce = '';
  /** As of the last registration. */
  #cluster = '';
  /** Of the name server's start that {@link #topicsVersion} is of. */
  #openingId = '';
  /** Up to where the cluster's topics were heard of. */
  #topicsVersion = 0;
  /** Up to which revision this connection was told. */
  #told: number | null = null;
  #isRegistered = false;
  #master: MasterInfo | null = null;
  #isRegisterDue = false;
  #areTopicsDue = false;
  #isWorking = false;
  #registeredAtMs = 0;
  #uselessPages = 0;
  #pagesHeard = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, hooks: PostHooks) {
    this.#url = url;
    this.#hooks = hooks;
    this.#link = new NameServerLink(
      url,
      'ringmq-broker',
      {
        onOpen: (welcome) => this.#onOpen(welcome),
        onEvent: ({ event }) => {
          if (event === 'routeChanged') {
            this.#registerUnhurried();
          }
        },
        onLost: (error) => this.#onLost(error),
      },
      hooks.means,
      hooks.times,
    );
  }

  get url(): string {
    return this.#url;
  }

  /** Never rejects. */
  async configuration(): Promise<NameServerConfiguration> {
    const nameServer = this.#url;
    try {
      this.#checkRegistered();
      const answer = await this.#link.ask('configuration', {});
      checkConfiguration(answer);
      return { nameServer, failure: null, options: answer.options };
    } catch (error) {
      return { nameServer, failure: isRingMQError(error) ? error.message : String(error), options: [] };
    }
  }

  async setLogLevel(level: LogLevel): Promise<void> {
    this.#checkRegistered();
    await this.#link.ask('setLogLevel', { level });
  }

  #checkRegistered(): void {
    if (!this.#isRegistered) {
      throw new RingMQError(
        'CONNECTION_LOST',
        `the name server ${this.#url} does not answer this broker, which tries again`,
      );
    }
  }

  /** It has answered a registration on the connection that there is. */
  get isRegistered(): boolean {
    return this.#isRegistered;
  }

  /** The set's master, as it said last. */
  get master(): MasterInfo | null {
    return this.#master;
  }

  open(): void {
    this.#link.open();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#isRegistered = false;
    this.#link.close();
  }

  registerSoon(): void {
    this.#isRegisterDue = true;
    this.#work();
  }

  tellSoon(): void {
    this.#work();
  }

  askTopicsAgain(): void {
    this.#topicsVersion = 0;
    this.#areTopicsDue = true;
    this.#work();
  }

  #onOpen({ nonce, openingId }: Welcome): void {
    this.#nonce = nonce ?? '';
    if (openingId !== this.#openingId) {
      this.#openingId = openingId;
      this.#topicsVersion = 0;
    }
    this.#told = null;
    this.#uselessPages = 0;
    this.#pagesHeard = 0;
    this.#isRegisterDue = true;
    this.#work();
  }

  #onLost(error: RingMQError): void {
    const wasRegistered = this.#isRegistered;
    this.#isRegistered = false;
    clearTimeout(this.#timer);
    if (wasRegistered) {
      this.#hooks.onLost();
    }
    if (error.code !== 'CLOSED') {
      this.#hooks.warn(
        `${this.#url} ${error.code}`,
        `the name server ${this.#url} does not know this broker: ${error.message}; trying again`,
      );
    }
  }

  #registerUnhurried(): void {
    const waitMs = this.#registeredAtMs + MIN_REGISTER_MS - monotonicMs();
    clearTimeout(this.#timer);
    if (waitMs <= 0) {
      this.registerSoon();
      return;
    }
    this.#timer = setTimeout(() => this.registerSoon(), waitMs);
    unref(this.#timer);
  }

  #work(): void {
    if (this.#isWorking || !this.#link.isOpen) {
      return;
    }
    this.#isWorking = true;
    void this.#workThrough()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#isWorking = false;
        // Something came in the meantime, or another connection stands.
        if (this.#hasWork()) {
          this.#work();
        }
      });
  }

  #hasWork(): boolean {
    return this.#link.isOpen && (this.#isRegisterDue || this.#areTopicsDue || this.#isBehind());
  }

  #isBehind(): boolean {
    return this.#isRegistered && this.#told !== this.#hooks.feed.revision;
  }

  async #workThrough(): Promise<void> {
    while (this.#hasWork()) {
      if (this.#isRegisterDue || !this.#isRegistered) {
        await this.#register();
      } else if (this.#isBehind()) {
        await this.#tell();
      } else {
        await this.#hear();
      }
    }
    if (this.#isRegistered) {
      // Only one that has answered all is tried again at once when it is lost.
      this.#link.settled();
    }
  }

  /** A broken connection has told of itself; whatever else went wrong ends it, so that all begins anew. */
  #failed(error: unknown): void {
    if (this.#link.isOpen) {
      this.#link.drop(
        isRingMQError(error)
          ? (error as RingMQError)
          : new RingMQError('INTERNAL', String(error), { cause: error }),
      );
    }
  }

  async #register(): Promise<void> {
    this.#isRegisterDue = false;
    this.#registeredAtMs = monotonicMs();
    const isFirst = !this.#isRegistered;
    const given = this.#hooks.registration(this.#nonce);
    this.#cluster = given.cluster;
    const answer = await this.#link.ask('registerBroker', given);
    checkRegistrationAnswer(answer);
    if (!this.#hooks.isTrusted(answer, this.#nonce, given.nonce ?? '')) {
      throw new RingMQError(
        'NOT_AUTHENTICATED',
        'it does not know the secret of this cluster: start it with the same --secret-file',
      );
    }
    if (isFirst) {
      // Who has asked for the route is told of its changes.
      await this.#link.ask('route', { cluster: given.cluster });
      this.#isRegistered = true;
    }
    this.#master = answer.master;
    this.#told = answer.revision;
    this.#areTopicsDue ||= answer.topicsVersion !== this.#topicsVersion;
    this.#hooks.onAnswer(answer);
  }

  async #tell(): Promise<void> {
    const page = this.#hooks.feed.page(this.#told);
    if (page === null) {
      this.#told = this.#hooks.feed.revision;
      return;
    }
    const { revision } = await this.#link.ask('registerTopics', page);
    this.#told = revision;
    this.#uselessPages = revision === page.revision ? 0 : this.#uselessPages + 1;
    if (this.#uselessPages > MAX_USELESS_PAGES) {
      throw leadsNowhere('registerTopics', `it was told revision ${page.revision} and says ${revision}`);
    }
  }

  async #hear(): Promise<void> {
    const since = this.#topicsVersion;
    this.#areTopicsDue = false;
    const answer = await this.#link.ask('topicChanges', { since, cluster: this.#cluster });
    checkTopicChanges(answer);
    const { version, complete, topics } = answer;
    this.#pagesHeard = complete ? 0 : this.#pagesHeard + 1;
    if (!complete && (version <= since || this.#pagesHeard > MAX_PAGES_HEARD)) {
      throw leadsNowhere('topicChanges', `it says that there is more after ${since}, up to ${version}`);
    }
    // Unless all is to be told again meanwhile.
    if (this.#topicsVersion === since) {
      this.#topicsVersion = version;
      this.#areTopicsDue ||= !complete;
    }
    for (const topic of topics) {
      this.#hooks.onTopic(topic);
    }
  }
}

/** The same would be asked again, for ever, as fast as it is answered. */
function leadsNowhere(method: string, what: string): RingMQError {
  return new RingMQError('BAD_FRAME', `its answers to ${method} lead nowhere: ${what}`);
}
