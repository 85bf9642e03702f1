/** The batches of a produce frame, as a whole: whether their lengths fit into it, and copies of what must wait. */
import {
  BATCH,
  BATCH_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  readUint32,
  slotAligned,
} from '../native-free/wire/index.js';

/**
 * What is wrong with the lengths of a produce frame's batches, or null. Looked at as a whole before the first
 * one is appended, so that of a truncated frame nothing is stored.
 */
export function batchesFault(bytes: Uint8Array): string | null {
  if (bytes.length === FRAME_HEADER_BYTES) {
    return 'it has no batch';
  }
  let at = FRAME_HEADER_BYTES;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < BATCH_HEADER_BYTES) {
      return `${left} bytes at ${at} are less than a batch header`;
    }
    const length = readUint32(bytes, at + BATCH.length);
    if (length < BATCH_HEADER_BYTES || length > left) {
      return `the batch at ${at} says ${length} bytes where ${left} are left`;
    }
    at += slotAligned(length);
  }
  return null;
}

/** A copy of all from there on. `bytes.slice` would be none of a Buffer, which `ws` gives. */
export function copyFrom(bytes: Uint8Array, from: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, from);
}
