/** One HTTP request on the thread that answers it: its body as it is asked for, its answer whole or in pieces. */
import { clearTimeout, monotonicMs, setTimeout } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { ANSWER_WINDOW_BYTES, type ApiAnswer, type ApiHead } from '../../transport/http/api-messages.js';

/** Bytes of bodies that all requests of a server hold together, beyond {@link FREE_BYTES} of each. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** What each may hold whatever others do. */
const FREE_BYTES = 64 * 1024;

/** A body that is read whole may take so long, and longer by what has come of it: nobody keeps a request open with a byte now and then. */
const WHOLE_BODY_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 1;

/** What the requests of one server hold of their bodies. */
export class HeldBodies {
  bytes = 0;
}

type Send = (answer: ApiAnswer, transfer?: ArrayBuffer[]) => void;

/** A day: nobody has to ask for longer at a stretch. */
const MAX_EXPIRY_MS = 86_400_000;
const HEADER_VALUE = /[^\x20-\x7e]/g;

export class Exchange {
  readonly id: number;
  readonly head: ApiHead;
  /** Headers that every answer has, besides its own. */
  readonly headers: Record<string, string> = {};
  readonly #send: Send;
  readonly #onOver: () => void;
  readonly #gone = new AbortController();
  readonly #chunks: Uint8Array[] = [];
  readonly #held: HeldBodies;
  #heldBytes = 0;
  #isEnded = false;
  /** Of a body that is read whole: it has taken too long. */
  #isLate = false;
  #wakeReader: (() => void) | null = null;
  #hasAnswered = false;
  #isOver = false;
  #untakenBytes = 0;
  #wakeWriter: (() => void) | null = null;
  #expiry: NodeJS.Timeout | null = null;

  constructor(id: number, head: ApiHead, send: Send, onOver: () => void, held: HeldBodies) {
    this.#held = held;
    this.id = id;
    this.head = head;
    this.#send = send;
    this.#onOver = onOver;
  }

