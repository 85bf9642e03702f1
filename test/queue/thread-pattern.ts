/** Batches whose every field follows from their number in their queue, so that a reader can tell a torn answer. */
import type { IndexEntry } from '../../engine/queue/index.js';

export const TOPIC = 5;

/** Records of batch `i`: 1, 2, 3, 1, 2, 3, … */
export function countOf(i: number): number {
  return 1 + (i % 3);
}

/** Slots of batch `i`. */
export function slotsOf(i: number): number {
  return 2 + (i % 5);
}

/** Notes what is wrong with the answer to a look-up of `offset`. */
export function checkEntry(entry: IndexEntry, offset: number, faults: string[]): void {
  const { baseOffset, count, slots, position } = entry;
  const inSix = baseOffset % 6;
  const i = Math.floor(baseOffset / 6) * 3 + (inSix === 0 ? 0 : inSix === 1 ? 1 : 2);
  const isRight =
    (inSix === 0 || inSix === 1 || inSix === 3) &&
    count === countOf(i) &&
    slots === slotsOf(i) &&
    position % 64 === 0 &&
    offset >= baseOffset &&
    offset < baseOffset + count;
  if (!isRight) {
    faults.push(`offset ${offset}: base ${baseOffset}, count ${count}, slots ${slots}, position ${position}`);
  }
}
