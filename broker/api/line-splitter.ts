const NEWLINE = 10;

/**
 * Cuts a stream of bytes into lines at `\n` and nowhere else: a carriage return stays in its line, an empty
 * line is an empty line. What follows the last `\n`, if anything does, is a line too.
 */
export class LineSplitter {
  /** Of the line that has not ended; put together once it has. */
  #rest: Buffer[] = [];
  #restBytes = 0;

  /** Lines that end in this chunk, as views of it; valid as long as the chunk is. */
  *lines(chunk: Buffer): Generator<Buffer, void, undefined> {
    let from = 0;
    let end = chunk.indexOf(NEWLINE);
    if (end !== -1 && this.#rest.length > 0) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(0, end)]);
      this.#forget();
      yield line;
      from = end + 1;
      end = chunk.indexOf(NEWLINE, from);
    }
    while (end !== -1) {
      yield chunk.subarray(from, end);
      from = end + 1;
      end = chunk.indexOf(NEWLINE, from);
    }
    if (from < chunk.length) {
      // A copy: the stream may use the chunk's memory again.
      this.#rest.push(Buffer.from(chunk.subarray(from)));
      this.#restBytes += chunk.length - from;
    }
  }

  /** The unterminated last line, or null when the input ended with `\n` or was empty. */
  last(): Buffer | null {
    const rest = this.#rest.length === 0 ? null : Buffer.concat(this.#rest);
    this.#forget();
    return rest;
  }

  /** Bytes held back for a line that has not ended: what a reader without a limit on lines must watch. */
  get pendingBytes(): number {
    return this.#restBytes;
  }

  #forget(): void {
    this.#rest = [];
    this.#restBytes = 0;
  }
}
