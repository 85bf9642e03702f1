/**
 * The memory lane's gate. That lane has no persist stage; its index role owns the gate, and moves it as
 * writers come near it: a quarter of the ring is kept free for them, at least two spans (what one claim may
 * need: its own and what is left of the span before), the rest keeps batches for consumers. Holds and pins
 * are respected by the ring.
 */
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import type { Ring } from '../ring/ring.js';

export class MemoryGate {
  readonly #ring: Ring;
  readonly #keepSlots: number;
  readonly #stepSlots: number;

  constructor(ring: Ring) {
    const slots = ring.ringBytes / SLOT_BYTES;
    this.#ring = ring;
    this.#keepSlots = slots - Math.max(slots / 4, (2 * ring.spanBytes) / SLOT_BYTES);
    this.#stepSlots = slots / 16;
  }

  /** True when writers are near the gate. */
  isDue(): boolean {
    return ((this.#ring.head() - this.#ring.gate()) | 0) > this.#keepSlots;
  }

  /** Index role only. Moves the gate by a step if that is due: finding the holds costs more than a batch. True when it moved. */
  move(): boolean {
    if (!this.isDue()) {
      return false;
    }
    const ring = this.#ring;
    const gate = ring.gate();
    const wanted = (ring.head() - this.#keepSlots + this.#stepSlots) | 0;
    const indexed = ring.indexed();
    ring.free(((wanted - indexed) | 0) > 0 ? indexed : wanted);
    return ring.gate() !== gate;
  }
}
