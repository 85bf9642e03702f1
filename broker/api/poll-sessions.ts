/**
 * What a consumer holds between two requests: its place in the group, and the messages that were given out and
 * not acked. A session is named by a number that cannot be guessed, and ends when nobody has used it for a
 * while: what was not acked goes to others then.
 */
import { randomBytes } from 'node:crypto';
import type { ConsumedMessage, Consumer, ConsumerOptions } from '../../native-free/client/internal.js';
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
} from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import type { Caller } from './callers.js';

const MAX_SESSIONS = 1_024;
const MAX_SESSIONS_PER_USER = 128;
/** Nobody has polled or acked for so long: it ends. */
export const SESSION_IDLE_MS = 60_000;
const LOOK_MS = 5_000;
const JOIN_MS = 2_000;
/** Messages in hand, and bytes of their bodies: nothing more is given out before acks. */
export const MAX_HELD_COUNT = 1_000;
export const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** What the broker sends ahead of what was polled. */
const WINDOW_BYTES = 256 * 1024;

/** The place of a message, as an ack names it. */
export interface HeldPlace {
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
}

export class PollSession {
  readonly id = randomBytes(16).toString('base64url');
  readonly caller: Caller;
  readonly group: string;
  readonly topic: string;
  readonly consumer: Consumer;
  lastMs = monotonicMs();
  isPolling = false;
  #heldBytes = 0;
  readonly #held = new Map<string, ConsumedMessage>();
  #onAcked: (() => void) | null = null;

  constructor(caller: Caller, options: ConsumerOptions & { topic: string }) {
    this.caller = caller;
    this.group = options.group;
    this.topic = options.topic;
    this.consumer = caller.client.consumer({
      windowBytes: WINDOW_BYTES,
      unackedWarningMs: 0,
      onWarning: () => {},
      ...options,
    });
    caller.useCount++;
  }

  /** Rejects where the group does not take it. What takes longer is not waited for: the group may be busy with its members. */
  async joined(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, JOIN_MS);
      timer.unref();
    });
    try {
      await Promise.race([this.consumer.assigned, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  get heldCount(): number {
    return this.#held.size;
  }

  /** How many more it may be given. */
  get room(): number {
    return this.#heldBytes >= MAX_HELD_BYTES ? 0 : MAX_HELD_COUNT - this.#held.size;
  }

  hold(messages: readonly ConsumedMessage[]): void {
    for (const message of messages) {
      this.#held.set(keyOf(message), message);
      this.#heldBytes += message.bodyLength;
    }
  }

  /** Marks it as done; false: it is not in hand here, or its queue has gone to another member. */
  async ack(place: HeldPlace): Promise<boolean> {
    const message = this.#held.get(keyOf(place));
    if (message === undefined) {
      return false;
    }
    this.#held.delete(keyOf(place));
    this.#heldBytes -= message.bodyLength;
    this.#onAcked?.();
    return message.ack();
  }

  /** Resolves when something was acked, or it has ended. Rejects when the signal is aborted. */
  async acked(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#onAcked = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    signal.throwIfAborted();
  }

  /** Leaves the group; what is acked is committed. */
  async close(): Promise<void> {
    this.#held.clear();
    this.#heldBytes = 0;
    this.#onAcked?.();
    this.caller.useCount--;
    this.caller.lastMs = monotonicMs();
    await this.consumer.close();
  }
}

export class PollSessions {
  readonly #sessions = new Map<string, PollSession>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  /** It has joined, mostly. @throws RingMQError TOO_MANY_REQUESTS, what a consumer's options are refused for, or it by the group */
  async open(caller: Caller, options: ConsumerOptions & { topic: string }): Promise<PollSession> {
    let ofUser = 0;
    for (const session of this.#sessions.values()) {
      ofUser += isSameUser(session.caller, caller) ? 1 : 0;
    }
    if (this.#sessions.size >= MAX_SESSIONS || ofUser >= MAX_SESSIONS_PER_USER) {
      throw new RingMQError(
        'TOO_MANY_REQUESTS',
        'there are too many sessions of consumers over HTTP; end some with DELETE, or wait a minute',
        { details: { limit: MAX_SESSIONS_PER_USER, limitInAll: MAX_SESSIONS } },
      );
    }
    const session = new PollSession(caller, options);
    this.#sessions.set(session.id, session);
    try {
      await session.joined();
    } catch (error) {
      await this.end(session).catch(() => {});
      throw error;
    }
    return session;
  }

  /** The caller's own. @throws RingMQError NOT_A_MEMBER */
  find(caller: Caller, group: string, id: string): PollSession {
    const session = this.#sessions.get(id);
    if (session !== undefined && !session.caller.client.isUsable) {
      this.end(session).catch(() => {});
    }
    if (
      session === undefined ||
      !session.caller.client.isUsable ||
      session.group !== group ||
      !isSameUser(session.caller, caller)
    ) {
      throw new RingMQError(
        'NOT_A_MEMBER',
        `there is no such session of ${group}, or nobody has used it for ${SESSION_IDLE_MS / 1_000} s; poll without one`,
      );
    }
    session.lastMs = monotonicMs();
    return session;
  }

  async end(session: PollSession): Promise<void> {
    if (this.#sessions.delete(session.id)) {
      await session.close();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.allSettled([...this.#sessions.values()].map((session) => this.end(session)));
  }

  #look(): void {
    const now = monotonicMs();
    for (const session of [...this.#sessions.values()]) {
      const isIdle = !session.isPolling && now - session.lastMs > SESSION_IDLE_MS;
      if (isIdle || !session.caller.client.isUsable) {
        this.end(session).catch(() => {});
      }
    }
  }
}

/** Whoever is the same user may go on from another address. */
function isSameUser(one: Caller, other: Caller): boolean {
  return one.user === other.user && (one.user !== null || one.remote === other.remote);
}

function keyOf({ topic, queueId, offset }: HeldPlace): string {
  return `${queueId} ${offset} ${topic}`;
}
