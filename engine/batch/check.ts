/**
 * What is looked at before a batch may enter the ring: nothing that fails here is stored, and nothing that
 * passes can crash a stage, a recovery or a consumer. What a batch and its records must be is
 * `native-free/batch`'s to say, which clients read by.
 */
import { producedHeaderFault, producedRecordsFault } from '../../native-free/batch/produced-batch.js';
import { crc32 } from '../../native-free/checksum/crc32.js';
import { BATCH, BATCH_HEADER_BYTES, readUint32 } from '../../native-free/wire/batch-layout.js';
import { ERRORS } from '../../native-free/wire/errors.js';
import { MAX_BATCH_BYTES } from '../../native-free/wire/limits.js';

/**
 * Checks a batch as a producer sends it: `bytes` is exactly the batch. `hasTravelled`: its body may have
 * changed since its producer summed it up; one that was packed on this very thread has not. `isStored`: it
 * goes to a disk. The records of one that neither travels nor stays are left to its readers, who look at
 * them in any case: looking here, too, would cost a tenth of all that it costs to send it.
 * @returns 0, or the wire number of MESSAGE_TOO_LARGE, BAD_BATCH or BAD_CHECKSUM.
 */
export function checkBatch(bytes: Uint8Array, hasTravelled: boolean, isStored: boolean): number {
  const length = bytes.length;
  if (length > MAX_BATCH_BYTES) {
    return ERRORS.MESSAGE_TOO_LARGE.wire;
  }
  if (producedHeaderFault(bytes) !== null) {
    return ERRORS.BAD_BATCH.wire;
  }
  if (hasTravelled && crc32(bytes, BATCH_HEADER_BYTES, length) !== readUint32(bytes, BATCH.bodyCrc)) {
    return ERRORS.BAD_CHECKSUM.wire;
  }
  if (!hasTravelled && !isStored) {
    return 0;
  }
  return producedRecordsFault(bytes) === 0 ? 0 : ERRORS.BAD_BATCH.wire;
}
