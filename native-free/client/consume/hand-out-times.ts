/**
 * When the messages of one queue were handed out, roughly and in bounded memory: a mark says "from this
 * offset on, not before this time". An age read from it is never too low, and too high by the distance of two
 * marks at most.
 */

/** Marks closer than this would say nothing new. */
const MARK_EVERY_MS = 100;
/** When there are so many, every other one goes: those that remain lie twice as far apart. */
const MAX_MARKS = 64;

export class HandOutTimes {
  #offsets: number[] = [];
  #times: number[] = [];

  /** Messages from `offset` on are handed out now. */
  add(offset: number, nowMs: number): void {
    const last = this.#times.at(-1);
    if (last !== undefined && nowMs - last < MARK_EVERY_MS) {
      return;
    }
    if (this.#offsets.length === MAX_MARKS) {
      this.#offsets = this.#offsets.filter((_, i) => i % 2 === 0);
      this.#times = this.#times.filter((_, i) => i % 2 === 0);
    }
    this.#offsets.push(offset);
    this.#times.push(nowMs);
  }

  /** When the message at `offset` was handed out, at the earliest; marks of messages before it are forgotten. */
  since(offset: number): number | null {
    while (this.#offsets.length > 1 && (this.#offsets[1] as number) <= offset) {
      this.#offsets.shift();
      this.#times.shift();
    }
    return this.#times[0] ?? null;
  }
}
