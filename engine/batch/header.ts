/**
 * What the broker writes into a batch header, and how a header read from anywhere is told from rubbish.
 * The layout is `native-free/wire/batch-layout.ts`; this file adds only the stamp and the checksum.
 *
 * The header checksum is computed in plain JavaScript: 68 ns for a header, where a single one of the two
 * calls of `zlib.crc32` that it would take costs 190 (Node 20, x86-64; `npm run bench:micro -- --only
 * checksum`). It is the same CRC-32, and it allocates nothing.
 */
import { CRC32_START, finishCrc32, updateCrc32 } from '../../native-free/checksum/crc32-tables.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  PAD_HEADER_BYTES,
  readUint32,
  readUint64,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/batch-layout.js';

/** What the index stage knows of a batch. Keep one object and change its fields: none is made per batch. */
export interface HeaderStamp {
  /** Byte position in the log. */
  position: number;
  /** The flushed watermark known now, in bytes; never above `position`. */
  flushed: number;
  epoch: number;
  /** Offset of the first record in its queue; a pad has none. */
  baseOffset: number;
  /** Milliseconds since 1970. */
  storeTime: number;
  /** Makes a pad of whatever stands there: `length` is kept, everything about records becomes zero. */
  isPad: boolean;
}

/**
 * Stamps the header at `at` and seals it with its checksum. `length` and, for a batch, everything the
 * producer wrote must be there already. A pad gets no base offset; its store time is stamped, so that the
 * age of a stretch of log can be read off any header in it.
 */
export function stampHeader(bytes: Uint8Array, at: number, stamp: HeaderStamp): void {
  if (stamp.isPad) {
    bytes[at + BATCH.version] = BATCH_VERSION;
    bytes[at + BATCH.type] = BATCH_TYPE.pad;
    writeUint16(bytes, at + BATCH.attributes, 0);
    writeUint32(bytes, at + BATCH.bodyCrc, 0);
    writeUint32(bytes, at + BATCH.recordCount, 0);
    writeUint64(bytes, at + BATCH.baseOffset, 0);
    writeUint64(bytes, at + BATCH.bornTime, 0);
  } else {
    writeUint64(bytes, at + BATCH.baseOffset, stamp.baseOffset);
  }
  writeUint64(bytes, at + BATCH.position, stamp.position);
  writeUint64(bytes, at + BATCH.flushed, stamp.flushed);
  writeUint32(bytes, at + BATCH.epoch, stamp.epoch);
  writeUint64(bytes, at + BATCH.storeTime, stamp.storeTime);
  writeUint32(bytes, at + BATCH.headerCrc, headerCrcOf(bytes, at, stamp.isPad));
}

/**
 * True when a whole, stamped header of a batch or pad for `expectedPosition` stands at `at`. Reads nothing
 * past the end of `bytes`. Says nothing about the body, nor whether `length` fits the span: the caller knows
 * that.
 */
export function headerIsValid(bytes: Uint8Array, at: number, expectedPosition: number): boolean {
  if (at < 0 || at + PAD_HEADER_BYTES > bytes.length) {
    return false;
  }
  if (bytes[at + BATCH.version] !== BATCH_VERSION) {
    return false;
  }
  const isPad = bytes[at + BATCH.type] === BATCH_TYPE.pad;
  if (isPad) {
    if (readUint32(bytes, at + BATCH.length) < PAD_HEADER_BYTES) {
      return false;
    }
  } else {
    const type = bytes[at + BATCH.type];
    if (type !== BATCH_TYPE.data && type !== BATCH_TYPE.control) {
      return false;
    }
    if (at + BATCH_HEADER_BYTES > bytes.length) {
      return false;
    }
    if (readUint32(bytes, at + BATCH.length) < BATCH_HEADER_BYTES) {
      return false;
    }
  }
  if (readUint64(bytes, at + BATCH.position) !== expectedPosition) {
    return false;
  }
  return readUint32(bytes, at + BATCH.headerCrc) === headerCrcOf(bytes, at, isPad);
}

/** CRC-32 over bytes 0–12 and 16–96 of the header at `at` (a pad: 16–64), as an unsigned number. */
export function headerCrcOf(bytes: Uint8Array, at: number, isPad: boolean): number {
  const crc = updateCrc32(CRC32_START, bytes, at, at + BATCH.headerCrc);
  const end = at + (isPad ? PAD_HEADER_BYTES : BATCH_HEADER_BYTES);
  return finishCrc32(updateCrc32(crc, bytes, at + BATCH.position, end));
}
