/**
 * A role: the right to run one stage, held by one thread at a time. A try-lock on one shared word, never
 * waited for: who does not get it knows that the holder, who re-checks after it has released, will see the
 * work.
 */
export class Role {
  readonly #control: Int32Array;
  readonly #word: number;

  /** `word` is an index into `control`: 0 = free, else the holder's seat + 1. */
  constructor(control: Int32Array, word: number) {
    this.#control = control;
    this.#word = word;
  }

  /** True when the role is now the seat's; false when somebody (perhaps the seat itself) holds it. */
  tryTake(seat: number): boolean {
    // A plain look first: a failed compare-and-swap would take the cache line away from the holder.
    return (
      Atomics.load(this.#control, this.#word) === 0 &&
      Atomics.compareExchange(this.#control, this.#word, 0, seat + 1) === 0
    );
  }

  /** @throws Error when the seat does not hold the role: two threads would be running one stage. */
  release(seat: number): void {
    if (Atomics.compareExchange(this.#control, this.#word, seat + 1, 0) !== seat + 1) {
      throw new Error(`seat ${seat} released a role it does not hold`);
    }
  }

  /** The holder's seat, or -1. */
  holder(): number {
    return Atomics.load(this.#control, this.#word) - 1;
  }

  /**
   * Takes the role away from a dead thread; true when it held it. What it left half done is finished by the
   * next holder (the index stage's redo journal), so the stage must be run before anyone relies on its words.
   */
  breakIfHeldBy(seat: number): boolean {
    return Atomics.compareExchange(this.#control, this.#word, seat + 1, 0) === seat + 1;
  }
}
