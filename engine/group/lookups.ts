/** Runs slow look-ups a few at a time, so that a topic of thousands of queues does not start thousands of reads at once. */

const MAX_ACTIVE_COUNT = 32;

export class Lookups {
  readonly #waiting: (() => Promise<void>)[] = [];
  #active = 0;

  /** Runs it when it is its turn; it must not reject. */
  add(lookup: () => Promise<void>): void {
    this.#waiting.push(lookup);
    this.#next();
  }

  #next(): void {
    while (this.#active < MAX_ACTIVE_COUNT) {
      const lookup = this.#waiting.shift();
      if (lookup === undefined) {
        return;
      }
      this.#active++;
      // Not within this call: who adds one is in the middle of something.
      void Promise.resolve()
        .then(lookup)
        .finally(() => {
          this.#active--;
          this.#next();
        });
    }
  }
}
