/**
 * A WebSocket to a master, as a slave needs it: large binary frames come in, small ones go out.
 *
 * `ws` allocates memory for each piece that the kernel has, and a frame of its own for several of them: at a
 * gigabyte a second the garbage collector took more of the slave than checking and copying the log. Here all
 * is read into one buffer, and frames are taken from it in place.
 */
import { randomFillSync } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { certificateProblem } from '../../native-free/client/link/node-connect-problem.js';
import type { Trust } from '../../native-free/client/link/platform-node.js';
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { ReceiveBuffer } from './receive-buffer.js';
import { isWhole, MAX_ANSWER_BYTES, type Upgrade, upgradeOf } from './upgrade.js';

export interface MasterSocketOptions {
  readonly url: string;
  /** Of a `wss://` address. */
  readonly trust?: Trust | undefined;
  readonly subprotocol: string;
  /** A message of more bytes ends the connection. */
  readonly maxMessageBytes: number;
  /** So soon the master must have answered. */
  readonly handshakeTimeoutMs: number;
  onOpen(): void;
  /** A binary message. Its memory stays until the call returns, and if the socket is paused then until it is resumed. */
  onMessage(message: Uint8Array): void;
  /** All that was read at once has been given. */
  onRead(): void;
  /** Once, at last. `why`: an error, or what the master said. */
  onClose(why: Error): void;
}

/** Read at once at most: with what is left of the last read it is as much as a thread writes to the disk by itself. */
const READ_BYTES = 768 * 1024;
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;
const RESERVED = 0x70;
const MASKED = 0x80;
const MAX_CONTROL_BYTES = 125;
const MASK_BYTES = 4;
/** Masks that are asked for at once. */
const MASKS_BYTES = 256 * MASK_BYTES;

type Stage = 'upgrade' | 'open' | 'closed';

export class MasterSocket {
  readonly #options: MasterSocketOptions;
  readonly #socket: Socket;
  readonly #upgrade: Upgrade;
  readonly #in = new ReceiveBuffer(READ_BYTES);
  readonly #timer: NodeJS.Timeout;
  /** Random bytes; those from {@link #maskAt} on have masked nothing yet. */
  readonly #masks = new Uint8Array(MASKS_BYTES);
  #maskAt = MASKS_BYTES;
  #stage: Stage = 'upgrade';
  #isHeld = false;
  #isReading = false;
  /** Of a message in several frames, what has come. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #isInPieces = false;
  #why: Error | null = null;

  constructor(options: MasterSocketOptions) {
    this.#options = options;
    const url = new URL(options.url);
    this.#upgrade = upgradeOf(url, options.subprotocol);
    this.#timer = setTimeout(
      () => this.#fail(new Error(`no answer within ${options.handshakeTimeoutMs} ms`)),
      options.handshakeTimeoutMs,
    );
    this.#socket = this.#connect(url);
    this.#socket.setNoDelay(true);
    this.#socket.on('error', (error) => {
      this.#why ??= certificateProblem(options.url, error) ?? error;
    });
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('close', () => this.#closed());
  }

  /** Sent, and not taken by the kernel. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  send(message: Uint8Array): void {
    if (this.#stage === 'open') {
      this.#write(OPCODE.binary, message);
    }
  }

  /** No message is given for now. */
  pause(): void {
    this.#isHeld = true;
    if (!this.#isReading) {
      this.#socket.pause();
    }
  }

  resume(): void {
    if (!this.#isHeld) {
      return;
    }
    this.#isHeld = false;
    if (!this.#isReading) {
      // What has come already is first.
      this.#read();
      if (!this.#isHeld) {
        this.#socket.resume();
      }
    }
  }

  terminate(): void {
    this.#stage = 'closed';
    this.#socket.destroy();
  }

  #connect(url: URL): Socket {
    const isTls = url.protocol === 'wss:';
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(url.port) || (isTls ? 443 : 80);
    const onread = {
      buffer: () => this.#in.room(this.#isHeld),
      callback: (bytes: number) => {
        this.#in.filled(bytes);
        this.#read();
        this.#options.onRead();
        return !this.#isHeld;
      },
    };
    const greet = () => this.#socket.write(this.#upgrade.request);
    if (isTls) {
      const servername = isIP(host) === 0 ? { servername: host } : {};
      const options = { host, port, onread, minVersion: 'TLSv1.2', ...servername, ...this.#options.trust };
      return connectTls(options as ConnectionOptions, greet);
    }
    return connectTcp({ host, port, onread }, greet);
  }

