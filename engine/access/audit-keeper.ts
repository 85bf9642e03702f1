/**
 * Writes down administrative work on the thread that opened the broker. Nobody waits for it, and nothing fails
 * with it: what the log does not take is kept for a while, then counted, and told.
 */
import {
  clearInterval,
  clearTimeout,
  monotonicMs,
  setInterval,
  setTimeout,
} from '../../native-free/time/index.js';
import {
  type AuditEntry,
  type AuditFacts,
  isRingMQError,
  MAX_AUDIT_TEXT,
} from '../../native-free/wire/index.js';
import type { AuditState } from '../meta/audit-state.js';
import type { AuditRecord } from '../meta/control-records.js';
import { AuditLimit, SUMMARY_MS } from './audit-limit.js';

/** Entries that wait for the log; what is beyond is counted. */
const MAX_WAITING = 1_024;
/** In one piece. */
const MAX_TOGETHER = 256;
/** Between two tries, while the log takes nothing. */
const AGAIN_MS = 2_000;
/** Between two lines of one kind in the broker's own log. */
const SILENCE_MS = 60_000;

type Waiting = Omit<AuditEntry, 'number'>;

export interface AuditKeeperDeps {
  readonly state: AuditState;
  /** As `ControlLog.append`. */
  append(records: readonly AuditRecord[]): Promise<void>;
  /** The log is another broker's, its master's. */
  isFollower(): boolean;
  /** The log has these, in their order. */
  onWritten?(entries: readonly AuditEntry[]): void;
  warn(message: string, details: Record<string, unknown>): void;
}

export class AuditKeeper {
  readonly #deps: AuditKeeperDeps;
  readonly #limit = new AuditLimit(monotonicMs());
  /** When a line of each kind was said last, ms. */
  readonly #saidAt = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #waiting: Waiting[] = [];
  /** Not written, and told of by no entry yet. */
  #lost = 0;
  #lostInAll = 0;
  #again: NodeJS.Timeout | undefined;
  #isWriting = false;
  #isClosed = false;

  constructor(deps: AuditKeeperDeps) {
    this.#deps = deps;
    this.#timer = setInterval(() => this.#tellCounted(), SUMMARY_MS);
    this.#timer.unref();
  }

  /** Entries that the log did not take, since the broker was opened. */
  get lostCount(): number {
    return this.#lostInAll;
  }

  /** Never throws. */
  note(facts: AuditFacts): void {
    if (!this.#isClosed && this.#limit.take(facts, monotonicMs())) {
      this.#add(facts);
    }
  }

  /** What was noted is written, as far as the log takes it. Never rejects. */
  async close(): Promise<void> {
    this.#tellCounted();
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    await this.#write();
  }

  #tellCounted(): void {
    for (const facts of this.#limit.takeCounted()) {
      this.#add(facts);
    }
  }

  #add(facts: AuditFacts): void {
    if (this.#deps.isFollower()) {
      this.#tellOnly(facts);
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) {
      this.#lose(facts.count);
      return;
    }
    this.#waiting.push({ ...cut(facts), time: Date.now() });
    void this.#write();
  }

  /** A slave writes nothing into its master's log: its own has a line of it. */
  #tellOnly({ user, address, method, resource, code, count }: AuditFacts): void {
    const times = count > 1 ? `, ${count} times` : '';
    this.#tell(
      `slave ${method} ${code}`,
      `${method} ${resource} by '${user}' at ${address}: ${code === '' ? 'done' : code}${times} (a slave has it in this log alone)`,
    );
  }

  /** All that waits, in its order, one piece after the other. Never rejects. */
  async #write(): Promise<void> {
    if (this.#isWriting) {
      return;
    }
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        await this.#writeSome();
      }
    } catch (error) {
      this.#refused(error);
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeSome(): Promise<void> {
    // All of a turn are one piece.
    await Promise.resolve();
    const { state, append, onWritten } = this.#deps;
    const some = this.#waiting.slice(0, MAX_TOGETHER);
    let number = state.last;
    const entries = some.map((entry): AuditEntry => ({ number: ++number, ...entry }));
    const lost = this.#lost;
    if (lost > 0) {
      entries.push({ number: ++number, ...lostEntry(lost), time: Date.now() });
    }
    await append(entries.map((entry) => ({ type: 'audit', ...entry })));
    this.#lost -= lost;
    this.#waiting.splice(0, some.length);
    onWritten?.(entries);
  }

  #refused(error: unknown): void {
    const code = isRingMQError(error) ? error.code : 'INTERNAL';
    this.#tell(
      code,
      `what administrators do cannot be written down: ${(error as Error).message}; entries that wait: ${this.#waiting.length}`,
    );
    if (code !== 'DISK_FULL' || this.#isClosed) {
      this.#lose(this.#waiting.reduce((sum, { count }) => sum + count, 0));
      this.#waiting = [];
      return;
    }
    this.#again = setTimeout(() => void this.#write(), AGAIN_MS);
    this.#again.unref();
  }

  /** Of each kind one line a minute. Kinds are few: codes, and methods with codes. */
  #tell(kind: string, line: string): void {
    const nowMs = monotonicMs();
    const saidAt = this.#saidAt.get(kind);
    if (saidAt === undefined || nowMs - saidAt >= SILENCE_MS) {
      this.#saidAt.set(kind, nowMs);
      this.#deps.warn(line, { event: 'audit' });
    }
  }

  #lose(count: number): void {
    this.#lost += count;
    this.#lostInAll += count;
    if (!this.#isClosed) {
      this.#tell('lost', `${this.#lost} entries of the audit could not be written, and are lost`);
    }
  }
}

function lostEntry(count: number): AuditFacts {
  return {
    user: '',
    address: '',
    connection: '',
    method: 'audit',
    resource: '',
    details: 'entries that could not be written',
    result: 'failed',
    code: 'DISK_FULL',
    count,
  };
}

/** Whatever a client sent in it, it is short text. */
function cut(facts: AuditFacts): AuditFacts {
  const { user, address, connection, resource, details } = facts;
  return {
    ...facts,
    user: text(user),
    address: text(address),
    connection: text(connection),
    resource: text(resource),
    details: text(details),
  };
}

function text(value: string): string {
  return value.slice(0, MAX_AUDIT_TEXT).replace(/[^\x20-\x7e]/gu, '?');
}
