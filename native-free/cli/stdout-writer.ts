import { write } from 'node:fs';

const STDOUT = 1;
/** How long to leave a full pipe that does not block alone. */
const FULL_PIPE_MS = 5;

/**
 * Writes to stdout and knows to the byte what was taken. `process.stdout` does not tell how much of a chunk a
 * reader got before it went away, and `sub` acks exactly what it printed.
 */
export class StdoutWriter {
  /** True once the reader is gone (EPIPE): nothing more can be printed. */
  closed = false;

  /** Bytes of `bytes` that were taken: all of them, or fewer when the reader went away. Throws on any other error. */
  async write(bytes: Uint8Array): Promise<number> {
    let done = 0;
    while (done < bytes.length && !this.closed) done += await this.#writeSome(bytes, done);
    return done;
  }

  #writeSome(bytes: Uint8Array, from: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(STDOUT, bytes, from, bytes.length - from, null, (error, count) => {
        if (error === null) resolve(count);
        else if (error.code === 'EAGAIN') setTimeout(resolve, FULL_PIPE_MS, 0);
        else if (error.code === 'EPIPE') {
          this.closed = true;
          resolve(0);
        } else reject(error);
      });
    });
  }
}