  #read(): void {
    this.#isReading = true;
    try {
      if (this.#stage === 'upgrade') {
        this.#readAnswer();
      }
      while (this.#stage === 'open' && !this.#isHeld && this.#readFrame()) {
        // Each is handled as it is read.
      }
    } catch (error) {
      this.#fail(error as Error);
    } finally {
      this.#isReading = false;
    }
  }

  #readAnswer(): void {
    const { bytes, start, end } = this.#in;
    const text = Buffer.from(bytes.buffer, start, Math.min(end - start, MAX_ANSWER_BYTES)).toString('latin1');
    const length = text.indexOf('\r\n\r\n');
    if (length < 0) {
      if (text.length >= MAX_ANSWER_BYTES) {
        throw new Error('no answer of a web server came');
      }
      return;
    }
    const [head, body] = [text.slice(0, length), text.slice(length + 4)];
    const fault = this.#upgrade.faultOf(head, body);
    if (fault !== null) {
      this.#why = new Error(fault);
      if (isWhole(head, body)) {
        throw this.#why;
      }
      return;
    }
    this.#in.take(length + 4);
    clearTimeout(this.#timer);
    this.#stage = 'open';
    this.#options.onOpen();
  }

  /** One frame; false: it is not there yet. */
  #readFrame(): boolean {
    const { bytes, start, length: there } = this.#in;
    if (there < 2) {
      return false;
    }
    const first = bytes[start] as number;
    const second = bytes[start + 1] as number;
    const short = second & ~MASKED;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (there < headerBytes) {
      return false;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, headerBytes);
    const length =
      short < 126
        ? short
        : short === 126
          ? view.getUint16(2)
          : view.getUint32(2) * 2 ** 32 + view.getUint32(6);
    if ((first & RESERVED) !== 0 || (second & MASKED) !== 0) {
      throw bad('a WebSocket frame as no server sends it');
    }
    const opcode = first & 0x0f;
    const isLast = (first & FIN) !== 0;
    const isControl = opcode >= OPCODE.close;
    if (
      length + (isControl ? 0 : this.#piecesBytes) >
      (isControl ? MAX_CONTROL_BYTES : this.#options.maxMessageBytes)
    ) {
      throw bad(`a message of more than ${this.#options.maxMessageBytes} bytes`);
    }
    if (there < headerBytes + length) {
      this.#in.need(headerBytes + length);
      return false;
    }
    const payload = bytes.subarray(start + headerBytes, start + headerBytes + length);
    this.#in.take(headerBytes + length);
    if (isControl) {
      this.#onControl(opcode, payload, isLast);
    } else {
      this.#onData(opcode, payload, isLast);
    }
    return true;
  }

  #onData(opcode: number, payload: Uint8Array, isLast: boolean): void {
    if (opcode === OPCODE.text) {
      throw bad('a text message from the master');
    }
    if (opcode !== (this.#isInPieces ? OPCODE.continuation : OPCODE.binary)) {
      throw bad('a WebSocket frame that does not belong here');
    }
    if (isLast && !this.#isInPieces) {
      this.#options.onMessage(payload);
      return;
    }
    this.#isInPieces = !isLast;
    this.#pieces.push(payload.slice());
    this.#piecesBytes += payload.length;
    if (isLast) {
      const message = new Uint8Array(this.#piecesBytes);
      let at = 0;
      for (const piece of this.#pieces) {
        message.set(piece, at);
        at += piece.length;
      }
      this.#pieces = [];
      this.#piecesBytes = 0;
      this.#options.onMessage(message);
    }
  }

  #onControl(opcode: number, payload: Uint8Array, isLast: boolean): void {
    if (!isLast) {
      throw bad('a WebSocket frame that does not belong here');
    }
    if (opcode === OPCODE.ping) {
      this.#write(OPCODE.pong, payload);
    } else if (opcode === OPCODE.close) {
      this.#why ??= new Error(new TextDecoder().decode(payload.subarray(2)) || 'it ended');
      this.#write(OPCODE.close, payload);
      this.#stage = 'closed';
      this.#socket.end();
    } else if (opcode !== OPCODE.pong) {
      throw bad('a WebSocket frame that does not belong here');
    }
  }

  /** Masked, as a client must. */
  #write(opcode: number, payload: Uint8Array): void {
    const { length } = payload;
    const headerBytes = length < 126 ? 2 : length < 65_536 ? 4 : 10;
    const frame = new Uint8Array(headerBytes + MASK_BYTES + length);
    frame[0] = FIN | opcode;
    frame[1] = MASKED | (length < 126 ? length : length < 65_536 ? 126 : 127);
    if (headerBytes > 2) {
      for (let value = length, at = headerBytes - 1; at >= 2; at--) {
        frame[at] = value % 256;
        value = Math.floor(value / 256);
      }
    }
    const maskAt = this.#takeMask();
    for (let i = 0; i < MASK_BYTES; i++) {
      frame[headerBytes + i] = this.#masks[maskAt + i] as number;
    }
    for (let i = 0; i < length; i++) {
      frame[headerBytes + MASK_BYTES + i] =
        (payload[i] as number) ^ (this.#masks[maskAt + (i & 3)] as number);
    }
    this.#socket.write(frame);
  }

  /** Where the next mask is. Each is new; asking the system for one at a time took longer than the rest of a frame. */
  #takeMask(): number {
    if (this.#maskAt === MASKS_BYTES) {
      randomFillSync(this.#masks);
      this.#maskAt = 0;
    }
    const at = this.#maskAt;
    this.#maskAt += MASK_BYTES;
    return at;
  }

  #fail(why: Error): void {
    this.#why ??= why;
    this.terminate();
  }

  #closed(): void {
    clearTimeout(this.#timer);
    this.#stage = 'closed';
    this.#options.onClose(this.#why ?? new Error('it ended'));
  }
}

function bad(why: string): RingMQError {
  return new RingMQError('BAD_FRAME', why);
}
