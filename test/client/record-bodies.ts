/** What arrived in the records of a batch that a client packed. */
import { expect } from 'vitest';
import { producedRecordsFault } from '../../native-free/batch/produced-batch.js';
import { BATCH_HEADER_BYTES, RECORD, RECORD_HEADER_BYTES, readUint32 } from '../../native-free/wire/index.js';

/** Bodies of a batch's records, all of which must be sound. */
export function bodiesIn(bytes: Uint8Array): string[] {
  expect(producedRecordsFault(bytes)).toBe(0);
  const bodies: string[] = [];
  for (let at = BATCH_HEADER_BYTES; at < bytes.length; ) {
    const end = at + readUint32(bytes, at + RECORD.length);
    const sizes = readUint32(bytes, at + RECORD.flags);
    const body = at + RECORD_HEADER_BYTES + ((sizes >>> 8) & 0xff) + (sizes >>> 16);
    bodies.push(new TextDecoder().decode(bytes.subarray(body, end)));
    at = end;
  }
  return bodies;
}
