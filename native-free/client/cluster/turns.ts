/** Lets so many do something at once; the others wait in the order in which they came. */
export class Turns {
  #free: number;
  #waiting: (() => void)[] = [];
  /** Of those that wait, the first that has not had its turn. */
  #at = 0;

  constructor(most: number) {
    this.#free = most;
  }

  /** Resolves when it is the caller's turn; whoever has had it calls {@link give}. */
  take(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  give(): void {
    const next = this.#waiting[this.#at];
    if (next === undefined) {
      this.#waiting = [];
      this.#at = 0;
      this.#free++;
      return;
    }
    this.#at++;
    next();
  }
}
