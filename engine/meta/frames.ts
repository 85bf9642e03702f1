/**
 * The form of the files of `meta/`: pieces of MessagePack, each in a frame. Little-endian, frames one behind
 * the other without padding.
 *
 *        0        4       8
 *        ┌────────┬───────┬───────────────┐
 *        │ length │ crc   │ MessagePack … │
 *        └────────┴───────┴───────────────┘
 *
 * - length (u32): bytes of what follows the two numbers.
 * - crc (u32): CRC-32 over the four bytes of `length` and then those, so that a stretch of zeroes is not a frame.
 */

import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { RingMQError, readUint32, writeUint32 } from '../../native-free/wire/index.js';

export const FRAME_HEADER_BYTES = 8;
/** Larger lengths are damage. */
export const MAX_FRAME_PAYLOAD_BYTES = 1024 * 1024;

const packr = new Packr({ useRecords: false, copyBuffers: true });

/** A frame around what is packed already. */
export function frameOf(payload: Uint8Array): Uint8Array {
  if (payload.length === 0 || payload.length > MAX_FRAME_PAYLOAD_BYTES) {
    throw new RingMQError('INTERNAL', `a frame of meta with ${payload.length} bytes is not written`);
  }
  const bytes = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeUint32(bytes, 0, payload.length);
  bytes.set(payload, FRAME_HEADER_BYTES);
  writeUint32(bytes, 4, frameCrc(bytes, 0, payload.length));
  return bytes;
}

/** A frame with a map in it. */
export function mapFrame(map: object): Uint8Array {
  return frameOf(packr.pack(map));
}

/** What is in the whole and undamaged frame at `at`, as it is packed; null when there is none. */
export function payloadAt(bytes: Uint8Array, at: number): Uint8Array | null {
  if (at + FRAME_HEADER_BYTES > bytes.length) {
    return null;
  }
  const length = readUint32(bytes, at);
  if (length === 0 || length > MAX_FRAME_PAYLOAD_BYTES || at + FRAME_HEADER_BYTES + length > bytes.length) {
    return null;
  }
  if (readUint32(bytes, at + 4) !== frameCrc(bytes, at, length)) {
    return null;
  }
  return bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length);
}

/** The map that is packed in `payload`; one without keys when it is something else. */
export function unpackMap(payload: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = packr.unpack(payload);
  } catch {
    return {};
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/** What is wrong with a file of `meta/`, at a byte of it. */
export function corruptFile(path: string, position: number, what: string): RingMQError {
  return new RingMQError('LOG_CORRUPT', `${path}, at byte ${position}: ${what}`, {
    details: { file: path, position },
  });
}

/** A file of a format that this version does not read. */
export function unknownFormat(path: string, found: unknown, known: number): RingMQError {
  return new RingMQError(
    'NOT_SUPPORTED',
    `${path} has format ${String(found)}; this version reads format ${known}`,
    { details: { file: path, value: found, limit: known } },
  );
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function frameCrc(bytes: Uint8Array, at: number, length: number): number {
  const payload = bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length);
  return crc32(payload, crc32(bytes.subarray(at, at + 4)));
}
