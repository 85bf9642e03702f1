/** Who waits for a producer's progress: for room in its buffer, or until all messages below a running number are settled. */
import { Deferred } from '../abort.js';

export class ProgressWaiters {
  #room: Deferred<void> | null = null;
  #flushes: { upTo: number; done: Deferred<void> }[] = [];

  get hasFlushes(): boolean {
    return this.#flushes.length > 0;
  }

  /** Resolves when there is room. One promise for all who wait. */
  room(): Promise<void> {
    this.#room ??= new Deferred<void>();
    return this.#room.promise;
  }

  /** There is room. */
  onRoom(): void {
    this.#room?.resolve();
    this.#room = null;
  }

  /** Resolves when all messages below `upTo` are settled. */
  settled(upTo: number): Promise<void> {
    const waiter = { upTo, done: new Deferred<void>() };
    this.#flushes.push(waiter);
    return waiter.done.promise;
  }

  /** All below `lowest` are settled. */
  onSettled(lowest: number): void {
    const left: { upTo: number; done: Deferred<void> }[] = [];
    for (const waiter of this.#flushes) {
      if (waiter.upTo <= lowest) {
        waiter.done.resolve();
      } else {
        left.push(waiter);
      }
    }
    this.#flushes = left;
  }
}
