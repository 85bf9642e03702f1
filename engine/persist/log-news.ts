/** Whether what a step of the persist stage has moved is news to threads that sleep: waking one costs as much as a small write. */
import { WORD } from '../ring/ring-layout.js';

/** What of the log's ring others wait for; positions in slots. */
export interface NewsMarks {
  readonly control: Int32Array;
  written(): number;
  flushed(): number;
  gate(): number;
}

interface Marks {
  readonly written: number;
  readonly flushed: number;
  readonly gate: number;
  /** Of the log's failure; 0: none. */
  readonly fatal: number;
}

export function marksOf(ring: NewsMarks): Marks {
  return {
    written: ring.written(),
    flushed: ring.flushed(),
    gate: ring.gate(),
    fatal: Atomics.load(ring.control, WORD.fatal),
  };
}

/**
 * `waitsForDisk`: what is written and not on the disk yet is of no use to anybody but whoever has asked for no
 * more. It is so of a master under sync flush; a slave tells its master of what is written, too.
 */
export function isNews(ring: NewsMarks, before: Marks, waitsForDisk: boolean): boolean {
  const { written, flushed, gate, fatal } = marksOf(ring);
  if (flushed !== before.flushed || gate !== before.gate || fatal !== before.fatal) {
    return true;
  }
  const wanted = Atomics.load(ring.control, WORD.writtenWanted);
  return written !== before.written && (!waitsForDisk || ((wanted - before.written) | 0) > 0);
}
