/**
 * A consumer's membership: joins its group, holds queues, keeps what arrives for them, commits what is acked,
 * gives queues back, and joins again after a lost connection. What is handed out and how is the business of
 * consumer.ts.
 */
import { errorCodeOfName, isRingMQError, RingMQError } from '../../wire/index.js';
import { abortable } from '../abort.js';
import { callUser } from '../callback.js';
import type { Connection } from '../link/connection.js';
import type { FrameReceiver } from '../link/frame-receiver.js';
import type { AssignedQueue } from '../types.js';
import { Aside } from './aside.js';
import { Commits, FAREWELL_MS } from './commits.js';
import { DamageDesk } from './damage-desk.js';
import { type HeldQueue, HOLD } from './held-queue.js';
import { HeldQueues } from './held-queues.js';
import { HELD_BACK, Inbox } from './inbox.js';
import { type Joined, Joining } from './joining.js';
import { expiredOf, grantsOf, oldDataOf, type QueueGrant } from './member-events.js';
import type { MemberOptions } from './member-options.js';
import { warnOfExpired, warnOfPause } from './member-warnings.js';
import { QueueControl } from './queue-control.js';

export class GroupMember implements FrameReceiver {
  readonly inbox: Inbox;
  readonly control: QueueControl;
  readonly damage: DamageDesk;
  readonly #connection: Connection;
  readonly #options: MemberOptions;
  readonly #id: number;
  readonly #queues: HeldQueues;
  readonly #left = new AbortController();
  #leaving: Promise<void> | null = null;
  readonly #joining: Joining;
  /** Why it is over; set once. */
  #failure: RingMQError | null = null;
  readonly #commits: Commits;
  readonly #aside: Aside;

  constructor(connection: Connection, options: MemberOptions) {
    this.#connection = connection;
    this.#options = options;
    this.inbox = new Inbox(options.windowBytes, (total) => connection.sendCredit(this.#id, total));
    this.#id = connection.receivers.add(this);
    this.damage = new DamageDesk(connection, options, {
      consumerId: this.#id,
      inbox: this.inbox,
      where: this.#where,
    });
    this.#queues = this.#makeQueues();
    this.#joining = this.#makeJoining();
    this.#commits = this.#makeCommits();
    this.control = new QueueControl(connection, this.#queues.byId, {
      consumerId: this.#id,
      topic: options.topic,
      inbox: this.inbox,
      windowBytes: options.windowBytes,
      onChange: options.onChange,
      onConfused: () => void this.#joinAnew(),
      isAside: (queueId) => this.#aside.has(queueId),
    });
    this.#aside = this.#makeAside();
    if (connection.failure !== null) {
      this.#fail(connection.failure);
    } else if (connection.isOpen) {
      void this.#joining.join();
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

  #makeAside(): Aside {
    const { topic, filter, windowBytes, aside, onChange } = this.#options;
    return new Aside({
      ...{ topic, filter, windowBytes, onChange, slave: aside, inbox: this.inbox },
      topicId: () => this.#joining.topic?.topicId ?? null,
      queueCount: () => this.#queues.byId.size,
      stop: (queue) => this.control.stop(queue),
      goOn: (queue, generation, offset) => this.control.goOn(queue, generation, offset),
    });
  }

  #makeJoining(): Joining {
    return new Joining(this.#connection, this.#options, {
      consumerId: this.#id,
      left: this.#left.signal,
      positions: () => this.#queues.positions(),
      onJoined: (how, early) => this.#onJoined(how, early),
      onRefused: (error) => this.#fail(error),
    });
  }

  #makeCommits(): Commits {
    const { group, topic, commitIntervalMs } = this.#options;
    return new Commits(this.#connection, this.#queues.byId, {
      consumerId: this.#id,
      group,
      topic,
      intervalMs: commitIntervalMs,
      isJoined: () => this.#joining.isJoined,
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
    if (this.#joining.moveTo(queueBase)) {
      void this.#joinAnew();
    }
  }

