/** Time that a simulation makes itself: events in order, and whatever promises they settle, one after the other on one thread. */

interface Event {
  at: number;
  order: number;
  work: () => void;
}

export class EventLine {
  #now = 0;
  #order = 0;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];

  /** True time, ms. No node sees it. */
  get now(): number {
    return this.#now;
  }

  after(ms: number, work: () => void): void {
    this.#push({ at: this.#now + Math.max(0, ms), order: this.#order++, work });
  }

  /** Runs events until this time. Between two of them all promises come to rest. */
  async runUntil(end: number): Promise<void> {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > end) {
        this.#now = end;
        return;
      }
      this.#pop();
      this.#now = next.at;
      next.work();
      await settled();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) {
        break;
      }
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) {
      return;
    }
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) {
        break;
      }
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) {
        child++;
      }
      if (!isBefore(heap[child] as Event, last)) {
        break;
      }
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** The loop that is simulated awaits less than this many promises in a row without an event between. */
async function settled(): Promise<void> {
  for (let i = 0; i < 12; i++) {
    await undefined;
  }
}
