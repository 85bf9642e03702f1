/**
 * How one thread puts batches into a ring: claim, copy, publish. Never blocks, never allocates, never claims
 * more than the gate allows. One claim is open at a time.
 *
 *     if (writer.claim(batch.length)) {
 *       try {
 *         ring.bytes.set(batch, writer.place);
 *         writer.publish();
 *       } finally {
 *         writer.abort(); // does nothing after publish
 *       }
 *     }
 */
import { BATCH, readUint32, SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import type { Ring } from './ring.js';
import { SEAT_WORD, seatWord, WORD } from './ring-layout.js';

export class RingWriter {
  readonly #ring: Ring;
  readonly #bytes: Uint8Array;
  readonly #control: Int32Array;
  readonly #marks: Int32Array;
  readonly #mark: number;
  readonly #intentPosition: number;
  readonly #intentLength: number;
  readonly #ringSlots: number;
  readonly #spanSlots: number;
  #position = 0;
  #place = 0;
  #slots = 0;

  /** `seat` must be the calling thread's alone. */
  constructor(ring: Ring, seat: number) {
    if (!Number.isInteger(seat) || seat < 0 || seat >= ring.maxThreads) {
      throw new RangeError(`a seat is 0 to ${ring.maxThreads - 1}, not ${seat}`);
    }
    this.#ring = ring;
    this.#bytes = ring.bytes;
    this.#control = ring.control;
    this.#marks = ring.marks;
    this.#mark = seat + 1;
    this.#intentPosition = seatWord(seat) + SEAT_WORD.intentPosition;
    this.#intentLength = seatWord(seat) + SEAT_WORD.intentLength;
    this.#ringSlots = ring.ringBytes / SLOT_BYTES;
    this.#spanSlots = ring.spanBytes / SLOT_BYTES;
  }

  /** Slot position of the open claim. */
  get position(): number {
    return this.#position;
  }

  /** Where in `ring.bytes` the open claim begins. */
  get place(): number {
    return this.#place;
  }

  /**
   * Claims room for a batch of `bytes` bytes. False: the ring is full, nothing is claimed; try again when the
   * gate moved. Where the batch would cross a multiple of the span, the same compare-and-swap claims the rest
   * of the span too, and that is published as a pad.
   * @throws RangeError when `bytes` is not 1 to the span; Error when a claim is open.
   */
  claim(bytes: number): boolean {
    const spanSlots = this.#spanSlots;
    if (!(bytes >= 1 && bytes <= spanSlots * SLOT_BYTES)) {
      throw new RangeError(`a batch has 1 to ${this.#ring.spanBytes} bytes, not ${bytes}`);
    }
    if (this.#slots !== 0) {
      throw new Error('the claim before is still open');
    }
    const slots = (bytes + (SLOT_BYTES - 1)) >>> 6;
    const control = this.#control;
    let position: number;
    let gap: number;
    do {
      position = Atomics.load(control, WORD.head);
      const inSpan = position & (spanSlots - 1);
      gap = inSpan + slots > spanSlots ? spanSlots - inSpan : 0;
      // The gate only grows, so what fits under this value still fits when the swap succeeds.
      if (((position + gap + slots - Atomics.load(control, WORD.gate)) | 0) > this.#ringSlots) {
        // An intent left from a lost swap would keep a repair of the winner waiting for us.
        Atomics.store(control, this.#intentLength, 0);
        return false;
      }
      // Before the swap: once it is done somebody else must be able to finish for us.
      Atomics.store(control, this.#intentPosition, position);
      Atomics.store(control, this.#intentLength, gap + slots);
    } while (
      Atomics.compareExchange(control, WORD.head, position, (position + gap + slots) | 0) !== position
    );
    this.#slots = slots;
    this.#position = (position + gap) | 0;
    this.#place = (this.#position & (this.#ringSlots - 1)) << 6;
    if (gap !== 0) {
      // Once the pad is out, a mark at our position no longer tells whether the swap was ours; so say it
      // first.
      Atomics.store(control, this.#intentLength, -(gap + slots));
      this.#ring.publishPad(position, gap);
    }
    return true;
  }

  /**
   * Makes the batch in the open claim visible to the index stage. Its header must be in place.
   * @throws Error when no claim is open, or the header's length does not fill it: everything behind it would
   * be lost.
   */
  publish(): void {
    const length = readUint32(this.#bytes, this.#place + BATCH.length);
    if (this.#slots === 0 || (length + (SLOT_BYTES - 1)) >>> 6 !== this.#slots) {
      throw new Error(`a batch of ${length} bytes was published in a claim of ${this.#slots} slots`);
    }
    Atomics.store(this.#marks, this.#place >>> 6, this.#mark);
    this.#close();
  }

  /** Turns the open claim into padding; does nothing when none is open. */
  abort(): void {
    if (this.#slots !== 0) {
      this.#ring.publishPad(this.#position, this.#slots);
      this.#close();
    }
  }

  #close(): void {
    // After the mark: until then a repair must find the claim here.
    Atomics.store(this.#control, this.#intentLength, 0);
    this.#slots = 0;
  }
}
