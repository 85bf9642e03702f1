/** A member's commits: what is acked goes to the broker within the interval, at once when asked, and what was lost on the way is told. */
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import { isRingMQError, RingMQError } from '../../wire/index.js';
import { abortable } from '../abort.js';
import { ControlAdmin } from '../admin.js';
import type { Connection } from '../link/connection.js';
import { type HeldQueue, HOLD } from './held-queue.js';

/** For commits, also while closing: the broker redelivers anyway if it is not there. */
export const FAREWELL_MS = 5_000;

export interface CommitOptions {
  readonly consumerId: number;
  /** null: a reader, which commits nothing. */
  readonly group: string | null;
  readonly topic: string;
  readonly intervalMs: number;
  isJoined(): boolean;
  /** The queue is another's by now. */
  fenced(queue: HeldQueue): void;
  /** The broker knows nothing of this member. */
  forgotten(): void;
}

export class Commits {
  readonly #connection: Connection;
  readonly #queues: ReadonlyMap<number, HeldQueue>;
  readonly #options: CommitOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> | null = null;
  /**
   * Acks that went with their queues: up to which offset, by queue. Kept until {@link commit} has told, or
   * found them committed after all.
   */
  readonly #lostAcks = new Map<number, number>();
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(connection: Connection, queues: ReadonlyMap<number, HeldQueue>, options: CommitOptions) {
    this.#connection = connection;
    this.#queues = queues;
    this.#options = options;
  }

  soon(): void {
    if (this.#timer !== undefined || this.#round !== null || this.#options.group === null) {
      return;
    }
    const sinceLast = monotonicMs() - this.#lastAt;
    const waitMs = Math.max(1, this.#options.intervalMs - sinceLast);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#commitAll();
    }, waitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The queue is gone over a lost connection, and with it acks that were not committed: the next {@link commit} says so. */
  lost(queue: HeldQueue): void {
    if (queue.done > queue.confirmed && this.#options.group !== null) {
      this.#lostAcks.set(queue.queueId, queue.done);
    }
  }

  /**
   * Commits all that is acked; resolves when the broker has it. Rejects with `CONNECTION_LOST` while acks
   * wait for the connection (they are committed when the queue is assigned again), and once after acks were
   * lost because it was not; and with the like.
   */
  async commit(): Promise<void> {
    if (this.#options.group === null) {
      return;
    }
    await this.now();
    for (const queue of this.#queues.values()) {
      if (queue.hold === HOLD.suspended && queue.done > queue.confirmed) {
        throw new RingMQError('CONNECTION_LOST', 'acks wait for the connection to be committed');
      }
    }
    // Those whose messages have come again since, or gone to another, and were committed are lost no more.
    const lost = [...this.#lostAcks].filter(([id, done]) => (this.#queues.get(id)?.confirmed ?? 0) < done);
    this.#lostAcks.clear();
    if (lost.length === 0 || (await this.#othersHave(lost))) {
      return;
    }
    throw new RingMQError('CONNECTION_LOST', 'acks were lost with the connection; their messages come again');
  }

  /** True if the group has committed as much all the same: whoever has the queues now has read on. */
  async #othersHave(lost: readonly [queueId: number, done: number][]): Promise<boolean> {
    const { group, topic } = this.#options;
    if (group === null) {
      return true;
    }
    try {
      const asked = new ControlAdmin(this.#connection.requests).describeGroup(group);
      const { queues } = await abortable(asked, AbortSignal.timeout(FAREWELL_MS));
      const committed = new Map(
        queues
          .filter((queue) => queue.topic === topic)
          .map((queue) => [queue.queueId, queue.committedOffset ?? 0]),
      );
      return lost.every(([queueId, done]) => (committed.get(queueId) ?? 0) >= done);
    } catch {
      return false;
    }
  }

  /** Commits what can be committed now. */
  async now(): Promise<void> {
    if (this.#round !== null) {
      await this.#round.catch(() => {});
    }
    await this.#commitAll();
  }

  async of(queues: readonly HeldQueue[]): Promise<void> {
    if (this.#options.group === null) {
      return;
    }
    const behind = queues.filter((queue) => queue.hold <= HOLD.revoking && queue.done > queue.confirmed);
    if (behind.length === 0) {
      return;
    }
    const sent = behind.map((queue) => queue.done);
    const { fenced } = await this.#connection.requests.call(
      'commit',
      {
        consumer: this.#options.consumerId,
        offsets: behind.map(({ queueId, generation, done }) => ({ queueId, generation, offset: done })),
      },
      { onlyNow: true, timeoutMs: FAREWELL_MS },
    );
    for (const [i, queue] of behind.entries()) {
      if (Array.isArray(fenced) && fenced.includes(queue.queueId)) {
        this.#options.fenced(queue);
      } else {
        queue.confirmed = Math.max(queue.confirmed, sent[i] as number);
      }
    }
  }

  /** One commit of all that is done; a failed one is tried again by the next ack, assignment or timer. */
  #commitAll(): Promise<void> {
    this.#round ??= this.of([...this.#queues.values()])
      .catch((error: unknown) => {
        if (isRingMQError(error) && error.code === 'NOT_A_MEMBER') {
          this.#options.forgotten();
        }
        throw error;
      })
      .finally(() => {
        this.#round = null;
        this.#lastAt = monotonicMs();
        if (this.#options.isJoined() && this.#isBehind()) {
          this.soon();
        }
      });
    this.#round.catch(() => {});
    return this.#round;
  }

  #isBehind(): boolean {
    for (const queue of this.#queues.values()) {
      if (queue.hold === HOLD.active && queue.done > queue.confirmed) {
        return true;
      }
    }
    return false;
  }
}
