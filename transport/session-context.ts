/** What the parts of a session (produce, consume, control) know of the whole. */
import type { EngineThread } from '../engine/engine-thread.js';
import type { Socket } from '../native-free/listener/types.js';
import type { WorkTurns } from '../native-free/listener/work-turns.js';
import type { ErrorCode } from '../native-free/wire/index.js';
import type { Asker } from './auth/audited.js';
import type { Principal } from './auth/principal.js';
import type { HeavyLane } from './heavy-lane.js';
import type { SessionOptions } from './session-options.js';

/** What the sessions of one thread share, as far as one of them is concerned. */
export interface SessionHostView {
  /** Batches that come now are not taken: the broker stops. */
  readonly isStopping: boolean;
  readonly engine: EngineThread;
  readonly options: SessionOptions;
  /** Used by one session at a time, for the length of a call. Sockets take what they need of it before `send` returns. */
  readonly frameBuffer: Uint8Array;
  /** What one connection's produce window is, as many as there are now. */
  readonly produceWindowBytes: number;
  readonly heavyLane: HeavyLane;
  /** The same of what another thread takes its time for: it holds up its like alone. */
  readonly searchLane: HeavyLane;
  readonly workTurns: WorkTurns;
  /** Of requests that are not answered yet, all sessions together. For sessions to count. */
  requestBytes: number;
  /** Differs from turn to turn of the event loop. */
  readonly turn: number;
  /** `resume` is called in the next turn. */
  inNextTurn(resume: () => void): void;
}

export interface SessionContext {
  readonly engine: EngineThread;
  readonly socket: Socket;
  readonly host: SessionHostView;
  readonly options: SessionOptions;
  /** Whose rights are looked at; null: anybody may do anything. */
  readonly principal: Principal | null;
  /** As whom, and from where, its requests are written down. */
  readonly asker: Asker;
  /** False from the moment the session fails or its connection is gone. */
  readonly isOpen: boolean;
  /** Unique among the connections of this thread. */
  readonly connectionKey: string;
  /** A later token for this connection. @throws RingMQError NOT_AUTHENTICATED, TOKEN_EXPIRED, BAD_ARGUMENT (another user's) */
  renew(token: unknown): Promise<{ expiresInMs: number }>;
  /** Says the error and closes. Nothing is sent or heard after it. */
  fail(code: ErrorCode, message?: string, details?: Record<string, unknown>): void;
  /** As `fail`, for whatever was caught. */
  failWith(error: unknown): void;
  /** Counts frames against what a connection may send of small ones. False: that was too many, and the connection has failed. */
  spend(cost: number): boolean;
  /** To be called after an answer was sent: ends a connection that leaves too many unread. */
  checkUnread(): void;
  /** Acks and credit go out at the end of the current run of microtasks, once, however often this is called. */
  flushSoon(): void;
  /** There may be something to deliver. */
  deliverSoon(): void;
}
