/**
 * A consumer's membership: joins its group, holds queues, keeps what arrives for them, commits what is acked, gives queues back, and joins
 * again after a lost connection. What is handed out and how is the business of consumer.ts.
 */
import { errorCodeOfName, isRingMQError, RingMQError, type TopicInfo } from '../../wire/index.js';
import { abortable, pause } from '../abort.js';
import { callUser } from '../callback.js';
import { asRingMQError } from '../failures.js';
import type { Connection } from '../link/connection.js';
import type { FrameReceiver } from '../link/frame-receiver.js';
import type { AssignedQueue } from '../types.js';
import { Commits, FAREWELL_MS } from './commits.js';
import { type HeldQueue, HOLD } from './held-queue.js';
import { HeldQueues } from './held-queues.js';
import { HELD_BACK, Inbox } from './inbox.js';
import { type JoinsAs, memberJoins, readerJoins } from './joins-as.js';
import { damageOf, expiredOf, grantsOf, type QueueGrant } from './member-events.js';
import type { MemberOptions } from './member-options.js';
import { warnOfDamage, warnOfExpired, warnOfRefusedJoin } from './member-warnings.js';
import { QueueControl } from './queue-control.js';

/** Wait before joining again after a refusal that may pass. */
const REJOIN_MS = 500;
/** A broker sends one or two in the turn of its answer; what is beyond would come from no sane one. */
const MAX_EARLY_EVENTS = 64;

export class GroupMember implements FrameReceiver {
  readonly inbox: Inbox;
  readonly control: QueueControl;
  readonly #connection: Connection;
  readonly #options: MemberOptions;
  readonly #id: number;
  readonly #queues: HeldQueues;
  readonly #left = new AbortController();
  #leaving: Promise<void> | null = null;
  #memberId: string | null;
  #queueBase: number | null;
  #topicInfo: TopicInfo | null = null;
  /** Which topic the queues are of: another broker or another topic of the same name has other ones. */
  #origin = '';
  #opening = '';
  #isJoined = false;
  /** Events that came before the answer to `join` was looked at. Deliveries cannot: there is no credit yet. */
  #early: Record<string, unknown>[] = [];
  #attempt = 0;
  /** Why it is over; set once. */
  #failure: RingMQError | null = null;
  readonly #commits: Commits;

  constructor(connection: Connection, options: MemberOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#memberId = options.memberId;
    this.#queueBase = options.queueBase;
    this.inbox = new Inbox(options.windowBytes, (total) => connection.sendCredit(this.#id, total));
    this.#id = connection.addReceiver(this);
    this.#queues = this.#makeQueues();
    this.#commits = this.#makeCommits();
    this.control = new QueueControl(connection, this.#queues.byId, {
      consumerId: this.#id,
      topic: options.topic,
      inbox: this.inbox,
      windowBytes: options.windowBytes,
      onChange: options.onChange,
      onConfused: () => void this.#joinAnew(),
    });
    if (connection.failure !== null) {
      this.#fail(connection.failure);
    } else if (connection.isOpen) {
      void this.#join();
    }
  }

  #makeQueues(): HeldQueues {
    return new HeldQueues({
      inbox: this.inbox,
      maxUnackedCount: this.#options.maxUnackedCount,
      onAcked: (queue, hasRoom) => {
        if (hasRoom) {
          this.control.release(queue.queueId, HELD_BACK.full);
        }
        this.#commits.soon();
      },
      onUncommitted: () => this.#commits.soon(),
      onLost: (queue) => this.#commits.lost(queue),
    });
  }

