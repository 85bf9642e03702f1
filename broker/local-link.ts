/**
 * The embedded client's connection: client and session of one thread joined by function calls, carrying the
 * frames a socket would. So the same code serves both, and a program moves between them by changing one line.
 *
 * Client to session is a call. Session to client is put off to the end of the current run of microtasks,
 * because a session sends from the middle of its work and must not be entered again there; only the answer to
 * the hello comes with the call, so that a client is connected from the start. The session may reuse its
 * bytes, so they are copied: large ones into buffers that come back when the consumer is done with them.
 */
import type { Link, LinkFactory } from '../native-free/client/internal.js';
import type { Socket } from '../native-free/listener/types.js';
import { RingMQError } from '../native-free/wire/index.js';
import type { Principal } from '../transport/auth/principal.js';
import type { Session } from '../transport/session.js';
import type { SessionHost } from '../transport/session-host.js';
import { SESSION_DEFAULTS } from '../transport/session-options.js';

/** Deliver frames are filled up to this; a little more is for their headers. */
const POOLED_BYTES = SESSION_DEFAULTS.deliverFrameBytes + 4096;
/** More than a consumer's window of 4 MiB holds. */
const MAX_POOLED = 24;

/** For whom a link is that stands for plain HTTP. */
export interface HttpOwner {
  /** What it may; null: everything, where nobody logs in. */
  readonly principal: Principal | null;
  /** The peer's address. */
  readonly remote: string;
}

/** Links to the sessions of `of`, on this thread; null: there will be others. */
export function localLinks(
  of: SessionHost | (() => SessionHost | null),
  http: HttpOwner | null = null,
): LinkFactory {
  let isUsed = false;
  return (signal) => {
    signal.throwIfAborted();
    const host = typeof of === 'function' ? of() : of;
    if (host === null) {
      throw new RingMQError('CONNECTION_LOST', 'the broker is opening its data directory again');
    }
    // The one error after which a client does not try again.
    if (host.isClosed) {
      throw new RingMQError('CLOSED', 'the broker is closed');
    }
    if (isUsed && http !== null) {
      // Its rights may have ended with it: who asks next logs in.
      throw new RingMQError('CLOSED', 'this connection has ended');
    }
    isUsed = true;
    return new LocalLink(host, http);
  };
}

class LocalLink implements Link {
  readonly framesAreOwned = true;
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onClose: ((reason?: unknown) => void) | null = null;
  bufferedBytes = 0;
  readonly #session: Session;
  #frames: Uint8Array[] = [];
  readonly #pool: ArrayBuffer[] = [];
  #isDue = false;
  #isGreeted = false;
  #closed = false;
  readonly #hand = (): void => this.#handOver();

  constructor(host: SessionHost, http: HttpOwner | null) {
    this.#session = host.open(new SessionEnd(this, http?.remote ?? 'this process'), http);
  }

  /** From the client. */
  send(frame: Uint8Array): void {
    if (this.#closed) {
      return;
    }
    this.#session.onFrame(frame);
    if (!this.#isGreeted) {
      // The hello: the session has done with it, and the client is connected before it is given to anybody.
      this.#isGreeted = true;
      this.#handOver();
    }
  }

  close(): void {
    if (!this.#closed) {
      this.#closed = true;
      this.#session.onClose();
      queueMicrotask(() => this.onClose?.());
    }
  }

  /** From the session. */
  receive(frame: Uint8Array): void {
    if (this.#closed) {
      return;
    }
    const copy = this.#room(frame.length);
    copy.set(frame);
    this.#frames.push(copy);
    this.bufferedBytes += frame.length;
    if (!this.#isDue) {
      this.#isDue = true;
      queueMicrotask(this.#hand);
    }
  }

  readonly releaseFrame = (frame: Uint8Array): void => {
    const { buffer } = frame;
    if (buffer.byteLength === POOLED_BYTES && this.#pool.length < MAX_POOLED) {
      this.#pool.push(buffer as ArrayBuffer);
    }
  };

  /** One that would leave half of a pooled buffer empty gets its own: it may be held for long. */
  #room(bytes: number): Uint8Array {
    if (bytes > POOLED_BYTES || bytes < POOLED_BYTES / 2) {
      // Not zeroed first, unlike `new Uint8Array`: all of it is overwritten.
      return Buffer.allocUnsafeSlow(bytes);
    }
    return new Uint8Array(this.#pool.pop() ?? new ArrayBuffer(POOLED_BYTES), 0, bytes);
  }

  /** The session closes: what it said before still arrives. */
  closeFromSession(reason: string): void {
    if (this.#closed) {
      return;
    }
    queueMicrotask(() => {
      this.#handOver();
      if (!this.#closed) {
        this.#closed = true;
        this.#session.onClose();
        this.onClose?.(new RingMQError('CONNECTION_LOST', `the broker ended the session: ${reason}`));
      }
    });
  }

  #handOver(): void {
    this.#isDue = false;
    const frames = this.#frames;
    this.#frames = [];
    this.bufferedBytes = 0;
    for (const frame of frames) {
      this.onFrame?.(frame);
    }
    if (!this.#closed) {
      this.#session.onDrain();
    }
  }
}

/** The end that the session holds. */
class SessionEnd implements Socket {
  readonly remote: string;
  readonly #link: LocalLink;

  constructor(link: LocalLink, remote: string) {
    this.#link = link;
    this.remote = remote;
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  send(frame: Uint8Array): void {
    this.#link.receive(frame);
  }

  cork(fn: () => void): void {
    fn();
  }

  close(_code: number, reason: string): void {
    this.#link.closeFromSession(reason);
  }

  cut(): void {
    this.#link.closeFromSession('TOO_MANY_REQUESTS');
  }
}
