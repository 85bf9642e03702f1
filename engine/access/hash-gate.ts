/** How many passwords are hashed at a time, and how many wait: each takes a thread of the process's pool for some milliseconds. */
import { RingMQError } from '../../native-free/wire/index.js';

const MAX_AT_ONCE = 2;
const MAX_WAITING = 256;

export class HashGate {
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  /** In the order of the calls. @throws RingMQError TOO_MANY_REQUESTS */
  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count >= MAX_AT_ONCE) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new RingMQError('TOO_MANY_REQUESTS', 'too many logins by password wait; try again', {
          details: { limit: MAX_WAITING },
        });
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#count++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) {
        this.#count--;
      } else {
        next();
      }
    }
  }
}
