/** A connection of the `ws` package behind the {@link Socket} interface. */

import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { clearTimeout, setTimeout } from '../time/index.js';
import type { SendPool } from './send-pool.js';
import type { Socket, SocketHandler } from './types.js';

const SEND_OPTIONS = { binary: true, compress: false } as const;
/** How long a peer may take to answer a close frame before it is cut off. */
const CLOSE_TIMEOUT_MS = 2_000;

export class WsSocket implements Socket {
  readonly remote: string;
  readonly #peer: WebSocket;
  readonly #stream: Duplex;
  readonly #pool: SendPool;
  readonly #onSent = (): void => this.#sent();
  #handler: SocketHandler | null = null;
  #behind = false;
  #isOpen = true;
  #cutTimer: NodeJS.Timeout | null = null;
  /** Set by any sign of life, cleared by the listener's idle check. */
  isAlive = true;

  constructor(peer: WebSocket, stream: Duplex, remote: string, pool: SendPool) {
    this.#peer = peer;
    this.#stream = stream;
    this.remote = remote;
    this.#pool = pool;
  }

  /** From here on the handler hears of this connection. */
  attach(handler: SocketHandler): void {
    this.#handler = handler;
    const peer = this.#peer;
    peer.on('message', (data: Buffer, isBinary: boolean) => {
      this.isAlive = true;
      if (isBinary) {
        handler.onFrame(data);
      } else {
        handler.onText();
      }
    });
    peer.on('close', () => {
      this.#isOpen = false;
      if (this.#cutTimer !== null) {
        clearTimeout(this.#cutTimer);
      }
      handler.onClose();
    });
  }

  get bufferedBytes(): number {
    return this.#isOpen ? this.#peer.bufferedAmount : 0;
  }

  send(frame: Uint8Array): void {
    if (!this.#isOpen) {
      return;
    }
    const copy = this.#pool.take(frame.length);
    copy.memory.set(frame);
    copy.onReleased = this.#onSent;
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

  /** Called at the idle check: cut off if nothing was heard since the last one, else asked for a sign of life. */
  checkIdle(): void {
    if (!this.isAlive) {
      this.#peer.terminate();
      return;
    }
    this.isAlive = false;
    this.#peer.ping();
  }

  #sent(): void {
    if (!this.#behind || !this.#isOpen) {
      return;
    }
    if (this.#peer.bufferedAmount === 0) {
      this.#behind = false;
    }
    this.#handler?.onDrain();
  }
}
