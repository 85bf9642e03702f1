/**
 * How a member joins its group: with the first link, after each lost one, and again after a refusal that may
 * pass. What comes for it before the broker's answer was looked at waits for that.
 */
import { RingMQError, type TopicInfo } from '../../wire/index.js';
import { pause } from '../abort.js';
import { asRingMQError } from '../failures.js';
import type { Connection } from '../link/connection.js';
import { type JoinsAs, memberJoins, readerJoins } from './joins-as.js';
import type { QueueGrant } from './member-events.js';
import type { MemberOptions } from './member-options.js';
import { warnOfRefusedJoin } from './member-warnings.js';

/** Wait before joining again after a refusal that may pass. */
const REJOIN_MS = 500;
/** A broker sends one or two in the turn of its answer; what is beyond would come from no sane one. */
const MAX_EARLY_EVENTS = 64;

export interface Joined {
  /** The queues are another broker's or another topic's than before. */
  isElsewhere: boolean;
  /** The broker was opened anew, or is another one: its data may be of another time. */
  isAnew: boolean;
}

/** Who joins. */
export interface JoiningOwner {
  /** Its number on the connection. */
  consumerId: number;
  /** Aborted once it wants to leave. */
  left: AbortSignal;
  /** Where it has come to, of a reader in no group: the broker keeps nothing of it. */
  positions(): QueueGrant[];
  /** It is a member; `early` came for it before it knew. */
  onJoined(how: Joined, early: readonly Record<string, unknown>[]): void;
  /** It never will be one. */
  onRefused(error: RingMQError): void;
}

export class Joining {
  readonly #connection: Connection;
  readonly #options: MemberOptions;
  readonly #owner: JoiningOwner;
  #memberId: string | null;
  #queueBase: number | null;
  #topic: TopicInfo | null = null;
  /** Which topic the queues are of: another broker or another topic of the same name has other ones. */
  #origin = '';
  #opening = '';
  #isJoined = false;
  /** Events that came before the answer to `join` was looked at. Deliveries cannot: there is no credit yet. */
  #early: Record<string, unknown>[] = [];
  #attempt = 0;

  constructor(connection: Connection, options: MemberOptions, owner: JoiningOwner) {
    this.#connection = connection;
    this.#options = options;
    this.#owner = owner;
    this.#memberId = options.memberId;
    this.#queueBase = options.queueBase;
  }

  get isJoined(): boolean {
    return this.#isJoined;
  }

  /** As the last answer to `join` described it; null: there was none yet. */
  get topic(): TopicInfo | null {
    return this.#topic;
  }

  /** The sets before this one have other queues now. True: the broker has to hear of it. */
  moveTo(queueBase: number): boolean {
    if (this.#queueBase === queueBase) {
      return false;
    }
    this.#queueBase = queueBase;
    return this.#isJoined;
  }

  async join(): Promise<void> {
    if (this.#owner.left.aborted) {
      return;
    }
    // A later try, or a lost connection, makes this one's answer meaningless.
    const attempt = ++this.#attempt;
    const { group, topic, filter, from } = this.#options;
    try {
      const params = { ...this.#joinsAs(), consumer: this.#owner.consumerId, group, topic, filter, from };
      const joined = await this.#connection.requests.call('join', params, { onlyNow: true });
      if (attempt === this.#attempt) {
        this.#onJoined(joined.memberId, joined.topic);
      }
    } catch (error) {
      if (attempt === this.#attempt) {
        await this.#failed(error, attempt);
      }
    }
  }

  #joinsAs(): JoinsAs {
    const { group, queueIds, alone } = this.#options;
    if (group !== null) {
      return memberJoins(this.#memberId, this.#queueBase, alone);
    }
    const topicId = this.#topic?.topicId;
    const isSame = topicId !== undefined && this.#origin === this.#originOf(topicId);
    return readerJoins(queueIds, isSame ? { topicId, queues: this.#owner.positions() } : null);
  }

  #originOf(topicId: number): string {
    return `${this.#connection.welcome.brokerId}/${topicId}`;
  }

  #onJoined(memberId: string, topic: TopicInfo): void {
    const origin = this.#originOf(topic.topicId);
    const { opening } = this.#connection;
    const how = { isElsewhere: origin !== this.#origin, isAnew: opening !== this.#opening };
    this.#opening = opening;
    this.#origin = origin;
    this.#memberId = memberId;
    this.#topic = topic;
    this.#isJoined = true;
    const early = this.#early;
    this.#early = [];
    this.#owner.onJoined(how, early);
  }

  async #failed(error: unknown, attempt: number): Promise<void> {
    const failure = asRingMQError(error);
    if (!failure.retryable) {
      this.#owner.onRefused(failure);
      return;
    }
    const { group, topic, set, warnings } = this.#options;
    if (failure.code !== 'CONNECTION_LOST') {
      warnOfRefusedJoin(warnings, set === null ? { topic } : { topic, brokerSet: set }, group, failure);
    }
    await pause(REJOIN_MS, this.#owner.left);
    // Without a connection the next welcome brings another try.
    if (attempt === this.#attempt && this.#connection.isOpen) {
      void this.join();
    }
  }

  /** True: the event came before the answer to `join`, and is kept until then. */
  keeps(event: Record<string, unknown>): boolean {
    if (this.#isJoined || event['event'] === 'ended') {
      return false;
    }
    if (this.#early.length >= MAX_EARLY_EVENTS) {
      throw new RingMQError('BAD_FRAME', 'too many events before the answer to join');
    }
    this.#early.push(event);
    return true;
  }

  /** It is no member any more. */
  lost(): void {
    this.#isJoined = false;
    this.#early = [];
    this.#attempt++;
  }
}
