/**
 * A consumer's membership: joins its group, holds queues, keeps what arrives for them, commits what is acked, gives queues back, and joins
 * again after a lost connection. What is handed out and how is the business of consumer.ts.
 */
import {
  type ControlMethods,
  errorCodeOfName,
  isRingMQError,
  RingMQError,
  type TopicInfo,
} from '../../wire/index.js';
import { abortable, Deferred, pause } from '../abort.js';
import { callUser } from '../callback.js';
import type { Connection } from '../link/connection.js';
import type { FrameReceiver } from '../link/frame-receiver.js';
import type { AssignedQueue, StartPosition } from '../types.js';
import { Commits, FAREWELL_MS } from './commits.js';
import { HeldQueue, HOLD } from './held-queue.js';
import { HELD_BACK, Inbox } from './inbox.js';
import { QueueControl } from './queue-control.js';
import type { DamagedQueue } from './types.js';
import type { Warnings } from './warnings.js';

/** Wait before joining again after a refusal that may pass. */
const REJOIN_MS = 500;
/** A broker sends one or two in the turn of its answer; what is beyond would come from no sane one. */
const MAX_EARLY_EVENTS = 64;

export interface MemberOptions {
  /** null: reads by itself, in no group. */
  group: string | null;
  /** Of such a reader: the only queues it wants. */
  queueIds?: readonly number[] | undefined;
  topic: string;
  filter: string;
  from: StartPosition;
  windowBytes: number;
  commitIntervalMs: number;
  revokeGraceMs: number;
  maxUnackedCount: number;
  onAssigned: (queues: AssignedQueue[]) => void;
  onRevoked: ((queueIds: number[]) => void) | undefined;
  /** What becomes of a damaged queue. */
  onDamage: (damage: DamagedQueue) => 'stop' | 'skip';
  warnings: Warnings;
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
  readonly control: QueueControl;
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
  #opening = '';
  #isJoined = false;
  /** Events that came before the answer to `join` was looked at. Deliveries cannot: there is no credit yet. */
  #early: Record<string, unknown>[] = [];
  #attempt = 0;
  /** Why it is over; set once. */
  #failure: RingMQError | null = null;
  readonly #commits: Commits;
  /** Queues being given back wait here for their last acks. */
  readonly #drains = new Map<HeldQueue, Deferred<void>>();