  #makeCommits(): Commits {
    const { group, topic, commitIntervalMs } = this.#options;
    return new Commits(this.#connection, this.#queues.byId, {
      consumerId: this.#id,
      group,
      topic,
      intervalMs: commitIntervalMs,
      isJoined: () => this.#isJoined,
      fenced: (queue) => this.#queues.drop(queue),
      forgotten: () => this.#rejoin(),
    });
  }

  /** What its queues are of. */
  get #where(): { topic: string; brokerSet?: string } {
    const { topic, set } = this.#options;
    return set === null ? { topic } : { topic, brokerSet: set };
  }

  /** The sets before this one have other queues now: the broker shares anew. */
  moveTo(queueBase: number): void {
    if (this.#queueBase !== queueBase) {
      this.#queueBase = queueBase;
      if (this.#isJoined) {
        void this.#joinAnew();
      }
    }
  }

  get brokerSet(): string | null {
    return this.#options.set;
  }

  get failure(): RingMQError | null {
    return this.#failure;
  }

  get isMemory(): boolean {
    return this.#topicInfo?.memory === true;
  }

  /** What it gets never leaves the process: neither a wire nor a disk can have changed it. */
  get staysInProcess(): boolean {
    return this.isMemory && this.#connection.welcome.listener === 'embedded';
  }

  get brokerId(): string {
    return this.#connection.welcome.brokerId;
  }

  get queues(): AssignedQueue[] {
    return this.#queues.assigned;
  }

  /** The queue, if a delivery with this arrival number is for its present assignment. */
  active(queueId: number, arrival: number): HeldQueue | undefined {
    return this.#queues.active(queueId, arrival);
  }

  /** The queues it reads, for looking at. */
  get held(): HeldQueue[] {
    return this.#queues.read;
  }

  /** Something of the queue was handed out: past its bound it gives no more until there are acks. */
  handedOut(queue: HeldQueue): void {
    if (queue.inHandCount >= this.#options.maxUnackedCount) {
      this.inbox.holdBack(queue.queueId, HELD_BACK.full);
    }
  }

  /** Why nothing more can come: each of the queues it holds has stopped at damage. */
  get damageOfAll(): RingMQError | null {
    return this.#queues.damageOfAll;
  }

  /** Reading of a queue has come to damage. `next`: the offset behind it; null: the broker knows, and waits to be asked to go on. */
  metDamage(queue: HeldQueue, error: RingMQError, next: number | null): void {
    const { queueId, handedOut: offset, generation } = queue;
    const { onDamage, warnings } = this.#options;
    const damage = { ...this.#where, queueId, offset, error };
    const skips = onDamage({ ...damage }) === 'skip';
    if (!skips) {
      queue.damage = error;
    } else if (next !== null) {
      queue.passOver(next);
    } else {
      const params = { consumer: this.#id, queueId, generation };
      // Should the answer be lost with the connection, the next one meets the damage again.
      this.#connection.requests.call('skipDamage', params, { onlyNow: true }).catch(() => {});
    }
    warnOfDamage(warnings, damage, skips);
  }

  async #join(): Promise<void> {
    if (this.#left.signal.aborted) {
      return;
    }
    // A later try, or a lost connection, makes this one's answer meaningless.
    const attempt = ++this.#attempt;
    const { group, topic, filter, from } = this.#options;
    try {
      const params = { ...this.#joinsAs(), consumer: this.#id, group, topic, filter, from };
      const joined = await this.#connection.requests.call('join', params, { onlyNow: true });
      if (attempt === this.#attempt) {
        this.#onJoined(joined.memberId, joined.topic);
      }
    } catch (error) {
      if (attempt === this.#attempt) {
        await this.#joinFailed(error, attempt);
      }
    }
  }

  #joinsAs(): JoinsAs {
    const { group, queueIds } = this.#options;
    if (group !== null) {
      return memberJoins(this.#memberId, this.#queueBase);
    }
    const topicId = this.#topicInfo?.topicId;
    const isSame = topicId !== undefined && this.#origin === `${this.brokerId}/${topicId}`;
    return readerJoins(queueIds, isSame ? { topicId, queues: this.#queues.positions() } : null);
  }

  #onJoined(memberId: string, topic: TopicInfo): void {
    const origin = `${this.brokerId}/${topic.topicId}`;
    if (origin !== this.#origin) {
      this.#queues.dropAll();
    }
    const { opening } = this.#connection;
    if (opening !== this.#opening) {
      // Its data may be of another time: what was acked there says nothing of the messages here.
      this.#queues.loseAll();
    }
    this.#opening = opening;
    this.#origin = origin;
    this.#memberId = memberId;
    this.#topicInfo = topic;
    this.#isJoined = true;
    const early = this.#early;
    this.#early = [];
    for (const event of early) {
      this.onEvent(event);
    }
    this.inbox.open();
  }

  async #joinFailed(error: unknown, attempt: number): Promise<void> {
    const failure = asRingMQError(error);
    if (!failure.retryable) {
      this.#fail(failure);
      return;
    }
    const { group, warnings } = this.#options;
    if (failure.code !== 'CONNECTION_LOST') {
      warnOfRefusedJoin(warnings, this.#where, group, failure);
    }
    await pause(REJOIN_MS, this.#left.signal);
    // Without a connection the next welcome brings another try.
    if (attempt === this.#attempt && this.#connection.isOpen) {
      void this.#join();
    }
  }

  onConnected(): void {
    void this.#join();
  }

  onLost(): void {
    this.#isJoined = false;
    this.#early = [];
    this.#attempt++;
    this.inbox.clear();
    this.control.lost();
    this.#queues.suspend();
  }

  onFailed(error: RingMQError): void {
    this.#fail(error);
  }

  onDeliver(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null): void {
    try {
      this.inbox.addFrame(frame, release);
    } catch (error) {
      if (!isRingMQError(error) || error.code !== 'BAD_BATCH') {
        throw error;
      }
      this.#fail(error);
      return;
    }
    this.#options.onChange();
  }

  onSkip(queueId: number, offset: number): void {
    this.inbox.addSkip(queueId, offset);
    this.#options.onChange();
  }

  onEvent(event: Record<string, unknown>): void {
    if (!this.#isJoined && event['event'] !== 'ended') {
      if (this.#early.length >= MAX_EARLY_EVENTS) {
        throw new RingMQError('BAD_FRAME', 'too many events before the answer to join');
      }
      this.#early.push(event);
      return;
    }
    switch (event['event']) {
      case 'assign':
        this.#onAssign(grantsOf(event));
        break;
      case 'revoke':
        void this.#onRevoke(grantsOf(event));
        break;
      case 'expired':
        for (const expired of expiredOf(event)) {
          warnOfExpired(this.#options.warnings, this.#where, expired);
        }
        break;
      case 'queueDamaged':
        this.#onQueueDamaged(event);
        break;
      case 'flow':
        this.control.onFlow(grantsOf(event));
        break;
      case 'ended':
        this.#fail(new RingMQError(errorCodeOfName(String(event['code'])), String(event['message'])));
        break;
      default:
    }
  }

  /** In its place among the deliveries: what came before it is handed out first. */
  #onQueueDamaged(event: Record<string, unknown>): void {
    const damage = damageOf(event, this.#options.topic);
    if (damage !== null) {
      this.inbox.addDamage(damage.queueId, damage.offset, damage.error);
      this.#options.onChange();
    }
  }

  #onAssign(grants: QueueGrant[]): void {
    const since = this.inbox.nextNumber;
    for (const grant of grants) {
      const isSought = this.control.isSought(grant.queueId);
      if (this.#queues.assign(grant, since, { isSought, isMemory: this.isMemory })) {
        this.control.assigned(grant.queueId);
      }
    }
    // The first assignment after a reconnect names all that nobody else has been given; what comes later, others have read in between.
    this.#queues.loseSuspended();
    this.#options.onAssigned(grants.map(({ queueId, offset }) => ({ queueId, offset })));
    this.#options.onChange();
  }

  async #onRevoke(grants: QueueGrant[]): Promise<void> {
    const queueIds = grants.map(({ queueId }) => queueId);
    const given = this.#queues.revoke(queueIds);
    await this.#queues.drain(given, this.#options.revokeGraceMs, this.#left.signal);
    // The connection may have been lost meanwhile: then the queues are not ours to give.
    const still = given.filter((queue) => queue.hold === HOLD.revoking);
    await this.#commits.of(still).catch(() => {});
    for (const queue of given) {
      this.#queues.drop(queue);
    }
    const queues = grants.map(({ queueId, generation }) => ({ queueId, generation }));
    try {
      await this.#connection.requests.call('released', { consumer: this.#id, queues }, { onlyNow: true });
    } catch {
      // The broker takes the queues away by itself when its patience ends.
    }
    callUser(this.#options.onRevoked, queueIds, ...(this.brokerSet === null ? [] : [this.brokerSet]));
  }

  /** The broker has this member, and is to forget it first. */
  async #joinAnew(): Promise<void> {
    this.onLost();
    await this.#connection.requests.call('leave', { consumer: this.#id }, { onlyNow: true }).catch(() => {});
    if (!this.#isJoined && this.#connection.isOpen) {
      void this.#join();
    }
  }

  /** The broker has forgotten this member: as after a lost connection. */
  #rejoin(): void {
    this.onLost();
    void this.#join();
  }

  /** Commits all that is acked; see {@link Commits.commit}. */
  commit(): Promise<void> {
    return this.#commits.commit();
  }

  /** Commits what is acked and leaves; who comes second waits for the same. Never rejects: what could not be committed is delivered again. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.#left.abort();
    this.#commits.stop();
    if (this.#isJoined) {
      // Tried again while the broker asks for patience (a full disk), but not for ever.
      await abortable(this.#commits.now(), AbortSignal.timeout(FAREWELL_MS)).catch(() => {});
    }
    await this.#connection.requests
      .call('leave', { consumer: this.#id }, { onlyNow: true, timeoutMs: FAREWELL_MS })
      .catch(() => {});
    this.#isJoined = false;
    this.#attempt++;
    this.#commits.stop();
    this.#connection.removeReceiver(this.#id);
    this.#queues.dropAll();
    this.inbox.clear();
  }

  #fail(error: RingMQError): void {
    if (this.#failure !== null) {
      return;
    }
    this.#failure = error;
    this.#options.onChange();
  }
}
