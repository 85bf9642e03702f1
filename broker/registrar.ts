/**
 * Tells every name server who this broker is and what topics it has, and hears from them of the rest of the
 * cluster: whether another master has taken over, where a slave's master is, and which topics its set lacks
 * or is to delete.
 *
 *     registerBroker ─ at once, on change, every 30 s ─▶ who is master, which revision of the topics is known, whether others' topics changed
 *     registerTopics ─ only what changed ──────────────▶
 *     topicChanges ─── only what changed ──────────────▶ TopicKeeper
 *
 * Each name server has a post of its own; one that is dead, or slow, or wrong holds up neither another nor
 * the broker.
 */
import { isAddress } from '../engine/address.js';
import { bestMaster, isReplaced } from '../engine/cluster/mastership.js';
import { brokerProof, isProof, newNonce, registeredProof } from '../engine/cluster/proof.js';
import type { OwnTopic } from '../engine/cluster/topic-feed.js';
import { TopicFeed } from '../engine/cluster/topic-feed.js';
import { RareTeller } from '../native-free/listener/rare-teller.js';
import { clearInterval, setInterval, unref } from '../native-free/time/index.js';
import {
  type BrokerRegistration,
  type ClusterTopic,
  type LogLevel,
  type MasterInfo,
  type NameServerConfiguration,
  type RegistrationAnswer,
  RingMQError,
} from '../native-free/wire/index.js';
import type { LinkMeans, NameServerLinkTimes } from './name-server-link.js';
import { RegistrarPost } from './registrar-post.js';

export interface RegistrarHooks {
  /** The broker as it is now; asked before each registration. */
  describe(): Omit<BrokerRegistration, 'proof' | 'nonce'>;
  /**
   * This broker calls itself master, and one of a higher epoch is there, or was: it must not ack any more.
   * `masterUrl` null: it is not known where the other is. Once for each epoch.
   */
  onFenced(epoch: number, masterUrl: string | null): void;
  /** Of a slave: where its master is now; null: there is none, as far as is known. Only when that is another one. */
  onMaster(masterUrl: string | null, epoch: number): void;
  /** What the cluster has of a topic, when it is told for the first time or has changed. */
  onTopic(topic: ClusterTopic): void;
  onWarning(message: string, details: Record<string, unknown>): void;
}

export interface RegistrarOptions extends RegistrarHooks, LinkMeans {
  nameServers: readonly string[];
  /** Default 30 s. */
  registerMs?: number;
  times?: Partial<NameServerLinkTimes>;
}

const REGISTER_MS = 30_000;

export class Registrar {
  readonly #options: RegistrarOptions;
  readonly #posts: RegistrarPost[];
  readonly #feed = new TopicFeed();
  readonly #warnings: RareTeller;
  readonly #timer: ReturnType<typeof setInterval>;
  #fencedEpoch = 0;
  /** As it registered last, anywhere. */
  #said: BrokerRegistration | null = null;
  #master: MasterInfo | null = null;

  constructor(options: RegistrarOptions) {
    this.#options = options;
    this.#warnings = new RareTeller((line) => options.onWarning(line, {}));
    this.#posts = options.nameServers.map(
      (url) =>
        new RegistrarPost(url, {
          registration: (serverNonce) => this.#registration(serverNonce),
          feed: this.#feed,
          onAnswer: (answer) => this.#onAnswer(answer),
          isTrusted: (answer, serverNonce, nonce) => this.#isTrusted(answer, serverNonce, nonce),
          onTopic: (topic) => options.onTopic(topic),
          onLost: () => this.#onLost(),
          warn: (kind, line) => this.#warnings.tell(kind, line),
          times: options.times ?? {},
          means: options,
        }),
    );
    this.#timer = setInterval(() => this.changed(), options.registerMs ?? REGISTER_MS);
    unref(this.#timer);
  }

  /** Name servers that know this broker now. */
  get registeredCount(): number {
    return this.#posts.filter(({ isRegistered }) => isRegistered).length;
  }

  /** What the broker has under a name, as it was told by {@link topicIs}. */
  own(topic: string): OwnTopic {
    return this.#feed.get(topic);
  }

  open(): void {
    for (const post of this.#posts) {
      post.open();
    }
  }

