/** What the client needs of Node. `platform-browser.ts` gives the same names to browsers; package.json chooses. */

// biome-ignore assist/source/organizeImports: the first must be loaded before ws
import { afterWs } from './before-ws.js';
import { createSecureContext, type SecureContext } from 'node:tls';
import * as workerThreads from 'node:worker_threads';
import { WebSocket as NodeWebSocket } from 'ws';
import { clearTimeout, setTimeout } from '../../time/index.js';
import { MAX_FRAME_BYTES, RingMQError, SUBPROTOCOL } from '../../wire/index.js';
import { isLoopback } from '../../wire/loopback.js';
import type { TlsOptions } from '../types.js';
import type { Link } from './link.js';
import { connectProblem, refusedUpgrade } from './node-connect-problem.js';
import { describeClose } from './websocket-close.js';

/**
 * True where an unpredictable mask key protects nobody. RFC 6455 asks for one because of proxies between a
 * script in a browser and its server; there is none on loopback, and none that could read inside TLS.
 */
function mayUseAnyMask(url: URL): boolean {
  return url.protocol === 'wss:' || isLoopback(url.hostname);
}

/**
 * Where any mask will do, zeros leave a frame as it is. But `ws` writes such a frame in two pieces, header
 * and payload, and a masked one in one, as a copy; for small frames that is worth more than the masking (64
 * connections, one message a request: 4 to 6 % more).
 */
class CheapMask {
  static readonly #MERGED_BYTES = 1024;
  #first = 0;

  /** Of the frame that is sent next. */
  choose(frameBytes: number): void {
    this.#first = frameBytes < CheapMask.#MERGED_BYTES ? 1 : 0;
  }

  readonly generate = (mask: Uint8Array): void => {
    mask.fill(0);
    mask[0] = this.#first;
  };
}

afterWs();

const BINARY = { binary: true };

export type { TlsOptions };

/**
 * Bytes of several messages lie in this buffer. A program that transfers one body to another thread would take
 * the others from their holders: Node copies it instead, or refuses that transfer.
 */
export function keepWhole(bytes: Uint8Array): void {
  markWhole?.(bytes.buffer);
}

/** null: this runtime (Bun, Deno) does not know it. */
const markWhole = ((): ((buffer: ArrayBufferLike) => void) | null => {
  try {
    workerThreads.markAsUntransferable(new ArrayBuffer(0));
    return workerThreads.markAsUntransferable;
  } catch {
    return null;
  }
})();

/** Whom a connection trusts, and as whom it comes. */
export interface Trust {
  readonly secureContext: SecureContext;
  readonly servername?: string;
}

/** Throws `BAD_ARGUMENT` for certificates that cannot be used. */
export function trustOf(tls: TlsOptions): Trust {
  const { ca, cert, key, servername } = tls;
  try {
    const secureContext = createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: (Array.isArray(ca) ? ca : [ca]).map(pem) }),
      ...(cert === undefined ? {} : { cert: pem(cert) }),
      ...(key === undefined ? {} : { key: pem(key) }),
    });
    return { secureContext, ...(servername === undefined ? {} : { servername }) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RingMQError('BAD_ARGUMENT', `tls cannot be used: ${why}`, {
      cause,
      details: { option: 'tls' },
    });
  }
}

function pem(part: unknown): string | Buffer {
  if (typeof part !== 'string' && !(part instanceof Uint8Array)) {
    throw new Error('certificates and keys are text or bytes in PEM');
  }
  return typeof part === 'string' ? part : Buffer.from(part);
}

/** Opens a WebSocket. Rejects with an Error when it cannot be opened, or with what the broker said. */
export function openWebSocket(url: string, signal: AbortSignal, trust?: Trust): Promise<Link> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const mask = mayUseAnyMask(new URL(url)) ? new CheapMask() : null;
    const socket = new NodeWebSocket(url, [SUBPROTOCOL], {
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      skipUTF8Validation: true,
      ...trust,
      ...(mask === null ? {} : { generateMask: mask.generate }),
    });
    let answer: Promise<RingMQError> | undefined;
    socket.on('unexpected-response', (request, response) => {
      answer = refusedUpgrade(url, response);
      void answer.then(() => {
        request.destroy();
        socket.terminate();
      });
    });
    const onAbort = () => socket.terminate();
    signal.addEventListener('abort', onAbort, { once: true });
    let link: NodeLink | undefined;
    let lastError: unknown;
    socket.on('error', (error) => {
      lastError = error;
    });
    socket.on('open', () => {
      signal.removeEventListener('abort', onAbort);
      link = new NodeLink(socket, mask);
      resolve(link);
    });
    socket.on('close', (code, reason) => {
      signal.removeEventListener('abort', onAbort);
      if (link === undefined) {
        const problem = answer ?? connectProblem(url, lastError ?? describeClose(code, ''));
        void problem.then((error) => reject(signal.aborted ? signal.reason : error));
      } else {
        link.onClose?.(lastError ?? describeClose(code, reason.toString()));
      }
    });
  });
}

class NodeLink implements Link {
  /** `ws` hands out slices of what the socket read and never writes to them again. */
  readonly framesAreOwned = true;
  onClose: ((reason?: unknown) => void) | null = null;
  #onFrame: ((frame: Uint8Array) => void) | null = null;
  readonly #socket: NodeWebSocket;
  readonly #mask: CheapMask | null;

  constructor(socket: NodeWebSocket, mask: CheapMask | null) {
    this.#socket = socket;
    this.#mask = mask;
    socket.binaryType = 'nodebuffer';
    // A broker that refuses the connection says so with the upgrade's own bytes, before anybody can have set
    // `onFrame`.
    socket.pause();
    socket.on('message', (data, isBinary) => {
      // A text frame is no frame of the protocol; an empty one is refused by the reader with BAD_FRAME.
      this.#onFrame?.(isBinary ? (data as Uint8Array) : new Uint8Array(0));
    });
  }

  get onFrame(): ((frame: Uint8Array) => void) | null {
    return this.#onFrame;
  }

  set onFrame(listener: ((frame: Uint8Array) => void) | null) {
    this.#onFrame = listener;
    this.#socket.resume();
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: Uint8Array): void {
    if (this.#socket.readyState !== NodeWebSocket.OPEN) {
      return;
    }
    this.#mask?.choose(frame.length);
    this.#socket.send(frame, BINARY);
  }

  close(code = 1000): void {
    this.#socket.close(code);
    // A peer that is gone never answers a close; ws would wait 30 s for it.
    const timer = setTimeout(() => this.#socket.terminate(), 1000);
    timer.unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }
}
