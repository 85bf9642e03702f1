/**
 * What is looked at before a batch may enter the ring: nothing that fails here is stored, and nothing
 * that passes can crash a stage, a recovery or a consumer.
 */
import { crc32 } from '../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_ATTRIBUTE,
  BATCH_ATTRIBUTES_KNOWN,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  ERRORS,
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  RECORD,
  RECORD_HEADER_BYTES,
  readUint16,
  readUint32,
} from '../../native-free/wire/index.js';

const BOTH_FLUSHES = BATCH_ATTRIBUTE.syncFlush | BATCH_ATTRIBUTE.asyncFlush;

/**
 * Checks a batch as a producer sends it: `bytes` is exactly the batch. `hasTravelled`: its body may have changed since its producer
 * summed it up; one that was packed on this very thread has not.
 * @returns 0, or the wire number of MESSAGE_TOO_LARGE, BAD_BATCH or BAD_CHECKSUM.
 */
export function checkBatch(bytes: Uint8Array, hasTravelled: boolean): number {
  const length = bytes.length;
  if (length > MAX_BATCH_BYTES) {
    return ERRORS.MESSAGE_TOO_LARGE.wire;
  }
  if (length < BATCH_HEADER_BYTES + RECORD_HEADER_BYTES || readUint32(bytes, BATCH.length) !== length) {
    return ERRORS.BAD_BATCH.wire;
  }
  if (bytes[BATCH.version] !== BATCH_VERSION || bytes[BATCH.type] !== BATCH_TYPE.data) {
    return ERRORS.BAD_BATCH.wire;
  }
  const attributes = readUint16(bytes, BATCH.attributes);
  if ((attributes & ~BATCH_ATTRIBUTES_KNOWN) !== 0 || (attributes & BOTH_FLUSHES) === BOTH_FLUSHES) {
    return ERRORS.BAD_BATCH.wire;
  }
  if (hasTravelled && crc32(bytes, BATCH_HEADER_BYTES, length) !== readUint32(bytes, BATCH.bodyCrc)) {
    return ERRORS.BAD_CHECKSUM.wire;
  }
  return recordsAreWhole(bytes, length) ? 0 : ERRORS.BAD_BATCH.wire;
}

/** What the walk over the records needs, in constants of its own: those are compiled in, while imported ones are looked up with every use. */
const { length: LENGTH_AT, tagBytes: TAG_BYTES_AT, attributesBytes: ATTRIBUTES_BYTES_AT } = RECORD;
const HEADER_BYTES = RECORD_HEADER_BYTES;

/**
 * The records' lengths must lead from the header exactly to the end, and there must be as many as the
 * header says: offsets are given out by that count. A few nanoseconds a record, and no object:
 * a view would make the walk a third faster, and that of a batch of one record four times as dear.
 */
function recordsAreWhole(bytes: Uint8Array, length: number): boolean {
  const count = readUint32(bytes, BATCH.recordCount);
  if (count === 0 || count > MAX_BATCH_RECORDS) {
    return false;
  }
  let at = BATCH_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const left = length - at;
    if (left < HEADER_BYTES) {
      return false;
    }
    const recordBytes = readUint32(bytes, at + LENGTH_AT);
    const fixed =
      HEADER_BYTES + (bytes[at + TAG_BYTES_AT] as number) + readUint16(bytes, at + ATTRIBUTES_BYTES_AT);
    if (recordBytes < fixed || recordBytes > left) {
      return false;
    }
    at += recordBytes;
  }
  return at === length;
}
