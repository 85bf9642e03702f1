/** What the load of one connection has written, and what became of it; read while it runs. */
export class LoadTally {
  /** Messages handed to the library. */
  written = 0;
  /** Of these, failed. */
  failed = 0;
  /** Of these, neither acked nor failed yet. */
  outstanding: () => number = () => 0;

  get acked(): number {
    return Math.max(0, this.written - this.failed - this.outstanding());
  }
}
