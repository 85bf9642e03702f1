/**
 * Looks after what the connections of one thread hold together: what they leave unread, how many have not
 * said hello, and whether each still sends whole messages.
 *
 * The last is for a listener that cannot see a message before it ends: a connection from which none came for
 * a while is sent a `ping` frame. Its `pong` is a message, and in the middle of another it cannot be sent.
 * WebSocket pings would not do: they may be answered between the fragments of a message that never ends.
 */
import { clearInterval, setInterval } from '../native-free/time/index.js';
import type { SessionOptions } from './session-options.js';

export type CutReason = 'unread in all' | 'unended message';

/** A session, as this sees it. */
export interface Watched {
  /** As of the last look. */
  unreadBytes: number;
  /** A whole message came since the last sweep. */
  wasHeard: boolean;
  silentSweeps: number;
  readonly isGreeted: boolean;
  ping(): void;
  /** It is to end, and what it holds is to be freed at once. */
  cut(why: CutReason): void;
}

/** Sweeps in `messageTimeoutMs`. */
const SWEEPS = 4;
const MAX_SWEEP_MS = 15_000;
const SILENT_SWEEPS_BEFORE_PING = 2;
/** So many connections may be without a hello for all of `handshakeTimeoutMs`; of more, each has a second. */
const MAX_SILENT_COUNT = 64;

export class SessionWatch {
  readonly #options: SessionOptions;
  readonly #sessions: ReadonlySet<Watched>;
  readonly #timer: NodeJS.Timeout | null;
  readonly #countsUnread: boolean;
  #unreadBytes = 0;
  #silentCount = 0;

  constructor(options: SessionOptions, sessions: ReadonlySet<Watched>) {
    this.#options = options;
    this.#sessions = sessions;
    // A client of this process leaves its memory unread to itself.
    this.#countsUnread = options.listener !== 'embedded';
    const sweepMs = Math.max(5, Math.min(MAX_SWEEP_MS, options.messageTimeoutMs / SWEEPS));
    this.#timer = options.listener === 'uws' ? setInterval(() => this.#sweep(), sweepMs) : null;
    this.#timer?.unref();
  }

  /** What all leave unread, bytes. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  /** There are so many without a hello that they have less time. */
  get isCrowded(): boolean {
    return this.#silentCount > MAX_SILENT_COUNT;
  }

  opened(): void {
    this.#silentCount++;
  }

  greeted(): void {
    this.#silentCount--;
  }

  /** What the session leaves unread is now this much. When all together leave too much, who leaves most is cut. */
  unread(session: Watched, bytes: number): void {
    this.#unreadBytes += bytes - session.unreadBytes;
    session.unreadBytes = bytes;
    if (this.#countsUnread && this.#unreadBytes > this.#options.maxUnreadBytesInAll) {
      this.#greediest()?.cut('unread in all');
    }
  }

  /** To be called before the session's own state says that it has ended. */
  ended(session: Watched): void {
    this.#unreadBytes -= session.unreadBytes;
    session.unreadBytes = 0;
    if (!session.isGreeted) {
      this.#silentCount--;
    }
  }

  close(): void {
    if (this.#timer !== null) {
      clearInterval(this.#timer);
    }
  }

  #greediest(): Watched | undefined {
    let greediest: Watched | undefined;
    for (const session of this.#sessions) {
      if (greediest === undefined || session.unreadBytes > greediest.unreadBytes) {
        greediest = session;
      }
    }
    return greediest;
  }

  #sweep(): void {
    for (const session of [...this.#sessions]) {
      if (session.wasHeard || !session.isGreeted) {
        session.wasHeard = false;
        session.silentSweeps = 0;
        continue;
      }
      session.silentSweeps++;
      if (session.silentSweeps === SILENT_SWEEPS_BEFORE_PING) {
        session.ping();
      } else if (session.silentSweeps > SILENT_SWEEPS_BEFORE_PING + this.#sweepsToAnswer) {
        session.cut('unended message');
      }
    }
  }

  get #sweepsToAnswer(): number {
    return Math.max(SWEEPS, Math.ceil(this.#options.messageTimeoutMs / MAX_SWEEP_MS));
  }
}
