/** A set of ids that come nearly in order, as ranges: small however many ids there are. */

/** More ranges than this come from nothing but a log full of holes. */
const MAX_RANGES = 1_024;

export class IdRanges {
  /** First and last of each range, in rising order, none next to another. */
  readonly #bounds: { first: number; last: number }[] = [];

  /** Of ranges. */
  get count(): number {
    return this.#bounds.length;
  }

  /** Where there would be too many ranges, the two lowest become one, with what lies between them. */
  add(id: number): void {
    const bounds = this.#bounds;
    // From the end: the newest id is the highest, but for a stretch of the log that is read twice.
    let at = bounds.length;
    while (at > 0 && (bounds[at - 1]?.first as number) > id) {
      at--;
    }
    const before = bounds[at - 1];
    const after = bounds[at];
    if (before !== undefined && id <= before.last) {
      return;
    }
    if (before !== undefined && id === before.last + 1) {
      before.last = id;
      if (after !== undefined && after.first === id + 1) {
        before.last = after.last;
        bounds.splice(at, 1);
      }
      return;
    }
    if (after !== undefined && after.first === id + 1) {
      after.first = id;
      return;
    }
    bounds.splice(at, 0, { first: id, last: id });
    const [lowest, next] = bounds;
    if (bounds.length > MAX_RANGES && lowest !== undefined && next !== undefined) {
      bounds.splice(0, 2, { first: lowest.first, last: next.last });
    }
  }

  has(id: number): boolean {
    const range = this.#bounds.findLast(({ first }) => first <= id);
    return range !== undefined && id <= range.last;
  }
}
