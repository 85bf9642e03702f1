import { write } from 'node:fs';
import { monotonicMs, setTimeout } from '../native-free/time/index.js';

const STDOUT = 1;
/** How long to leave a full pipe that does not block alone. */
const FULL_PIPE_MS = 5;
/** A reader that is only slow gets the rest of a batch within this, so that its last line is whole. */
const GRACE_MS = 1_000;

/**
 * Writes to stdout and knows to the byte what was taken. `process.stdout` does not tell how much of a chunk a
 * reader got before it went away, and `sub` acks exactly what it printed.
 */
export class StdoutWriter {
  /** True once the reader is gone (EPIPE): nothing more can be printed. */
  closed = false;

  constructor() {
    // Node makes a pipe that is its stdout one that does not block, and what it was again at its end. A write
    // that blocks would hold the process for as long as the reader does not read, whatever signal comes.
    void process.stdout;
  }

  /**
   * Bytes of `bytes` that were taken: all of them, or fewer when the reader went away, or has not taken them
   * {@link GRACE_MS} after `stop`. Throws on any other error.
   */
  async write(bytes: Uint8Array, stop: AbortSignal): Promise<number> {
    let done = 0;
    let stoppedAt = Number.POSITIVE_INFINITY;
    while (done < bytes.length && !this.closed) {
      done += await this.#writeSome(bytes, done);
      if (!stop.aborted) {
        continue;
      }
      stoppedAt = Math.min(stoppedAt, monotonicMs());
      if (monotonicMs() - stoppedAt >= GRACE_MS) {
        break;
      }
    }
    return done;
  }

  #writeSome(bytes: Uint8Array, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(STDOUT, bytes, from, bytes.length - from, null, (error, count) => {
        if (error === null) {
          resolve(count);
        } else if (error.code === 'EAGAIN') {
          setTimeout(resolve, FULL_PIPE_MS, 0);
        } else if (error.code === 'EPIPE') {
          this.closed = true;
          resolve(0);
        } else {
          reject(error);
        }
      });
    });
  }
}
