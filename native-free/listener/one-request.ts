/**
 * Hands Node's HTTP server the first request of a connection and no other. A chunk of 64 KiB holds 1,400
 * requests, of which the server would make objects one after the other, in one go, before anybody could say
 * that one is enough.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const HEAD_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);
/** Of a body whose end only the parser sees, so much is handed on at a time: behind it other requests may stand. */
const PIECE_BYTES = 1024;
/** What may come behind the request; it is not looked at. Beyond it the end of the connection is not either. */
const MAX_BEHIND_BYTES = 64 * 1024;

export class OneRequest {
  readonly #stream: Duplex;
  readonly #readers: readonly ((chunk: Buffer) => void)[];
  /** The last bytes of what came before: the end of a head may be torn. */
  #tail = NOTHING;
  #behind: Buffer = NOTHING;
  #isOver = false;
  #first: IncomingMessage | null = null;
  /** The request, from when somebody takes its body. */
  #body: IncomingMessage | null = null;
  /** Of a body whose length was said. */
  #bodyBytesLeft = Number.POSITIVE_INFINITY;
  #behindBytes = 0;
  readonly #take = (chunk: Buffer): void => this.#taken(chunk);

  /** Takes the place of the server as the stream's reader, once the server has taken the connection on. */
  constructor(stream: Duplex) {
    this.#stream = stream;
    this.#readers = stream.listeners('data') as ((chunk: Buffer) => void)[];
    // From the first reader on that it does not know, Node's parser is fed through the stream, and not by the
    // socket itself.
    stream.on('data', this.#take);
    for (const reader of this.#readers) {
      stream.removeListener('data', reader);
    }
  }

  /** False: the parser found another request behind it. */
  isFirst(request: IncomingMessage): boolean {
    this.#first ??= request;
    return this.#first === request;
  }

  /**
   * What follows the head reaches the parser as well, up to the request's end, and the end of the connection is
   * seen. To be called when the server tells of the request.
   */
  letBodyIn(request: IncomingMessage): void {
    this.#body = request;
    const { 'content-length': length } = request.headers;
    if (length !== undefined) {
      this.#bodyBytesLeft = Number(length);
    }
  }

  /** The request was an upgrade: gives up the stream, and what came behind the head. */
  giveUp(): Buffer {
    this.#isOver = true;
    this.#stream.removeListener('data', this.#take);
    const behind = this.#behind;
    this.#behind = NOTHING;
    return behind;
  }

  #taken(chunk: Buffer): void {
    if (this.#body !== null) {
      this.#handBody(this.#body, chunk);
      return;
    }
    const end = this.#endOfHead(chunk);
    if (end < 0) {
      this.#hand(chunk);
      return;
    }
    this.#behind = chunk.subarray(end);
    this.#hand(chunk.subarray(0, end));
    if (this.#isOver) {
      return;
    }
    const body = this.#body as IncomingMessage | null;
    if (body !== null) {
      const behind = this.#behind;
      this.#behind = NOTHING;
      this.#handBody(body, behind);
    } else {
      // Nothing more is read: the answer ends the connection.
      this.#isOver = true;
      this.#behind = NOTHING;
      this.#stream.pause();
      this.#stream.removeListener('data', this.#take);
    }
  }

  #handBody(body: IncomingMessage, chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !body.complete && !this.#stream.destroyed) {
      const piece = chunk.subarray(at, at + Math.min(this.#pieceBytes, this.#bodyBytesLeft));
      if (piece.length === 0) {
        break;
      }
      this.#bodyBytesLeft -= piece.length;
      this.#hand(piece);
      at += piece.length;
    }
    this.#behindBytes += chunk.length - at;
    if (this.#behindBytes > MAX_BEHIND_BYTES) {
      this.#stream.pause();
      this.#stream.removeListener('data', this.#take);
    }
  }

  /** Where its end is known nothing behind it is handed on. */
  get #pieceBytes(): number {
    return Number.isFinite(this.#bodyBytesLeft) ? Number.POSITIVE_INFINITY : PIECE_BYTES;
  }

  /** Where the head ends in this chunk; -1: not in it. */
  #endOfHead(chunk: Buffer): number {
    const seam = this.#tail.length;
    const torn = Buffer.concat([this.#tail, chunk.subarray(0, HEAD_END.length - 1)]);
    const inSeam = torn.indexOf(HEAD_END);
    if (inSeam >= 0) {
      return inSeam + HEAD_END.length - seam;
    }
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-(HEAD_END.length - 1))]).subarray(
      -(HEAD_END.length - 1),
    );
    const inside = chunk.indexOf(HEAD_END);
    return inside < 0 ? -1 : inside + HEAD_END.length;
  }

  #hand(chunk: Buffer): void {
    for (const reader of this.#readers) {
      reader.call(this.#stream, chunk);
    }
  }
}
