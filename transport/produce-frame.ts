/** The batches of a produce frame, as a whole: whether their lengths fit into it, copies of what must wait, and what is said of a bad one. */
import { describeProducedBatch } from '../native-free/batch/produced-batch.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  ERRORS,
  FRAME_HEADER_BYTES,
  RingMQError,
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

/** Messages of a frame that was found whole. */
export function recordsIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = FRAME_HEADER_BYTES; at < bytes.length; at += slotAligned(readUint32(bytes, at))) {
    count += readUint32(bytes, at + BATCH.recordCount);
  }
  return count;
}

/** Why a malformed or damaged batch ends its connection. `id`: as the frame numbers it. */
export function badBatchError(
  code: 'BAD_BATCH' | 'BAD_CHECKSUM',
  id: number,
  batch: Uint8Array,
): RingMQError {
  const { message, details } = describeProducedBatch(batch);
  const sequence = `sequence ${details['sequence']}`;
  const what = code === 'BAD_BATCH' ? `: ${message}` : '';
  return new RingMQError(code, `${ERRORS[code].message}: batch ${id}, ${sequence}${what}`, {
    details: { batch: id, ...details },
  });
}
