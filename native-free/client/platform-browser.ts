/** What the client needs of a browser. `platform-node.ts` gives the same names to Node; package.json chooses. */
import { SUBPROTOCOL } from '../wire/index.js';
import type { Link } from './types.js';
import { describeClose } from './websocket-close.js';

/** Tables for slicing by 8: entry `256 * k + b` is the CRC of byte b followed by k zero bytes. */
function makeTables(): Uint32Array {
  const tables = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (tables[before & 255] as number) ^ (before >>> 8);
  }
  return tables;
}

const TABLES = makeTables();

/** CRC-32 (zlib's polynomial) of `bytes` from `start` to `end`. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  const t = TABLES;
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t[1792 + (low & 255)] as number) ^
      (t[1536 + ((low >>> 8) & 255)] as number) ^
      (t[1280 + ((low >>> 16) & 255)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (t[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

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
      if (link === undefined) reject(signal.aborted ? signal.reason : reason);
      else link.onClose?.(reason);
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
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame as Uint8Array<ArrayBuffer>);
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }
}
