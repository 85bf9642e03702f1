/**
 * Which offsets of one queue are done, so that the committed offset is always the lowest that is not. Ranges
 * may come in any order but never overlap; whoever acks sees to that. Constant time a range, memory by the
 * number of gaps.
 */
export class OffsetTracker {
  #lowest: number;
  /** Done ranges above the lowest: by start their end, and by end their start. */
  readonly #endByStart = new Map<number, number>();
  readonly #startByEnd = new Map<number, number>();

  #keptCount = 0;

  constructor(offset: number) {
    this.#lowest = offset;
  }

  /** Everything below is done. */
  get lowest(): number {
    return this.#lowest;
  }

  /** Done ranges that wait for something below them. */
  get gaps(): number {
    return this.#endByStart.size;
  }

  /** Offsets above the lowest that are done. */
  get doneAbove(): number {
    return this.#keptCount;
  }

  /** Marks `start` up to, not including, `end` as done. True: the lowest moved. */
  mark(start: number, end: number): boolean {
    if (start !== this.#lowest) {
      if (start > this.#lowest && end > start) {
        this.#keep(start, end);
      }
      return false;
    }
    let lowest = end;
    if (this.#endByStart.size > 0) {
      // Kept ranges are merged, so at most one begins where this one ends.
      const next = this.#endByStart.get(lowest);
      if (next !== undefined) {
        this.#endByStart.delete(lowest);
        this.#startByEnd.delete(next);
        this.#keptCount -= next - lowest;
        lowest = next;
      }
    }
    const moved = lowest > this.#lowest;
    this.#lowest = lowest;
    return moved;
  }

  #keep(start: number, end: number): void {
    this.#keptCount += end - start;
    let from = start;
    let to = end;
    const before = this.#startByEnd.get(start);
    if (before !== undefined) {
      this.#startByEnd.delete(start);
      from = before;
    }
    const after = this.#endByStart.get(end);
    if (after !== undefined) {
      this.#endByStart.delete(end);
      to = after;
    }
    this.#endByStart.set(from, to);
    this.#startByEnd.set(to, from);
  }
}
