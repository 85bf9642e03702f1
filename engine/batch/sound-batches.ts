/** How much of what was read from a log's files can be given away as it is. */
import { crc32 } from '../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  readUint32,
  slotAligned,
} from '../../native-free/wire/batch-layout.js';
import { headerIsValid } from './header.js';

/**
 * Bytes of whole batches and pads with the right checksums at the start of `bytes`, which lie at log position
 * `position`: `most` of them at most, unless the first has more. None is of an epoch below the one before it,
 * the first not below `epoch`: such a one shows through where a write was lost.
 */
export function soundBatches(
  bytes: Uint8Array,
  position: number,
  most: number,
  spanBytes: number,
  epoch = 0,
): number {
  let leastEpoch = epoch;
  let done = 0;
  while (done < Math.min(bytes.length, most) && headerIsValid(bytes, done, position + done)) {
    const length = readUint32(bytes, done + BATCH.length);
    const left = spanBytes - ((position + done) % spanBytes);
    const own = readUint32(bytes, done + BATCH.epoch);
    // Compared before it is rounded up: a length near 2^32 does not survive the rounding.
    if (length > left || own < leastEpoch || !bodyIsSound(bytes, done, length)) {
      break;
    }
    const end = done + slotAligned(length);
    if (end > bytes.length || (done > 0 && end > most)) {
      break;
    }
    leastEpoch = own;
    done = end;
  }
  return done;
}

/** Whether the records, or what else stands behind the header at `at`, are what was written. A pad has nothing. */
export function bodyIsSound(bytes: Uint8Array, at: number, length: number): boolean {
  return (
    bytes[at + BATCH.type] === BATCH_TYPE.pad ||
    crc32(bytes, at + BATCH_HEADER_BYTES, at + length) === readUint32(bytes, at + BATCH.bodyCrc)
  );
}
