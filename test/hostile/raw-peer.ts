/**
 * A WebSocket client that does as it is told, down to single bytes: it sends what RFC 6455 forbids as readily
 * as what it allows, and may read nothing at all.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SUBPROTOCOL } from '../../native-free/wire/index.js';

export const WS_OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameShape {
  opcode?: number;
  /** Default true. */
  fin?: boolean;
  /** Default true, with a key of zeros. */
  masked?: boolean;
  /** What the header says, where that is not what follows. */
  claimedBytes?: number;
}

/** One WebSocket frame. */
export function wsFrame(payload: Uint8Array, shape: FrameShape = {}): Buffer {
  const { opcode = WS_OPCODE.binary, fin = true, masked = true } = shape;
  const length = shape.claimedBytes ?? payload.length;
  const maskBit = masked ? 0x80 : 0;
  const first = (fin ? 0x80 : 0) | opcode;
  let header: Buffer;
  if (length < 126) {
    header = Buffer.from([first, maskBit | length]);
  } else if (length < 65_536) {
    header = Buffer.from([first, maskBit | 126, length >> 8, length & 0xff]);
  } else {
    header = Buffer.alloc(10);
    header[0] = first;
    header[1] = maskBit | 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([header, Buffer.alloc(masked ? 4 : 0), payload]);
}

/** The request that opens a WebSocket, with what a test changes about it. A header of null is left out. */
export function upgradeRequest(changes: Record<string, string | null> = {}, extra: string[] = []): string {
  const headers: Record<string, string | null> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Protocol': SUBPROTOCOL,
    ...changes,
  };
  const lines = Object.entries(headers)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}`);
  return `${['GET / HTTP/1.1', ...lines, ...extra].join('\r\n')}\r\n\r\n`;
}

/** What the broker sent, as WebSocket messages. */
export interface Heard {
  opcode: number;
  payload: Buffer;
}

export class RawPeer {
  readonly socket: Socket;
  readonly heard: Heard[] = [];
  isClosed = false;
  /** What comes is read and forgotten. */
  keepsNothing = false;
  #unread: Buffer = Buffer.alloc(0);
  #isUpgraded = false;
  #head = '';
  #watchers: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.#take(chunk));
    this.socket.on('drain', () => this.#tell());
    // A connection that the broker ends is what many of the tests are after.
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
      this.#tell();
    });
  }

  /** A connection whose WebSocket stands. */
  static async open(port: number, request = upgradeRequest()): Promise<RawPeer> {
    const peer = new RawPeer(port);
    await once(peer.socket, 'connect');
    peer.socket.write(request);
    await peer.until(() => peer.#isUpgraded || peer.isClosed);
    if (!peer.#isUpgraded) {
      throw new Error(`no upgrade: ${peer.httpAnswer}`);
    }
    return peer;
  }

  /** The head of the HTTP answer, and its body if it was no upgrade. */
  get httpAnswer(): string {
    return this.#head;
  }

  /** Hands bytes to the kernel as they are. False: more than it takes; `writable()` tells when to go on. */
  write(bytes: Uint8Array): boolean {
    return this.isClosed ? false : this.socket.write(bytes);
  }

  send(payload: Uint8Array, shape?: FrameShape): boolean {
    return this.write(wsFrame(payload, shape));
  }

  /** Resolves when the kernel has taken what was written, or the connection is gone. */
  async writable(): Promise<void> {
    await this.until(() => this.isClosed || !this.socket.writableNeedDrain);
  }

  /** Reads nothing any more. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Resolves when `condition` holds; looked at after each message and at the close. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.keepsNothing && this.#isUpgraded) {
      return;
    }
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    if (!this.#isUpgraded) {
      this.#takeHead();
    }
    if (this.#isUpgraded) {
      this.#takeFrames();
    }
    this.#tell();
  }

  #takeHead(): void {
    const text = this.#unread.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    this.#head = text;
    if (end >= 0 && text.startsWith('HTTP/1.1 101')) {
      this.#isUpgraded = true;
      this.#unread = this.#unread.subarray(end + 4);
    }
  }

  #takeFrames(): void {
    for (;;) {
      const bytes = this.#unread;
      if (bytes.length < 2) {
        return;
      }
      const short = (bytes[1] as number) & 0x7f;
      const headerBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (bytes.length < headerBytes) {
        return;
      }
      const length =
        short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
      if (bytes.length < headerBytes + length) {
        return;
      }
      const payload = Buffer.from(bytes.subarray(headerBytes, headerBytes + length));
      this.heard.push({ opcode: (bytes[0] as number) & 0x0f, payload });
      this.#unread = bytes.subarray(headerBytes + length);
    }
  }

  #tell(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const tell of watchers) {
      tell();
    }
  }
}
