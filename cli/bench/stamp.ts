/**
 * Marks in the body of a bench message: a number of the run, so that messages of other runs are not mistaken
 * for its own, and when the message was written. Both ends are one process and share `performance.now()`.
 *
 *      0        4          12
 *      ┌────────┬──────────┬──────
 *      │ run    │ time f64 │ fill …
 *      └────────┴──────────┴──────
 */
export const STAMP_BYTES = 12;

/** A body of `size` bytes whose stamp can be set; too small for one, it is only filled. */
export class StampedBody {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stamped: boolean;

  constructor(size: number, run: number) {
    this.bytes = new Uint8Array(size).fill(120);
    this.#view = new DataView(this.bytes.buffer);
    this.#stamped = size >= STAMP_BYTES;
    if (this.#stamped) {
      this.#view.setUint32(0, run, true);
    }
  }

  setTime(ms: number): void {
    if (this.#stamped) {
      this.#view.setFloat64(4, ms, true);
    }
  }
}

/** When a body was written; null when it is not of this run. */
export function writtenAt(body: Uint8Array, run: number): number | null {
  if (body.length < STAMP_BYTES) {
    return null;
  }
  const view = new DataView(body.buffer, body.byteOffset, STAMP_BYTES);
  return view.getUint32(0, true) === run ? view.getFloat64(4, true) : null;
}
