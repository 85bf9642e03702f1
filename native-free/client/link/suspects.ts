/**
 * What a link may have ended over. When more than one thing was under way, so many more answers one thing at a time is under way, until
 * the one that ends the link is found.
 */
export class Suspects {
  /** 0: all may be under way. */
  #count = 0;

  /** Is everybody clear of it? */
  get areCleared(): boolean {
    return this.#count === 0;
  }

  /** The link ended over one of so many. */
  name(count: number): void {
    this.#count = count;
  }

  /** So many things that were under way are answered: it was not over them. True: there were suspects. */
  clear(count: number): boolean {
    if (this.#count === 0) {
      return false;
    }
    this.#count = Math.max(0, this.#count - count);
    return true;
  }
}
