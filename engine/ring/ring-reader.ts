/**
 * How one thread reads bytes in place without their being overwritten: a pin for one turn, a hold for as long
 * as a consumer needs. Both say "the gate may not pass me", and both are refused once the space has been
 * given away.
 */
import type { Ring } from './ring.js';
import { SEAT_WORD, seatWord } from './ring-layout.js';

export class RingReader {
  readonly #ring: Ring;
  readonly #control: Int32Array;
  readonly #pin: number;
  readonly #pinState: number;
  readonly #hold: number;
  readonly #holdState: number;
  readonly #holdTopic: number;
  #held = false;

  /** `seat` must be the calling thread's alone, and have one reader. */
  constructor(ring: Ring, seat: number) {
    if (!Number.isInteger(seat) || seat < 0 || seat >= ring.maxThreads) {
      throw new RangeError(`a seat is 0 to ${ring.maxThreads - 1}, not ${seat}`);
    }
    this.#ring = ring;
    this.#control = ring.control;
    this.#pin = seatWord(seat) + SEAT_WORD.pin;
    this.#pinState = seatWord(seat) + SEAT_WORD.pinState;
    this.#hold = seatWord(seat) + SEAT_WORD.hold;
    this.#holdState = seatWord(seat) + SEAT_WORD.holdState;
    this.#holdTopic = seatWord(seat) + SEAT_WORD.holdTopic;
  }

  /**
   * Keeps `position` and all above it from being overwritten until {@link unpin} or the next pin. False: it
   * is gone (nothing is pinned now); read the file. `position` must be one that has been indexed, less than
   * 64 GiB ago: for a log position of any age use {@link pinBytes}.
   */
  pin(position: number): boolean {
    // A look first: a pin that is refused would hold the gate back for a moment, and nobody would know.
    if (!this.#isReadable(position)) {
      this.unpin();
      return false;
    }
    Atomics.store(this.#control, this.#pin, position);
    Atomics.store(this.#control, this.#pinState, 1);
    // After the pin: either the gate owner saw it, or we see the limit it had set before it looked.
    if (this.#isReadable(position)) {
      return true;
    }
    this.unpin();
    return false;
  }

  /** {@link pin} for a log position in bytes, a multiple of 64, however old. */
  pinBytes(positionBytes: number): boolean {
    const limitBytes = this.#ring.toBytes(this.#ring.limit());
    // The limit only grows (a hold may let us read some way below it), so what is too old now stays so; the
    // rest is near enough for Int32.
    if (positionBytes < limitBytes - this.#ring.ringBytes) {
      this.unpin();
      return false;
    }
    return this.pin(this.#ring.toSlots(positionBytes));
  }

  /**
   * The bytes read since {@link pin} may be overwritten from now on. If `ring.isHeldBack()` says so
   * afterwards (or after a refused pin), wake who owns the gate: what the pin kept it from freeing may be all
   * that writers wait for.
   */
  unpin(): void {
    Atomics.store(this.#control, this.#pinState, 0);
  }

  /**
   * Like a pin beside the pin, kept for long: the lowest position this seat's consumers still need on the
   * memory lane, where there is no file to fall back to. Moves up or down; false: `position` is gone, the
   * hold is as it was.
   */
  hold(position: number): boolean {
    const before = Atomics.load(this.#control, this.#hold);
    if (this.#isHeld(position)) {
      Atomics.store(this.#control, this.#hold, position);
      return true;
    }
    Atomics.store(this.#control, this.#hold, position);
    Atomics.store(this.#control, this.#holdState, 1);
    if (((position - this.#ring.limit()) | 0) >= 0) {
      this.#held = true;
      return true;
    }
    Atomics.store(this.#control, this.#hold, before);
    Atomics.store(this.#control, this.#holdState, this.#held ? 1 : 0);
    return false;
  }

  /** Some of what was wanted has gone: holds what is left, which is what it holds already, or else what is not asked back yet. */
  holdRest(): void {
    const limit = this.#ring.limit();
    // The limit may lie above a hold: writers want that space, and have not got it.
    if (!this.#isHeld(limit)) {
      this.hold(limit);
    }
  }

  /** Whose readers the hold is for, as writers look it up: 0 = they have read everything. A hint, set beside the hold. */
  holdIsFor(topicId: number): void {
    Atomics.store(this.#control, this.#holdTopic, topicId);
  }

  /** This seat needs nothing of the ring any more. */
  releaseHold(): void {
    this.#held = false;
    Atomics.store(this.#control, this.#holdState, 0);
  }

  #isReadable(position: number): boolean {
    return ((position - this.#ring.limit()) | 0) >= 0 || this.#isHeld(position);
  }

  #isHeld(position: number): boolean {
    return this.#held && ((position - Atomics.load(this.#control, this.#hold)) | 0) >= 0;
  }
}