  constructor(connection: Connection, options: MemberOptions) {
    this.#connection = connection;
    this.#options = options;
    this.inbox = new Inbox(options.windowBytes, (total) => connection.sendCredit(this.#id, total));
    this.#id = connection.addReceiver(this);
    this.#commits = this.#makeCommits();
    this.control = new QueueControl(connection, this.#queues, {
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

  #makeCommits(): Commits {
    const isJoined = () => this.#isJoined;
    const { group, topic, commitIntervalMs } = this.#options;
    return new Commits(this.#connection, this.#queues, {
      consumerId: this.#id,
      group,
      topic,
      intervalMs: commitIntervalMs,
      get isJoined() {
        return isJoined();
      },
      fenced: (queue) => this.#drop(queue),
      forgotten: () => this.#rejoin(),
    });
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
    if (queue === undefined || queue.hold !== HOLD.active || arrival < queue.since || queue.damage !== null) {
      return undefined;
    }
    return queue;
  }

  /** The queues it reads, for looking at. */
  get held(): HeldQueue[] {
    return [...this.#queues.values()].filter((queue) => queue.hold <= HOLD.revoking);
  }

  /** Something of the queue was handed out: past its bound it gives no more until there are acks. */
  handedOut(queue: HeldQueue): void {
    if (queue.inHandCount >= this.#options.maxUnackedCount) {
      this.inbox.holdBack(queue.queueId, HELD_BACK.full);
    }
  }

  /** Why nothing more can come: each of the queues it holds has stopped at damage. */
  get damageOfAll(): RingMQError | null {
    let damage: RingMQError | null = null;
    for (const queue of this.#queues.values()) {
      if (queue.damage === null) {
        return null;
      }
      damage = queue.damage;
    }
    return damage;
  }

  /** Reading of a queue has come to damage. `next`: the offset behind it; null: the broker knows, and waits to be asked to go on. */
  metDamage(queue: HeldQueue, error: RingMQError, next: number | null): void {
    const { queueId, handedOut: offset, generation } = queue;
    const { topic, onDamage, warnings } = this.#options;
    const skips = onDamage({ topic, queueId, offset, error }) === 'skip';
    if (!skips) {
      queue.damage = error;
    } else if (next !== null) {
      queue.passOver(next);
    } else {
      const params = { consumer: this.#id, queueId, generation };
      // Should the answer be lost with the connection, the next one meets the damage again.
      this.#connection.requests.call('skipDamage', params, { onlyNow: true }).catch(() => {});
    }
    const then = skips
      ? 'the consumer goes on behind it'
      : "the consumer reads no more of this queue; onDamage: 'skip' goes on behind it";
    warnings.tell(
      {
        type: 'damage',
        message: `queue ${queueId} of ${topic} is damaged at offset ${offset} (${error.code}: ${error.message}); ${then}`,
        topic,
        queueId,
        error,
      },
      offset,
    );
  }

  async #join(): Promise<void> {
    if (this.#left.signal.aborted) {
      return;
    }
    // A later try, or a lost connection, makes this one's answer meaningless.
    const attempt = ++this.#attempt;
    const { group, topic, filter, from } = this.#options;
    try {
      const params = { ...this.#joinParams(), consumer: this.#id, group, topic, filter, from };
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

  #joinParams(): Pick<ControlMethods['join']['params'], 'memberId' | 'onDamage' | 'queueIds' | 'positions'> {
    const { group, queueIds } = this.#options;
    const onDamage = 'tell' as const;
    if (group !== null) {
      return { memberId: this.#memberId, onDamage };
    }
    // The broker keeps nothing of a reader: it says itself where it has been, if it is still the same broker.
    const topicId = this.#topicInfo?.topicId;
    const positions =
      topicId === undefined || this.#origin !== `${this.brokerId}/${topicId}`
        ? null
        : {
            topicId,
            queues: [...this.#queues.values()].map(({ queueId, generation, handedOut }) => ({
              queueId,
              generation,
              offset: handedOut,
            })),
          };
    return { memberId: null, onDamage, queueIds: queueIds ?? null, positions };
  }

  #onJoined(memberId: string, topic: TopicInfo): void {
    const origin = `${this.brokerId}/${topic.topicId}`;
    if (origin !== this.#origin) {
      for (const queue of [...this.#queues.values()]) {
        this.#drop(queue);
      }
    }
    const { opening } = this.#connection.produce.origin;
    if (opening !== this.#opening) {
      // Its data may be of another time: what was acked there says nothing of the messages here.
      for (const queue of [...this.#queues.values()]) {
        this.#lose(queue);
      }
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
    if (!isRingMQError(error) || !error.retryable) {
      this.#fail(isRingMQError(error) ? error : new RingMQError('INTERNAL', undefined, { cause: error }));
      return;
    }
    const { group, topic, warnings } = this.#options;
    if (error.code !== 'CONNECTION_LOST') {
      const whose = group === null ? 'the broker' : `group ${group}`;
      const message = `${whose} does not take this consumer of ${topic} now, it tries again (${error.code}: ${error.message})`;
      warnings.tell({ type: 'join-refused', message, topic, error });
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
      case 'expired':
        this.#onExpired(event);
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
    const { queueId, offset, position, code, message } = event;
    if (typeof queueId !== 'number' || typeof offset !== 'number') {
      return;
    }
    const { topic } = this.#options;
    const error = new RingMQError(errorCodeOfName(String(code)), String(message), {
      details: { topic, queueId, offset, position },
    });
    this.inbox.addDamage(queueId, offset, error);
    this.#options.onChange();
  }

  #onExpired(event: Record<string, unknown>): void {
    const { topic, warnings } = this.#options;
    for (const { queueId, from, to } of expiredOf(event)) {
      const what = to - from === 1 ? '1 message' : `${to - from} messages`;
      const message = `${what} of queue ${queueId} of ${topic}, from offset ${from} on, were deleted before the group read them; keep up, or keep messages longer (retentionMs, retentionBytes; of memory topics memoryRingBytes)`;
      warnings.tell({ type: 'expired', message, topic, queueId, expired: { from, to } }, from);
    }
  }

  #onAssign(grants: QueueGrant[]): void {
    const since = this.inbox.nextNumber;
    for (const { queueId, generation, offset } of grants) {
      const before = this.#queues.get(queueId);
      if (before?.resume(generation, offset, since) === true) {
        if (before.done > before.confirmed) {
          this.#commits.soon();
        }
        continue;
      }
      if (before !== undefined && this.control.isSought(queueId)) {
        this.#drop(before);
      } else if (before !== undefined && this.isMemory && !before.isOfRun(generation)) {
        // Its messages went with the broker's memory: there is nothing left to come again.
        this.#drop(before);
      } else if (before !== undefined) {
        this.#lose(before);
      }
      this.#queues.set(queueId, new HeldQueue(queueId, generation, offset, since, this.#onMoved));
      this.control.assigned(queueId);
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
    await this.#commits.of(still).catch(() => {});
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
    this.#commits.lost(queue);
    this.#drop(queue);
  }

  #drop(queue: HeldQueue): void {
    queue.hold = HOLD.gone;
    this.#drains.get(queue)?.resolve();
    if (this.#queues.get(queue.queueId) === queue) {
      this.#queues.delete(queue.queueId);
      this.inbox.release(queue.queueId, HELD_BACK.full | HELD_BACK.busy);
    }
  }

  readonly #onMoved = (queue: HeldQueue): void => {
    if (queue.hold === HOLD.active) {
      if (queue.inHandCount < this.#options.maxUnackedCount) {
        this.control.release(queue.queueId, HELD_BACK.full);
      }
      this.#commits.soon();
    } else if (queue.hold === HOLD.revoking && queue.isDrained) {
      this.#drains.get(queue)?.resolve();
    }
  };

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

/** What an event says is gone, as far as it makes sense. */
function expiredOf(event: Record<string, unknown>): { queueId: number; from: number; to: number }[] {
  const queues = event['queues'];
  if (!Array.isArray(queues)) {
    return [];
  }
  return queues
    .map((queue: Record<string, unknown>) => ({
      queueId: Number(queue['queueId']),
      from: Number(queue['from']),
      to: Number(queue['to']),
    }))
    .filter(({ queueId, from, to }) => Number.isInteger(queueId) && to > from);
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
