/** Control records as batches, as they go into the ring and lie in the log. */
import { crc32 } from '../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  BATCH_VERSION,
  RingMQError,
  readUint32,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';
import type { ControlRecord } from './control-records.js';
import { decodeRecords, encodeInPieces } from './record-codec.js';

/** No control batch is longer, so that none holds up a turn; in a log of small spans, no longer than one. */
const MAX_CONTROL_BATCH_BYTES = 256 * 1024;

/** What the records of one batch may take. `spanBytes`: the log's. */
export function maxControlBytes(spanBytes: number): number {
  return Math.min(spanBytes, MAX_CONTROL_BATCH_BYTES) - BATCH_HEADER_BYTES;
}

/**
 * `records`, in their order, in as few batches as it takes. `spanBytes`: the log's. `time`: ms since 1970, their born time.
 * @throws RingMQError BAD_ARGUMENT (a record that no batch has room for)
 */
export function controlBatches(
  records: Iterable<ControlRecord>,
  spanBytes: number,
  time: number,
): Uint8Array[] {
  const maxBytes = maxControlBytes(spanBytes);
  return encodeInPieces(records, maxBytes).map(({ bytes: body, count }) => {
    if (body.length > maxBytes) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `it takes ${body.length} bytes in the log, whose batches have ${maxBytes} for it: name fewer, or make the data directory anew with a larger spanBytes`,
        { details: { value: body.length, limit: maxBytes } },
      );
    }
    const batch = new Uint8Array(BATCH_HEADER_BYTES + body.length);
    batch.set(body, BATCH_HEADER_BYTES);
    writeUint32(batch, BATCH.length, batch.length);
    batch[BATCH.version] = BATCH_VERSION;
    batch[BATCH.type] = BATCH_TYPE.control;
    writeUint32(batch, BATCH.bodyCrc, crc32(batch, BATCH_HEADER_BYTES, batch.length));
    writeUint32(batch, BATCH.recordCount, count);
    writeUint64(batch, BATCH.bornTime, time);
    return batch;
  });
}

/** The records of a control batch. @throws RingMQError LOG_CORRUPT */
export function recordsOf(header: Uint8Array, body: Uint8Array): ControlRecord[] {
  return decodeRecords(body, readUint32(header, BATCH.recordCount));
}
