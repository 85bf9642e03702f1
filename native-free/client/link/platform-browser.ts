/** What the client needs of a browser. `platform-node.ts` gives the same names to Node; package.json chooses. */
import { RingMQError, SUBPROTOCOL } from '../../wire/index.js';
import type { TlsOptions } from '../types.js';
import type { Link } from './link.js';
import { describeClose } from './websocket-close.js';

export type { TlsOptions };

/** A browser decides by itself whom it trusts. */
export function trustOf(_tls: TlsOptions): never {
  throw new RingMQError('NOT_SUPPORTED', 'a browser decides by itself whom it trusts; leave tls out there', {
    details: { option: 'tls' },
  });
}

/** A browser transfers what it is told to. */
export function keepWhole(_bytes: Uint8Array): void {}

/** Opens a WebSocket. Rejects with an Error when it cannot be opened; browsers do not say why. */
export function openWebSocket(url: string, signal: AbortSignal): Promise<Link> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = new WebSocket(url, [SUBPROTOCOL]);
    socket.binaryType = 'arraybuffer';
    const onAbort = () => socket.close();
    signal.addEventListener('abort', onAbort, { once: true });
    let link: BrowserLink | undefined;
    socket.onopen = () => {
      signal.removeEventListener('abort', onAbort);
      link = new BrowserLink(socket);
      resolve(link);
    };
    socket.onclose = (event) => {
      signal.removeEventListener('abort', onAbort);
      const reason = describeClose(event.code, event.reason);
      if (link === undefined) {
        reject(signal.aborted ? signal.reason : reason);
      } else {
        link.onClose?.(reason);
      }
    };
  });
}

class BrowserLink implements Link {
  readonly framesAreOwned = true;
  onFrame: ((frame: Uint8Array) => void) | null = null;
  onClose: ((reason?: unknown) => void) | null = null;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = (event) => {
      const data: unknown = event.data;
      // A text frame is no frame of the protocol; an empty one is refused by the reader with BAD_FRAME.
      this.onFrame?.(data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0));
    };
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.send(frame as Uint8Array<ArrayBuffer>);
    }
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }
}