  /** Aborted when the peer has gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** What lasts longer than that ends: whoever asked is to log in again. */
  expireIn(ms: number): void {
    this.#expiry ??= setTimeout(
      () => {
        this.cut();
        this.gone(new RingMQError('TOKEN_EXPIRED'));
      },
      Math.min(ms, MAX_EXPIRY_MS),
    );
    this.#expiry.unref();
  }

  // From the port.

  chunk(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#wakeReader?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wakeReader?.();
  }

  gone(why = new RingMQError('CONNECTION_LOST', 'the HTTP client has gone')): void {
    this.#over();
    this.#gone.abort(why);
    this.#wakeReader?.();
    this.#wakeWriter?.();
  }

  taken(bytes: number): void {
    this.#untakenBytes -= bytes;
    this.#wakeWriter?.();
  }

  // For who answers.

  /** The next piece of the body; null: that was all. One reader at a time. Rejects when the peer has gone. */
  async read(): Promise<Uint8Array | null> {
    for (;;) {
      const bytes = this.#chunks.shift();
      if (bytes !== undefined) {
        if (!this.#isEnded) {
          this.#send({ type: 'more', id: this.id, bytes: bytes.length });
        }
        return bytes;
      }
      if (this.#isEnded) {
        return null;
      }
      this.signal.throwIfAborted();
      if (this.#isLate) {
        throw new RingMQError(
          'TIMEOUT',
          `the body has not come whole within ${WHOLE_BODY_MS / 1000} s, and a second for each 1,000 bytes of it`,
          { details: { limitMs: WHOLE_BODY_MS } },
        );
      }
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = null;
    }
  }

  /**
   * Whoever reads a body says how much of it is kept now.
   * @throws RingMQError TOO_MANY_REQUESTS: all together keep as much as they may
   */
  holds(bytes: number): void {
    if (this.#isOver) {
      return;
    }
    const more = bytes - this.#heldBytes;
    if (more > 0 && bytes > FREE_BYTES && this.#held.bytes + more > MAX_HELD_BYTES) {
      throw new RingMQError(
        'TOO_MANY_REQUESTS',
        'the bodies of all requests are too large together; try again',
        {
          details: { limitBytes: MAX_HELD_BYTES },
        },
      );
    }
    this.#held.bytes += more;
    this.#heldBytes = bytes;
  }

  /** All of the body. `wholeMs`: how long it may take, beside what has come by then. @throws RingMQError MESSAGE_TOO_LARGE, TOO_MANY_REQUESTS, TIMEOUT */
  async readAll(limitBytes: number, wholeMs = WHOLE_BODY_MS): Promise<Buffer> {
    const length = Number(this.head.headers['content-length'] ?? 0);
    if (length > limitBytes) {
      throw tooLarge(limitBytes, length);
    }
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    const begunMs = monotonicMs();
    const leftMs = (): number => begunMs + wholeMs + bytes / SLOWEST_BYTES_PER_MS - monotonicMs();
    const look = (): void => {
      if (leftMs() > 0) {
        timer = setTimeout(look, leftMs());
      } else {
        this.#isLate = true;
        this.#wakeReader?.();
      }
    };
    let timer = setTimeout(look, wholeMs);
    try {
      for (let piece = await this.read(); piece !== null; piece = await this.read()) {
        bytes += piece.length;
        if (bytes > limitBytes) {
          throw tooLarge(limitBytes, bytes);
        }
        this.holds(bytes);
        pieces.push(piece);
      }
      return Buffer.concat(pieces, bytes);
    } finally {
      clearTimeout(timer);
    }
  }

  answer(status: number, body: string, headers: Readonly<Record<string, string>>): void {
    if (this.#isOver || this.#hasAnswered) {
      return;
    }
    this.#hasAnswered = true;
    this.#over();
    this.#send({ type: 'answer', id: this.id, status, headers: this.#allHeaders(headers), body });
  }

  /** The head of an answer in pieces. */
  begin(status: number, headers: Readonly<Record<string, string>>): void {
    if (this.#isOver || this.#hasAnswered) {
      return;
    }
    this.#hasAnswered = true;
    this.#send({ type: 'answer', id: this.id, status, headers: this.#allHeaders(headers), body: null });
  }

  /** What the peer has not taken of it. */
  get untakenBytes(): number {
    return this.#untakenBytes;
  }

  /** Resolves when there is room for more, at once where there is. Rejects when the peer has gone. */
  async write(text: string): Promise<void> {
    this.put(text);
    await this.untakenBelow(ANSWER_WINDOW_BYTES);
  }

  /** Without waiting: for what is small. */
  put(text: string): void {
    if (this.#isOver) {
      return;
    }
    const bytes = new TextEncoder().encode(text);
    this.#untakenBytes += bytes.length;
    this.#send({ type: 'piece', id: this.id, bytes }, [bytes.buffer as ArrayBuffer]);
  }

  /** One waits at a time. */
  async untakenBelow(limitBytes: number): Promise<void> {
    while (this.#untakenBytes >= limitBytes) {
      this.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
      this.#wakeWriter = null;
    }
    this.signal.throwIfAborted();
  }

  finish(): void {
    if (!this.#isOver) {
      this.#over();
      this.#send({ type: 'finish', id: this.id });
    }
  }

  /** The peer shall see that something is missing. */
  cut(): void {
    if (!this.#isOver) {
      this.#over();
      this.#send({ type: 'cut', id: this.id });
    }
  }

  #over(): void {
    if (!this.#isOver) {
      this.#isOver = true;
      this.#held.bytes -= this.#heldBytes;
      if (this.#expiry !== null) {
        clearTimeout(this.#expiry);
      }
      this.#chunks.length = 0;
      this.#onOver();
    }
  }

  #allHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
    const all: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...this.headers, ...headers })) {
      all[name] = value.replaceAll(HEADER_VALUE, '?');
    }
    return all;
  }
}

function tooLarge(limit: number, value: number): RingMQError {
  return new RingMQError('MESSAGE_TOO_LARGE', `the body of the request is over ${limit} bytes`, {
    details: { limit, value },
  });
}
