/** Who waits on one thread until a lane that was full has room again. They are told in the thread's turns. */
import type { Lane } from '../lane/lane.js';

export class RoomWaiters {
  readonly #log: Lane;
  readonly #memory: Lane;
  #waiters: (() => void)[] = [];

  constructor(log: Lane, memory: Lane) {
    this.#log = log;
    this.#memory = memory;
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /**
   * `callback` is called once, whichever lane has room. Its caller tries again, and waits again if that was the
   * other one.
   */
  add(callback: () => void): void {
    this.#waiters.push(callback);
  }

  /** Once a turn. */
  tend(): void {
    if (this.#waiters.length === 0) {
      this.#memory.nobodyWaits();
      return;
    }
    if (!(this.#log.roomAgain() || this.#memory.roomAgain())) {
      return;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      waiter();
    }
  }
}
