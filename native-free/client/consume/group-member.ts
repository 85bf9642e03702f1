/**
 * A consumer's membership: joins its group, holds queues, keeps what arrives for them, commits what is acked, gives queues back, and joins
 * again after a lost connection. What is handed out and how is the business of consumer.ts.
 */
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import { errorCodeOfName, isRingMQError, RingMQError, type TopicInfo } from '../../wire/index.js';
import { abortable, Deferred, pause } from '../abort.js';
import { callUser } from '../callback.js';
import type { Connection, FrameReceiver } from '../link/connection.js';
import type { AssignedQueue, StartPosition } from '../types.js';
import { HeldQueue, HOLD } from './held-queue.js';
import { Inbox } from './inbox.js';

/** Wait before joining again after a refusal that may pass. */
const REJOIN_MS = 500;
/** For commit and leave while closing: the broker redelivers anyway if it is not there. */
const FAREWELL_MS = 5_000;
/** A broker sends one or two in the turn of its answer; what is beyond would come from no sane one. */
const MAX_EARLY_EVENTS = 64;

export interface MemberOptions {
  group: string;
  topic: string;
  filter: string;
  from: StartPosition;
  windowBytes: number;
  commitIntervalMs: number;
  revokeGraceMs: number;
  onAssigned: (queues: AssignedQueue[]) => void;
  onRevoked: ((queueIds: number[]) => void) | undefined;
  /** Something may be there to hand out, or the membership has ended. */
  onChange: () => void;
}

interface QueueGrant {
  queueId: number;
  generation: number;
  offset: number;
}

export class GroupMember implements FrameReceiver {
  readonly inbox: Inbox;
  readonly #connection: Connection;
  readonly #options: MemberOptions;
  readonly #id: number;
  readonly #queues = new Map<number, HeldQueue>();
  readonly #left = new AbortController();
  #leaving: Promise<void> | null = null;
  #memberId: string | null = null;
  #topicInfo: TopicInfo | null = null;
  /** Which topic the queues are of: another broker or another topic of the same name has other ones. */
  #origin = '';
  #isJoined = false;
  /** Events that came before the answer to `join` was looked at. Deliveries cannot: there is no credit yet. */
  #early: Record<string, unknown>[] = [];
  #attempt = 0;
  /** Why it is over; set once. */
  #failure: RingMQError | null = null;
  #commitTimer: ReturnType<typeof setTimeout> | undefined;
  #committing: Promise<void> | null = null;
  /** Acks that went with their queues: up to which offset, by queue. Kept until {@link commit} has told, or found them committed after all. */
  readonly #lostAcks = new Map<number, number>();
  #lastCommitAt = Number.NEGATIVE_INFINITY;
  /** Queues being given back wait here for their last acks. */
  readonly #drains = new Map<HeldQueue, Deferred<void>>();

