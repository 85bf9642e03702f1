/** Stamped batches for tests, made by the client's own builder. */
import { BatchBuilder, type OutgoingMessage, RECORDS_AT } from '../../native-free/client/internal.js';
import { BATCH, FRAME_HEADER_BYTES, writeUint32, writeUint64 } from '../../native-free/wire/index.js';

export interface Stamp {
  queueId?: number;
  baseOffset?: number;
  position?: number;
  storeTime?: number;
}

/** One batch of these messages as the broker would deliver it. */
export function stampedBatch(messages: readonly OutgoingMessage[], stamp: Stamp = {}): Uint8Array {
  const builder = new BatchBuilder(1 << 20);
  for (const message of messages) {
    if (!builder.append(message, message.bornTime ?? 1_700_000_000_000)) {
      throw new Error('does not fit');
    }
  }
  builder.seal();
  builder.address(
    { topicId: 7, queueId: stamp.queueId ?? 0, attributes: 0 },
    { idLow: 1, idHigh: 2, epoch: 0 },
    1,
  );
  const batch = builder.bytes.slice(FRAME_HEADER_BYTES, builder.at);
  writeUint64(batch, BATCH.baseOffset, stamp.baseOffset ?? 0);
  writeUint64(batch, BATCH.position, stamp.position ?? 0);
  writeUint64(batch, BATCH.storeTime, stamp.storeTime ?? 1_700_000_000_001);
  writeUint32(batch, BATCH.epoch, 1);
  return batch;
}

export { RECORDS_AT };