  /** What `describe` says is another now: every name server is told at once. */
  changed(): void {
    for (const post of this.#posts) {
      post.registerSoon();
    }
  }

  /** The broker has this under a name, or nothing any more. */
  topicIs(name: string, now: OwnTopic): void {
    if (this.#feed.set(name, now)) {
      for (const post of this.#posts) {
        post.tellSoon();
      }
    }
  }

  /** Tombstones grow old: those that are not there any more are not told any more. */
  forgetTombstones(deletedUpTo: (topic: string) => number | null): void {
    for (const name of [...this.#feed.names()]) {
      const own = this.#feed.get(name);
      if (own.tombstone !== null && deletedUpTo(name) === null) {
        this.topicIs(name, { ...own, tombstone: null });
      }
    }
  }

  /** Everything that the cluster has of topics is told again: what was not done before may be possible now. */
  askTopicsAgain(): void {
    for (const post of this.#posts) {
      post.askTopicsAgain();
    }
  }

  configurations(): Promise<NameServerConfiguration[]> {
    return Promise.all(this.#posts.map((post) => post.configuration()));
  }

  /** Rejects with BAD_ARGUMENT, CONNECTION_LOST, TIMEOUT, and with what that name server says. */
  async setLogLevel(nameServer: string, level: LogLevel): Promise<void> {
    const post = this.#posts.find(({ url }) => url === nameServer);
    if (post === undefined) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `nameServer: this broker registers with none of that address, but with ${this.#posts.map(({ url }) => url).join(', ')}`,
        { details: { option: 'nameServer' } },
      );
    }
    await post.setLogLevel(level);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const post of this.#posts) {
      post.close();
    }
  }

  #registration(serverNonce: string): BrokerRegistration {
    const { secrets } = this.#options;
    const said = this.#options.describe();
    this.#said = said;
    if (secrets === null) {
      return said;
    }
    const given: BrokerRegistration = { ...said, nonce: newNonce() };
    return { ...given, proof: brokerProof(secrets.first, serverNonce, given) };
  }

  /** A name server that does not know the secret could end any master's term. */
  #isTrusted(answer: RegistrationAnswer, serverNonce: string, nonce: string): boolean {
    const { secrets } = this.#options;
    return (
      secrets?.all.some((secret) =>
        isProof(answer.proof, registeredProof(secret, serverNonce, nonce, answer)),
      ) ?? true
    );
  }

  #onAnswer(answer: RegistrationAnswer): void {
    this.#tellTwin(answer.twin);
    const own = this.#said;
    if (own?.role !== 'master') {
      this.#chooseMaster();
      return;
    }
    this.#master = null;
    if (isReplaced(own, answer) && answer.epoch > this.#fencedEpoch) {
      this.#fencedEpoch = answer.epoch;
      this.#options.onFenced(answer.epoch, answer.master?.url ?? null);
    }
  }

  #tellTwin(url: string | undefined): void {
    if (typeof url === 'string' && isAddress(url)) {
      this.#warnings.tell(
        `twin ${url}`,
        `another broker, at ${url}, has this one's name '${this.#said?.name}', too, perhaps with a copy of its directory: name servers refuse that one; give each a name (--name) and a directory of its own`,
      );
    }
  }

  /** What the others say counts alone now. */
  #onLost(): void {
    if (this.#said !== null && this.#said.role !== 'master') {
      this.#chooseMaster();
    }
  }

  /**
   * Of the name servers that answer; what was known last while none of them does. A master of an earlier term
   * than the log has seen was replaced: a name server that was cut off from its successor may still name it.
   */
  #chooseMaster(): void {
    const said = this.#posts.filter(({ isRegistered }) => isRegistered).map(({ master }) => master);
    const own = this.#said;
    const best = bestMaster(
      said.filter(
        (master) =>
          own === null || master === null || master.brokerId !== own.brokerId || master.epoch >= own.epoch,
      ),
    );
    const known = this.#master;
    if (said.length === 0 || (known?.url === best?.url && known?.epoch === best?.epoch)) {
      return;
    }
    this.#master = best;
    this.#options.onMaster(best?.url ?? null, best?.epoch ?? 0);
  }
}
