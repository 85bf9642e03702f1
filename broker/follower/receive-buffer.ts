/**
 * The memory that a connection reads into: the kernel writes behind what is there, whole frames are taken
 * from the front in place. What is handed out of it stays as it is until {@link room} is asked for again, or
 * through {@link room}`(true)`.
 */

/** Less room than this is not worth a read. */
const MIN_ROOM_BYTES = 64 * 1024;

export class ReceiveBuffer {
  readonly #capacity: number;
  #bytes: Uint8Array;
  /** The other one: while a frame is held in one, reading goes on in the other. */
  #spare: Uint8Array | null = null;
  start = 0;
  end = 0;
  /** Bytes that the frame at {@link start} needs in all, as far as is known. */
  #needed = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#bytes = new Uint8Array(capacity);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get length(): number {
    return this.end - this.start;
  }

  /** The frame at the start is so long, header and all. */
  need(bytes: number): void {
    this.#needed = bytes;
  }

  take(bytes: number): void {
    this.start += bytes;
    this.#needed = 0;
  }

  /** So many bytes were read into what {@link room} gave. */
  filled(bytes: number): void {
    this.end += bytes;
  }

  /** Where to read into next. `isHeld`: something that was handed out must stay as it is. */
  room(isHeld: boolean): Uint8Array {
    const { length } = this;
    const wanted = Math.max(this.#capacity, this.#needed);
    if (length === 0 && !isHeld) {
      this.start = 0;
      this.end = 0;
    }
    const has = this.#bytes.length - this.end;
    if (this.#bytes.length < wanted || (isHeld && has < MIN_ROOM_BYTES)) {
      this.#moveOver(wanted, isHeld);
    } else if (has < MIN_ROOM_BYTES || this.start + this.#needed > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.start, this.end);
      this.start = 0;
      this.end = length;
    }
    return this.#bytes.subarray(this.end);
  }

  #moveOver(wanted: number, isHeld: boolean): void {
    const old = this.#bytes;
    const next = this.#spare !== null && this.#spare.length >= wanted ? this.#spare : new Uint8Array(wanted);
    next.set(old.subarray(this.start, this.end));
    this.#spare = isHeld ? old : null;
    this.#bytes = next;
    this.end = this.length;
    this.start = 0;
  }
}
