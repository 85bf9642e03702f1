/** A connection of the `ws` package behind the {@link Socket} interface. */

import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { clearTimeout, setTimeout } from '../time/index.js';
import type { PartialMessages } from './partial-messages.js';
import { MAX_PINGS_PER_SECOND, MAX_UNREAD_PONG_BYTES, RateLimit } from './rate-limit.js';
import type { SendPool } from './send-pool.js';
import type { Socket, SocketHandler } from './types.js';
import type { WorkTurns } from './work-turns.js';
import { WsReader } from './ws-reader.js';

const SEND_OPTIONS = { binary: true, compress: false } as const;
/** How long a peer may take to answer a close frame before it is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;
/** What a peer may send meanwhile; none of it is of account. It may have a window's worth of batches under way. */
const CLOSE_BYTES = 8 * 1024 * 1024;
/** So much of it is looked at for the peer's own close frame: to look at tiny frames without end would take its time. */
const CLOSE_PARSED_BYTES = 64 * 1024;
/** What a frame takes besides its bytes while it waits to be written. */
const FRAME_OVERHEAD_BYTES = 1024;
/** A control frame's header, masked as a client's is. */
const CONTROL_HEADER_BYTES = 6;

export class WsSocket implements Socket {
  readonly remote: string;
  readonly certifiedUser: string | null;
  readonly #peer: WebSocket;
  readonly #stream: Duplex;
  readonly #pool: SendPool;
  readonly #onSent = (): void => this.#sent();
  readonly #uncork = (): void => this.#stream.uncork();
  #handler: SocketHandler | null = null;
  #behind = false;
  /** Frames handed to `ws` that are not written. */
  #waitingCount = 0;
  #bytesAfterClose = 0;
  readonly #partials: PartialMessages;
  readonly #pings = new RateLimit(MAX_PINGS_PER_SECOND);
  /** Bytes that came since the last message ended, and when the first of them came; 0: none. For {@link PartialMessages}. */
  partialBytes = 0;
  partialSince = 0;
  waitingBytes = 0;
  readonly #turns: WorkTurns;
  #reader: WsReader | null = null;
  #isOpen = true;
  #isCut = false;
  #cutTimer: NodeJS.Timeout | null = null;
  /** Set by any sign of life, cleared by the listener's idle check. */
  isAlive = true;

  constructor(
    peer: WebSocket,
    stream: Duplex,
    { remote, certifiedUser }: { remote: string; certifiedUser: string | null },
    { pool, partials, turns }: { pool: SendPool; partials: PartialMessages; turns: WorkTurns },
  ) {
    this.#peer = peer;
    this.#turns = turns;
    this.#stream = stream;
    this.remote = remote;
    this.certifiedUser = certifiedUser;
    this.#pool = pool;
    this.#partials = partials;
  }

  /** From here on the handler hears of this connection. */
  attach(handler: SocketHandler): void {
    this.#handler = handler;
    const peer = this.#peer;
    const reader = new WsReader(peer, this.#stream, this.#turns, {
      // Before `ws` itself reads it: of a message that ends in this piece nothing is left over.
      reading: (bytes) => this.#reading(bytes),
      waits: (bytes) => this.#partials.waits(this, bytes),
    });
    this.#reader = reader;
    this.#stream.on('data', (chunk: Buffer) => this.#received(reader, chunk));
    peer.on('ping', (data: Buffer) => this.#pinged(data, true));
    peer.on('pong', (data: Buffer) => this.#pinged(data, false));
    peer.on('message', (data: Buffer, isBinary: boolean) => {
      this.isAlive = true;
      this.#partials.ended(this);
      if (this.#isEnding) {
        return;
      }
      if (isBinary) {
        handler.onFrame(data);
      } else {
        handler.onText();
      }
    });
    peer.on('close', () => {
      this.#isOpen = false;
      this.#reader?.letGo();
      this.#partials.ended(this);
      if (this.#cutTimer !== null) {
        clearTimeout(this.#cutTimer);
      }
      handler.onClose();
    });
  }

  get bufferedBytes(): number {
    return this.#isOpen ? this.#peer.bufferedAmount + this.#waitingCount * FRAME_OVERHEAD_BYTES : 0;
  }

  send(frame: Uint8Array): void {
    if (!this.#isOpen) {
      return;
    }
    const copy = this.#pool.take(frame.length);
    copy.memory.set(frame);
    copy.onReleased = this.#onSent;
    this.#waitingCount++;
    this.#peer.send(copy.memory.subarray(0, frame.length), SEND_OPTIONS, copy.release);
    if (this.#peer.bufferedAmount > 0) {
      this.#behind = true;
    }
  }

  cork(fn: () => void): void {
    this.#stream.cork();
    try {
      fn();
    } finally {
      this.#stream.uncork();
    }
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen || this.#cutTimer !== null) {
      return;
    }
    this.#cutTimer = setTimeout(() => this.#peer.terminate(), CLOSE_TIMEOUT_MS);
    this.#cutTimer.unref();
    this.#peer.close(code, reason);
  }

  cut(): void {
    this.#isCut = true;
    this.#peer.terminate();
  }

  /** From {@link PartialMessages}. */
  tooMuch(what: string): void {
    this.#handler?.onExcess(what);
  }

  get maxPartialBytes(): number {
    return this.#handler?.maxPartialBytes ?? 0;
  }

  /** Called at the idle check: cut off if nothing was heard since the last one, else asked for a sign of life. */
  checkIdle(): void {
    if (!this.isAlive) {
      this.#peer.terminate();
      return;
    }
    this.isAlive = false;
    this.#peer.ping();
  }

  /** What still comes is of no account: `ws` hands on what it had read. */
  get #isEnding(): boolean {
    return !this.#isOpen || this.#isCut || this.#cutTimer !== null;
  }

  /** After the close `ws` reads only the beginning of what still comes; the timer of the close ends the connection. */
  #received(reader: WsReader, chunk: Buffer): void {
    if (!this.#isEnding) {
      if (this.#peer.readyState === this.#peer.OPEN) {
        reader.take(chunk);
      } else {
        // `ws` itself has ended it, over a close or a fault of the peer, and reads no more.
        reader.letGo();
      }
      return;
    }
    this.#bytesAfterClose += chunk.length;
    if (this.#bytesAfterClose > CLOSE_BYTES) {
      this.#peer.terminate();
    } else if (this.#bytesAfterClose <= CLOSE_PARSED_BYTES) {
      reader.take(chunk);
    } else {
      reader.letGo();
    }
  }

  #reading(bytes: number): void {
    if (!this.#isEnding) {
      this.#partials.received(this, bytes);
      this.#corkForNow();
    }
  }

  /** What is sent while a chunk is read goes out in one system call: a flood of small questions is answered by few. */
  #corkForNow(): void {
    this.#stream.cork();
    process.nextTick(this.#uncork);
  }

  #pinged(data: Buffer, isAnswered: boolean): void {
    this.isAlive = true;
    this.#partials.passed(this, CONTROL_HEADER_BYTES + data.length);
    if (this.#isEnding) {
      return;
    }
    if (!this.#pings.take() || this.bufferedBytes > MAX_UNREAD_PONG_BYTES) {
      this.tooMuch('WebSocket pings or pongs');
    } else if (isAnswered) {
      this.#waitingCount++;
      this.#peer.pong(data, false, this.#onSent);
    }
  }

  #sent(): void {
    this.#waitingCount--;
    if (!this.#behind || !this.#isOpen) {
      return;
    }
    if (this.bufferedBytes === 0) {
      this.#behind = false;
    }
    this.#handler?.onDrain();
  }
}