  get brokerSet(): string | null {
    return this.#options.set;
  }

  get failure(): RingMQError | null {
    return this.#failure;
  }

  get isMemory(): boolean {
    return this.#joining.topic?.memory === true;
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

  #onJoined({ isElsewhere, isAnew }: Joined, early: readonly Record<string, unknown>[]): void {
    if (isElsewhere) {
      this.#queues.dropAll();
    }
    if (isAnew) {
      // What was acked there says nothing of the messages here.
      this.#queues.loseAll();
    }
    for (const event of early) {
      this.onEvent(event);
    }
    this.inbox.open();
  }

  onConnected(): void {
    void this.#joining.join();
  }

  onLost(): void {
    this.#aside.endAll();
    this.#joining.lost();
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
    if (this.#joining.keeps(event)) {
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
        this.damage.told(event);
        break;
      case 'oldData':
        this.#onOldData(event);
        break;
      case 'groupPaused':
        warnOfPause(this.#options.warnings, this.#where, event['paused'] === true);
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

  /** Only what is read on: what stands still has room for nothing. */
  #onOldData(event: Record<string, unknown>): void {
    const old = oldDataOf(event);
    const queue = old === null ? undefined : this.#queues.byId.get(old.queueId);
    const isReadOn =
      queue?.isActive === true &&
      queue.damage === null &&
      !this.inbox.isCut(queue.queueId) &&
      !queue.isPaused;
    if (old !== null && queue !== undefined && isReadOn && queue.generation === old.generation) {
      this.#aside.begin(queue, old);
    }
  }

  #onAssign(grants: QueueGrant[]): void {
    const since = this.inbox.nextNumber;
    for (const grant of grants) {
      this.#aside.end(grant.queueId);
      const isSought = this.control.isSought(grant.queueId);
      if (this.#queues.assign(grant, since, { isSought, isMemory: this.isMemory })) {
        this.control.assigned(grant.queueId);
      }
    }
    // The first assignment after a reconnect names all that nobody else has been given; what comes later,
    // others have read in between.
    this.#queues.loseSuspended();
    this.#options.onAssigned(grants.map(({ queueId, offset }) => ({ queueId, offset })));
    this.#options.onChange();
  }

  async #onRevoke(grants: QueueGrant[]): Promise<void> {
    const queueIds = grants.map(({ queueId }) => queueId);
    for (const queueId of queueIds) {
      this.#aside.end(queueId);
      this.control.revoked(queueId);
    }
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
    if (!this.#joining.isJoined && this.#connection.isOpen) {
      void this.#joining.join();
    }
  }

  /** The broker has forgotten this member: as after a lost connection. */
  #rejoin(): void {
    this.onLost();
    void this.#joining.join();
  }

  /** Commits all that is acked; see {@link Commits.commit}. */
  commit(): Promise<void> {
    return this.#commits.commit();
  }

  /**
   * Commits what is acked and leaves; who comes second waits for the same. Never rejects: what could not be
   * committed is delivered again.
   */
  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  async #leave(): Promise<void> {
    this.#left.abort();
    this.#aside.endAll();
    this.#commits.stop();
    if (this.#joining.isJoined) {
      // Tried again while the broker asks for patience (a full disk), but not for ever.
      await abortable(this.#commits.now(), AbortSignal.timeout(FAREWELL_MS)).catch(() => {});
    }
    await this.#connection.requests
      .call('leave', { consumer: this.#id }, { onlyNow: true, timeoutMs: FAREWELL_MS })
      .catch(() => {});
    this.#joining.lost();
    this.#commits.stop();
    this.#connection.receivers.remove(this.#id);
    this.#queues.dropAll();
    this.inbox.clear();
    // No assignment follows any more, which seeks would wait for.
    this.control.lost();
  }

  #fail(error: RingMQError): void {
    if (this.#failure !== null) {
      return;
    }
    this.#failure = error;
    this.#aside.endAll();
    this.control.lost(error);
    this.#options.onChange();
  }
}
