/**
 * The files of `meta/`: MessagePack maps, each in a frame. Little-endian, frames one behind the other without padding.
 *
 *        0        4       8
 *        ┌────────┬───────┬───────────────────┐
 *        │ length │ crc   │ MessagePack map … │
 *        └────────┴───────┴───────────────────┘
 *
 * - length (u32): bytes of the map.
 * - crc (u32): CRC-32 over the four bytes of `length` and then the map, so that a stretch of zeroes is not a frame.
 *
 * Besides the records of meta-state.ts, files have these of their own:
 * - first in a file, {@link SnapshotHeader} or {@link LogHeader}: which kind it is, its format version, the number of the log it is or is followed by.
 * - last in a snapshot, {@link SnapshotEnd}.
 * - in a log, {@link SyncedMark}: everything before `position` was on disk when this was written. So a
 *   damaged frame with such a mark behind it that names a later position is damage, and not a torn end.
 */

import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { RingMQError, readUint32, writeUint32 } from '../../native-free/wire/index.js';
import type { MetaRecord } from './meta-state.js';

export const META_FRAME_HEADER_BYTES = 8;
/** Larger lengths are damage: the largest record is a group's offsets on a topic of 16,384 queues. */
export const MAX_META_RECORD_BYTES = 1024 * 1024;
/** Of the marks that tell damage from a torn end: no other frame matters then. */
const MAX_MARK_BYTES = 64;
export const META_FORMAT = 1;

export interface SnapshotHeader {
  type: 'snapshot';
  format: number;
  log: number;
}
export interface LogHeader {
  type: 'log';
  format: number;
  log: number;
}
export interface SnapshotEnd {
  type: 'end';
  /** Records between header and end. */
  records: number;
}
export interface SyncedMark {
  type: 'synced';
  position: number;
}
export type MetaFrame = MetaRecord | SnapshotHeader | LogHeader | SnapshotEnd | SyncedMark;

const packr = new Packr({ useRecords: false, copyBuffers: true });

/** A frame with its header, in memory of its own. */
export function encodeFrame(frame: MetaFrame): Uint8Array {
  const map = packr.pack(frame);
  if (map.length > MAX_META_RECORD_BYTES) {
    throw new RingMQError(
      'INTERNAL',
      `a '${frame.type}' record of meta has ${map.length} bytes; ${MAX_META_RECORD_BYTES} are allowed`,
    );
  }
  const bytes = new Uint8Array(META_FRAME_HEADER_BYTES + map.length);
  writeUint32(bytes, 0, map.length);
  bytes.set(map, META_FRAME_HEADER_BYTES);
  writeUint32(bytes, 4, frameCrc(bytes, 0, map.length));
  return bytes;
}

/** Bytes of the frame at `at`, header included, if a whole and undamaged one is there; else 0. */
export function frameBytesAt(bytes: Uint8Array, at: number, maxRecordBytes = MAX_META_RECORD_BYTES): number {
  if (at + META_FRAME_HEADER_BYTES > bytes.length) {
    return 0;
  }
  const length = readUint32(bytes, at);
  if (length === 0 || length > maxRecordBytes || at + META_FRAME_HEADER_BYTES + length > bytes.length) {
    return 0;
  }
  return readUint32(bytes, at + 4) === frameCrc(bytes, at, length) ? META_FRAME_HEADER_BYTES + length : 0;
}

/** The map in the frame that {@link frameBytesAt} found at `at` to have `frameBytes`. */
export function decodeFrame(bytes: Uint8Array, at: number, frameBytes: number): MetaFrame {
  return packr.unpack(bytes.subarray(at + META_FRAME_HEADER_BYTES, at + frameBytes)) as MetaFrame;
}

/** True if a mark behind `from` says that more than `from` bytes had been on disk. */
export function wasSyncedBeyond(bytes: Uint8Array, from: number): boolean {
  for (let at = from + 1; at + META_FRAME_HEADER_BYTES < bytes.length; at++) {
    const frameBytes = frameBytesAt(bytes, at, MAX_MARK_BYTES);
    if (frameBytes > 0) {
      const frame = decodeFrame(bytes, at, frameBytes);
      if (frame.type === 'synced' && frame.position > from) {
        return true;
      }
    }
  }
  return false;
}

function frameCrc(bytes: Uint8Array, at: number, length: number): number {
  const map = bytes.subarray(at + META_FRAME_HEADER_BYTES, at + META_FRAME_HEADER_BYTES + length);
  return crc32(map, crc32(bytes.subarray(at, at + 4)));
}
