/**
 * Copying whole batches. `Uint8Array.set` from or into shared memory copies word by word, and byte by byte
 * where the two lie differently within a word, as a batch in what was read from a socket does: 4 GB/s.
 * `Buffer.fill` with as many bytes as there is room for is one memcpy, but costs a call out of JavaScript.
 */

/** From here on that call is the cheaper one. */
const BULK_BYTES = 512;

/** The same memory as `bytes`, as {@link bulkCopy} wants it. */
export function bulkTarget(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Copies all of `source` to `at`. The two do not overlap. */
export function bulkCopy(target: Buffer, source: Uint8Array, at: number): void {
  if (source.length >= BULK_BYTES) {
    target.fill(source, at, at + source.length);
  } else {
    target.set(source, at);
  }
}
