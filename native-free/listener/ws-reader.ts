/**
 * Hands the bytes of one connection to `ws`, which takes in all frames of a chunk in one go: thousands of
 * tiny ones in 64 KiB. A connection whose chunks take long is read in pieces, in turn with the others that do
 * so; meanwhile nothing more is read from it. One whose chunks take next to nothing, as of most, never waits.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { monotonicMs } from '../time/index.js';
import type { SlicedWork, WorkTurns } from './work-turns.js';

/** What a piece may take, about; its size follows. */
const PIECE_MS = 0.5;
const MIN_PIECE_BYTES = 256;
/** A connection of which nothing is known yet. */
const FIRST_PIECE_BYTES = 4 * 1024;
/** Node reads no larger chunk; a piece of that size is the whole. */
const MAX_PIECE_BYTES = 64 * 1024;
/** Of less not even the time is taken. */
const TINY_BYTES = 512;

export interface WsReaderEvents {
  /** So many bytes are about to be read by `ws`. */
  reading(bytes: number): void;
  /** What waits to be read has become so many bytes more, or fewer. */
  waits(bytes: number): void;
}

export class WsReader implements SlicedWork {
  readonly #peer: WebSocket;
  readonly #stream: Duplex;
  readonly #turns: WorkTurns;
  readonly #events: WsReaderEvents;
  readonly #read: (chunk: Buffer) => void;
  #pieceBytes = FIRST_PIECE_BYTES;
  /** What came lies in the stream, which is paused; so much of it was told. */
  #isWaiting = false;
  #waitingBytes = 0;
  #isStepping = false;
  #isClosed = false;

  /** Takes the place of `ws` as the stream's reader; is handed what comes by {@link take}. */
  constructor(peer: WebSocket, stream: Duplex, turns: WorkTurns, events: WsReaderEvents) {
    this.#peer = peer;
    this.#stream = stream;
    this.#turns = turns;
    this.#events = events;
    const readers = stream.listeners('data') as ((chunk: Buffer) => void)[];
    stream.removeAllListeners('data');
    this.#read = (chunk) => {
      for (const read of readers) {
        read.call(stream, chunk);
      }
    };
  }

  /** A chunk has come. */
  take(chunk: Buffer): void {
    if (this.#isStepping || (!this.#isWaiting && chunk.length <= this.#pieceBytes)) {
      this.#readPiece(chunk);
      return;
    }
    // Back into the stream, which tells of its end only when all of it was read.
    this.#peer.pause();
    this.#stream.unshift(chunk);
    this.#isWaiting = true;
    this.#tellWaiting();
    this.#turns.add(this);
  }

  /** Reads the next piece of what waits. */
  step(): boolean {
    if (this.#isClosed) {
      return false;
    }
    this.#isStepping = true;
    // The stream hands it on as any other chunk.
    this.#stream.read(Math.min(this.#pieceBytes, this.#stream.readableLength));
    this.#isStepping = false;
    if (this.#isClosed) {
      return false;
    }
    this.#isWaiting = this.#stream.readableLength > 0;
    this.#tellWaiting();
    if (!this.#isWaiting) {
      this.#peer.resume();
    }
    return this.#isWaiting;
  }

  /** What waits need not be read in turn any more. */
  letGo(): void {
    if (this.#isWaiting) {
      this.#isWaiting = false;
      this.#tellWaiting();
      this.#stream.resume();
    }
    this.#isClosed = true;
  }

  #tellWaiting(): void {
    const bytes = this.#isWaiting ? this.#stream.readableLength : 0;
    this.#events.waits(bytes - this.#waitingBytes);
    this.#waitingBytes = bytes;
  }

  #readPiece(piece: Buffer): void {
    if (piece.length <= TINY_BYTES) {
      this.#events.reading(piece.length);
      this.#read(piece);
      return;
    }
    const begun = monotonicMs();
    this.#events.reading(piece.length);
    this.#read(piece);
    const tookMs = monotonicMs() - begun;
    if (tookMs > PIECE_MS) {
      this.#pieceBytes = Math.max(MIN_PIECE_BYTES, Math.floor((piece.length * PIECE_MS) / tookMs));
    } else {
      this.#pieceBytes = Math.min(MAX_PIECE_BYTES, this.#pieceBytes * 2);
    }
  }
}
