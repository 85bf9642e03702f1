/**
 * Who waits until the log has something: what is in batches already, or what is still being gathered. Batches
 * are counted from the opening on.
 */
import type { RingMQError } from '../../native-free/wire/index.js';

interface Waiter {
  /** So many batches must be acked; not known while they are gathered. */
  until: number;
  /** It does not wait while the disk is full: what it waits for is kept. */
  isImpatient: boolean;
  resolve(): void;
  reject(error: RingMQError): void;
}

export class LogWaiters {
  /** In the order of `until`. */
  #waiters: Waiter[] = [];
  /** Who waits for what is being gathered. */
  #turn: { waiter: Waiter; promise: Promise<void> } | null = null;

  /** Resolves once so many batches are acked, however long that takes. */
  until(batches: number): Promise<void> {
    const { promise, waiter } = newWaiter(false);
    waiter.until = batches;
    this.#waiters.push(waiter);
    return promise;
  }

  /** Resolves once what is being gathered is acked; fails with a full disk. All who wait for it share one promise. */
  untilTurn(): Promise<void> {
    this.#turn ??= newWaiter(true);
    return this.#turn.promise;
  }

  /** What was gathered has become batches, the last of which is the one of this number; `acked` are acked already. */
  endTurn(last: number, acked: number): void {
    if (this.#turn === null) {
      return;
    }
    const { waiter } = this.#turn;
    this.#turn = null;
    waiter.until = last;
    if (last <= acked) {
      waiter.resolve();
    } else {
      this.#waiters.push(waiter);
    }
  }

  /** So many batches are acked. */
  acked(batches: number): void {
    while ((this.#waiters[0]?.until ?? Number.POSITIVE_INFINITY) <= batches) {
      this.#waiters.shift()?.resolve();
    }
  }

  /** Nothing can be written for now: who is impatient is told so. */
  refuse(error: RingMQError): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ isImpatient }) => !isImpatient);
    for (const waiter of waiters) {
      if (waiter.isImpatient) {
        waiter.reject(error);
      }
    }
    this.#turn?.waiter.reject(error);
    this.#turn = null;
  }

  /** Nothing will be written any more. */
  fail(error: RingMQError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    if (this.#turn !== null) {
      waiters.push(this.#turn.waiter);
      this.#turn = null;
    }
    for (const waiter of waiters) {
      waiter.reject(error);
    }
  }
}

function newWaiter(isImpatient: boolean): { waiter: Waiter; promise: Promise<void> } {
  const waiter: Waiter = {
    until: Number.POSITIVE_INFINITY,
    isImpatient,
    resolve: () => {},
    reject: () => {},
  };
  const promise = new Promise<void>((resolve, reject) => {
    waiter.resolve = resolve;
    waiter.reject = reject;
  });
  return { waiter, promise };
}
