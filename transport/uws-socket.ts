/** A uWebSockets.js connection behind the {@link Socket} interface. */
import {
  MAX_PINGS_PER_SECOND,
  MAX_UNREAD_PONG_BYTES,
  RateLimit,
} from '../native-free/listener/rate-limit.js';
import type { Socket, SocketHandler, UpgradeRequest } from '../native-free/listener/types.js';
import type { UwsWebSocket } from './uws-types.js';

/** What a uWebSockets.js connection carries with it. */
export interface UwsUserData {
  request: UpgradeRequest;
  /** Not let in: told why, and closed. */
  refusal: { frame: Uint8Array; code: string } | null;
  connection: UwsConnection | null;
}

/** `send` returns this when the message was thrown away, which cannot happen while maxBackpressure is 0. */
const DROPPED = 2;

export class UwsConnection implements Socket {
  readonly remote: string;
  handler: SocketHandler | null = null;
  readonly #pings = new RateLimit(MAX_PINGS_PER_SECOND);
  /** null once closed: uWebSockets.js throws at any use after that. */
  #peer: UwsWebSocket<UwsUserData> | null;

  constructor(peer: UwsWebSocket<UwsUserData>, remote: string) {
    this.#peer = peer;
    this.remote = remote;
  }

  get bufferedBytes(): number {
    return this.#peer === null ? 0 : this.#peer.getBufferedAmount();
  }

  send(frame: Uint8Array): void {
    if (this.#peer === null) {
      return;
    }
    if (this.#peer.send(frame, true, false) === DROPPED) {
      throw new Error('uWebSockets.js dropped a message');
    }
  }

  cork(fn: () => void): void {
    if (this.#peer === null) {
      return;
    }
    this.#peer.cork(fn);
  }

  close(code: number, reason: string): void {
    // `end` calls the close handler before it returns, which clears #peer and tells the session.
    this.#peer?.end(code, reason);
  }

  cut(): void {
    this.#peer?.close();
  }

  /** From the listener: a WebSocket ping or pong came. */
  pinged(): void {
    if (!this.#pings.take() || this.bufferedBytes > MAX_UNREAD_PONG_BYTES) {
      this.handler?.onExcess('WebSocket pings or pongs');
    }
  }

  /** The connection is gone; called by the listener from the close handler. */
  gone(): void {
    this.#peer = null;
    const { handler } = this;
    this.handler = null;
    handler?.onClose();
  }
}
