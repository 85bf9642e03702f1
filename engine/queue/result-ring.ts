/** Both ends of a result ring; drawn in result-ring-layout.ts. */
import {
  RESULT_BYTES,
  RESULT_CAPACITY,
  RESULT_F,
  RESULT_HEAD_BYTES,
  RESULT_SEAT_BYTES,
  RESULT_SEAT_DOUBLES,
  RESULT_SEAT_WORDS,
  RESULT_WORD,
} from './result-ring-layout.js';

/** Shared memory for the result rings of one lane: 256 KiB a seat once used. Survives `postMessage`. */
export function createResultMemory(maxSeats: number): SharedArrayBuffer {
  return new SharedArrayBuffer(maxSeats * RESULT_SEAT_BYTES);
}

/**
 * A seat's own end. `next` brings one result into the fields. Results come in the order of the seat's claims
 * in that lane. Make it, or `reset` it, when the seat is taken. The seat's last owner was repaired then and
 * the index stage has come past all that it had claimed, so that none of its results should follow;
 * `ringPosition` tells one that does.
 */
export class ResultRing {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #seatWords: number;
  readonly #seatDoubles: number;
  #head: number;
  /** 0, or a wire number of the error table; then the batch is not stored and the rest means nothing. */
  status = 0;
  /** ACK_FLAG_… */
  flags = 0;
  baseOffset = 0;
  /** Log position in bytes; of a duplicate, the first one's. */
  position = 0;
  storeTime = 0;
  /** Where in the ring the batch was claimed, in slots. */
  ringPosition = 0;

  constructor(memory: SharedArrayBuffer, seat: number) {
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#seatWords = seat * RESULT_SEAT_WORDS;
    this.#seatDoubles = seat * RESULT_SEAT_DOUBLES;
    this.#head = Atomics.load(this.#words, this.#seatWords);
  }

  /** Forgets all results there are. */
  reset(): void {
    this.#head = Atomics.load(this.#words, this.#seatWords);
  }

  /** Results that wait. */
  get waiting(): number {
    return (Atomics.load(this.#words, this.#seatWords) - this.#head) | 0;
  }

  next(): boolean {
    const tail = Atomics.load(this.#words, this.#seatWords);
    if (((tail - this.#head) | 0) <= 0) {
      return false;
    }
    if (((tail - this.#head) | 0) > RESULT_CAPACITY) {
      this.#head = (tail - RESULT_CAPACITY) | 0;
    }
    const at = entryAt(this.#head);
    const words = this.#seatWords + at / 4;
    const doubles = this.#seatDoubles + at / 8;
    const outcome = this.#words[words + RESULT_WORD.outcome] as number;
    this.status = outcome & 0xffff;
    this.flags = outcome >>> 16;
    this.ringPosition = this.#words[words + RESULT_WORD.ringPosition] as number;
    this.position = this.#doubles[doubles + RESULT_F.position] as number;
    this.baseOffset = this.#doubles[doubles + RESULT_F.baseOffset] as number;
    this.storeTime = this.#doubles[doubles + RESULT_F.storeTime] as number;
    this.#head = (this.#head + 1) | 0;
    return true;
  }
}

/** The index stage's end, for all seats of a lane. */
export class ResultWriter {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
  }

  /** Number of the seat's next result. */
  sequence(seat: number): number {
    return Atomics.load(this.#words, seat * RESULT_SEAT_WORDS);
  }

  /** Puts result number `sequence`; putting it twice is putting it once. */
  put(
    seat: number,
    sequence: number,
    status: number,
    flags: number,
    ringPosition: number,
    position: number,
    baseOffset: number,
    storeTime: number,
  ): void {
    const at = entryAt(sequence);
    const words = seat * RESULT_SEAT_WORDS + at / 4;
    const doubles = seat * RESULT_SEAT_DOUBLES + at / 8;
    this.#doubles[doubles + RESULT_F.position] = position;
    this.#doubles[doubles + RESULT_F.baseOffset] = baseOffset;
    this.#doubles[doubles + RESULT_F.storeTime] = storeTime;
    this.#words[words + RESULT_WORD.outcome] = status | (flags << 16);
    this.#words[words + RESULT_WORD.ringPosition] = ringPosition;
    Atomics.store(this.#words, seat * RESULT_SEAT_WORDS, (sequence + 1) | 0);
  }
}

/** Byte place of a result in its seat's part. */
function entryAt(sequence: number): number {
  return RESULT_HEAD_BYTES + (sequence & (RESULT_CAPACITY - 1)) * RESULT_BYTES;
}
