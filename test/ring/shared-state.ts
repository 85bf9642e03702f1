/** The memory that the actors of an interleaving search share: saved and restored by depth, and hashed. */

/** A running 53-bit hash: that two of a million states collide has a chance below one in ten thousand. */
export class StateHash {
  #low = 0x9e3779b9 | 0;
  #high = 0x7f4a7c15 | 0;

  add(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x85ebca6b);
    this.#low ^= this.#low >>> 13;
    this.#high = Math.imul(this.#high ^ (value + this.#low), 0xc2b2ae35);
    this.#high ^= this.#high >>> 16;
  }

  value(): number {
    this.add(0x27d4eb2f);
    return (this.#high >>> 0) * 2 ** 21 + (this.#low >>> 11);
  }
}

export class SharedState {
  readonly #views: Int32Array[];
  readonly #saved: Int32Array[][] = [];

  constructor(views: Int32Array[]) {
    this.#views = views;
  }

  addTo(hash: StateHash): void {
    for (const view of this.#views) {
      for (let i = 0; i < view.length; i++) {
        const value = view[i] as number;
        if (value !== 0) {
          hash.add(i);
          hash.add(value);
        }
      }
      hash.add(-1);
    }
  }

  save(depth: number): void {
    this.#saved[depth] ??= this.#views.map((view) => new Int32Array(view.length));
    for (const [index, copy] of this.#saved[depth].entries()) {
      copy.set(this.#views[index] as Int32Array);
    }
  }

  restore(depth: number): void {
    for (const [index, copy] of (this.#saved[depth] as Int32Array[]).entries()) {
      this.#views[index]?.set(copy);
    }
  }
}