  constructor(connection: Connection, options: MemberOptions) {
    this.#connection = connection;
    this.#options = options;
    this.inbox = new Inbox(options.windowBytes, (total) => connection.sendCredit(this.#id, total));
    this.#id = connection.addReceiver(this);
    if (connection.failure !== null) {
      this.#fail(connection.failure);
    } else if (connection.isOpen) {
      void this.#join();
    }
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
    return [...this.#queues.values()]
      .filter((queue) => queue.hold === HOLD.active)
      .map((queue) => ({ queueId: queue.queueId, offset: queue.handedOut }));
  }

  /** The queue, if a delivery with this arrival number is for its present assignment. */
  active(queueId: number, arrival: number): HeldQueue | undefined {
    const queue = this.#queues.get(queueId);
    return queue !== undefined && queue.hold === HOLD.active && arrival >= queue.since ? queue : undefined;
  }

  async #join(): Promise<void> {
    if (this.#left.signal.aborted) {
      return;
    }
    // A later try, or a lost connection, makes this one's answer meaningless.
    const attempt = ++this.#attempt;
    const { group, topic, filter, from } = this.#options;
    try {
      const params = { consumer: this.#id, group, topic, filter, from, memberId: this.#memberId };
      const joined = await this.#connection.requests.call('join', params, { onlyNow: true });
      if (attempt !== this.#attempt) {
        return;
      }
      this.#onJoined(joined.memberId, joined.topic);
    } catch (error) {
      if (attempt === this.#attempt) {
        await this.#joinFailed(error, attempt);
      }
    }
  }

  #onJoined(memberId: string, topic: TopicInfo): void {
    const origin = `${this.brokerId}/${topic.topicId}`;
    if (origin !== this.#origin) {
      for (const queue of [...this.#queues.values()]) {
        this.#drop(queue);
      }
    }
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
    if (!isRingMQError(error) || !error.retryable) {
      this.#fail(isRingMQError(error) ? error : new RingMQError('INTERNAL', undefined, { cause: error }));
      return;
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
    for (const queue of this.#queues.values()) {
      if (queue.hold === HOLD.active) {
        queue.hold = HOLD.suspended;
      } else if (queue.hold === HOLD.revoking) {
        this.#lose(queue);
      }
    }
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
      case 'ended':
        this.#fail(new RingMQError(errorCodeOfName(String(event['code'])), String(event['message'])));
        break;
      default:
    }
  }

  #onAssign(grants: QueueGrant[]): void {
    const since = this.inbox.nextNumber;
    for (const { queueId, generation, offset } of grants) {
      const before = this.#queues.get(queueId);
      if (before?.resume(generation, offset, since) === true) {
        if (before.done > before.confirmed) {
          this.#commitSoon();
        }
        continue;
      }
      if (before !== undefined) {
        this.#lose(before);
      }
      this.#queues.set(queueId, new HeldQueue(queueId, generation, offset, since, this.#onMoved));
    }
    // The first assignment after a reconnect names all that nobody else has been given; what comes later, others have read in between.
    for (const queue of [...this.#queues.values()]) {
      if (queue.hold === HOLD.suspended) {
        this.#lose(queue);
      }
    }
    this.#options.onAssigned(grants.map(({ queueId, offset }) => ({ queueId, offset })));
    this.#options.onChange();
  }

  async #onRevoke(grants: QueueGrant[]): Promise<void> {
    const given: HeldQueue[] = [];
    for (const { queueId } of grants) {
      const queue = this.#queues.get(queueId);
      if (queue === undefined || queue.hold !== HOLD.active) {
        continue;
      }
      queue.hold = HOLD.revoking;
      given.push(queue);
    }
    await this.#drain(given);
    // The connection may have been lost meanwhile: then the queues are not ours to give.
    const still = given.filter((queue) => queue.hold === HOLD.revoking);
    await this.#commitQueues(still).catch(() => {});
    for (const queue of given) {
      this.#drop(queue);
    }
    const queues = grants.map(({ queueId, generation }) => ({ queueId, generation }));
    try {
      await this.#connection.requests.call('released', { consumer: this.#id, queues }, { onlyNow: true });
    } catch {
      // The broker takes the queues away by itself when its patience ends.
    }
    callUser(
      this.#options.onRevoked,
      grants.map(({ queueId }) => queueId),
    );
  }

  /** Waits until everything handed out of the queues is acked, or the grace is over. */
  async #drain(queues: readonly HeldQueue[]): Promise<void> {
    const waits: Promise<void>[] = [];
    for (const queue of queues) {
      if (queue.isDrained) {
        continue;
      }
      const drain = new Deferred<void>();
      this.#drains.set(queue, drain);
      waits.push(drain.promise);
    }
    if (waits.length === 0) {
      return;
    }
    const stop = new AbortController();
    const leave = () => stop.abort();
    this.#left.signal.addEventListener('abort', leave, { once: true });
    await Promise.race([Promise.all(waits), pause(this.#options.revokeGraceMs, stop.signal)]);
    stop.abort();
    this.#left.signal.removeEventListener('abort', leave);
    for (const queue of queues) {
      this.#drains.delete(queue);
    }
  }

  /** The queue is gone over a lost connection, and with it acks that were not committed: the next {@link commit} says so. */
  #lose(queue: HeldQueue): void {
    if (queue.done > queue.confirmed) {
      this.#lostAcks.set(queue.queueId, queue.done);
    }
    this.#drop(queue);
  }

  #drop(queue: HeldQueue): void {
    queue.hold = HOLD.gone;
    this.#drains.get(queue)?.resolve();
    if (this.#queues.get(queue.queueId) === queue) {
      this.#queues.delete(queue.queueId);
    }
  }

  readonly #onMoved = (queue: HeldQueue): void => {
    if (queue.hold === HOLD.active) {
      this.#commitSoon();
    } else if (queue.hold === HOLD.revoking && queue.isDrained) {
      this.#drains.get(queue)?.resolve();
    }
  };

  #commitSoon(): void {
    if (this.#commitTimer !== undefined || this.#committing !== null) {
      return;
    }
    const sinceLast = monotonicMs() - this.#lastCommitAt;
    const waitMs = Math.max(1, this.#options.commitIntervalMs - sinceLast);
    this.#commitTimer = setTimeout(() => {
      this.#commitTimer = undefined;
      void this.#commitRound();
    }, waitMs);
  }

  /** One commit of all that is done; a failed one is tried again by the next ack, assignment or timer. */
  #commitRound(): Promise<void> {
    this.#committing ??= this.#commitQueues([...this.#queues.values()])
      .catch((error: unknown) => {
        if (isRingMQError(error) && error.code === 'NOT_A_MEMBER') {
          this.#rejoin();
        }
        throw error;
      })
      .finally(() => {
        this.#committing = null;
        this.#lastCommitAt = monotonicMs();
        if (this.#isJoined && this.#isBehind()) {
          this.#commitSoon();
        }
      });
    this.#committing.catch(() => {});
    return this.#committing;
  }

  #isBehind(): boolean {
    for (const queue of this.#queues.values()) {
      if (queue.hold === HOLD.active && queue.done > queue.confirmed) {
        return true;
      }
    }
    return false;
  }

  async #commitQueues(queues: readonly HeldQueue[]): Promise<void> {
    const behind = queues.filter((queue) => queue.hold <= HOLD.revoking && queue.done > queue.confirmed);
    if (behind.length === 0) {
      return;
    }
    const sent = behind.map((queue) => queue.done);
    const { fenced } = await this.#connection.requests.call(
      'commit',
      {
        consumer: this.#id,
        offsets: behind.map(({ queueId, generation, done }) => ({ queueId, generation, offset: done })),
      },
      { onlyNow: true, timeoutMs: FAREWELL_MS },
    );
    for (const [i, queue] of behind.entries()) {
      if (Array.isArray(fenced) && fenced.includes(queue.queueId)) {
        this.#drop(queue);
      } else {
        queue.confirmed = Math.max(queue.confirmed, sent[i] as number);
      }
    }
  }

  /** The broker has forgotten this member: as after a lost connection. */
  #rejoin(): void {
    this.onLost();
    void this.#join();
  }

  /**
   * Commits all that is acked; resolves when the broker has it. Rejects with `CONNECTION_LOST` while acks wait for the connection (they are
   * committed when the queue is assigned again), and once after acks were lost because it was not; and with the like.
   */
  async commit(): Promise<void> {
    await this.#commitNow();
    for (const queue of this.#queues.values()) {
      if (queue.hold === HOLD.suspended && queue.done > queue.confirmed) {
        throw new RingMQError('CONNECTION_LOST', 'acks wait for the connection to be committed');
      }
    }
    // Those whose messages have come again since, or gone to another, and were committed are lost no more.
    const lost = [...this.#lostAcks].filter(([id, done]) => (this.#queues.get(id)?.confirmed ?? 0) < done);
    this.#lostAcks.clear();
    if (lost.length === 0) {
      return;
    }
    throw new RingMQError('CONNECTION_LOST', 'acks were lost with the connection; their messages come again');
  }

  /** Commits what can be committed now. */
  async #commitNow(): Promise<void> {
    if (this.#committing !== null) {
      await this.#committing.catch(() => {});
    }
    await this.#commitRound();
  }

  /** Commits what is acked and leaves; who comes second waits for the same. Never rejects: what could not be committed is delivered again. */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.#left.abort();
    clearTimeout(this.#commitTimer);
    if (this.#isJoined) {
      // Tried again while the broker asks for patience (a full disk), but not for ever.
      await abortable(this.#commitNow(), AbortSignal.timeout(FAREWELL_MS)).catch(() => {});
    }
    await this.#connection.requests
      .call('leave', { consumer: this.#id }, { onlyNow: true, timeoutMs: FAREWELL_MS })
      .catch(() => {});
    this.#isJoined = false;
    this.#attempt++;
    clearTimeout(this.#commitTimer);
    this.#connection.removeReceiver(this.#id);
    for (const queue of [...this.#queues.values()]) {
      this.#drop(queue);
    }
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

/** Queues named by an event, those that make sense. */
function grantsOf(event: Record<string, unknown>): QueueGrant[] {
  const queues = event['queues'];
  if (!Array.isArray(queues)) {
    return [];
  }
  return queues
    .map((queue: Record<string, unknown>) => ({
      queueId: Number(queue['queueId']),
      generation: Number(queue['generation']),
      offset: Number(queue['offset'] ?? 0),
    }))
    .filter((queue) => Number.isInteger(queue.queueId) && Number.isFinite(queue.offset));
}
