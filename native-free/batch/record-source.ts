/** The bytes in which delivered records lie, and who still needs them. */

/**
 * `view` is of the same bytes: it reads a number at once, where they give it byte by byte. `base` is where
 * they begin in `buffer`; asking the typed array for both again for each body costs more than the body.
 */
export interface RecordSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly buffer: ArrayBufferLike;
  readonly base: number;
}

/** A source that nobody but its messages needs. */
export function recordSource(bytes: Uint8Array): RecordSource {
  const { buffer, byteOffset: base } = bytes;
  return { bytes, view: new DataView(buffer, base, bytes.length), buffer, base };
}

/**
 * A deliver frame, shared by its batches. Its link gets the bytes back when the inbox is done with it and
 * every batch handed out is acked.
 */
export class FrameSource implements RecordSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly buffer: ArrayBufferLike;
  readonly base: number;
  readonly #release: ((frame: Uint8Array) => void) | null;
  /** The inbox is the first. */
  #holders = 1;

  constructor(frame: Uint8Array, release: ((frame: Uint8Array) => void) | null) {
    this.bytes = frame;
    this.buffer = frame.buffer;
    this.base = frame.byteOffset;
    this.view = new DataView(this.buffer, this.base, frame.length);
    this.#release = release;
  }

  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    if (--this.#holders === 0) {
      this.#release?.(this.bytes);
    }
  }
}
