/** Whether a batch that lies in memory is of a queue, and whether a filter may want it. */
import { BATCH, BATCH_TYPE, readUint32 } from '../../native-free/wire/index.js';

export function isOfQueue(bytes: Uint8Array, at: number, topicId: number, queueId: number): boolean {
  return (
    bytes[at + BATCH.type] === BATCH_TYPE.data &&
    readUint32(bytes, at + BATCH.topicId) === topicId &&
    readUint32(bytes, at + BATCH.queueId) === queueId
  );
}

/** It has a tag among those of the filter's bits, or seems to; with all bits set everything matches. */
export function bloomMatches(bytes: Uint8Array, at: number, low: number, high: number): boolean {
  if ((low & high) === -1) {
    return true;
  }
  return (
    (readUint32(bytes, at + BATCH.tagBloom) & low) !== 0 ||
    (readUint32(bytes, at + BATCH.tagBloom + 4) & high) !== 0
  );
}
