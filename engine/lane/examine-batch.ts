/** Whether the log still has a batch as it was stored: a consumer's client has met one that it cannot decode. */
import { SLOT_BYTES } from '../../native-free/wire/index.js';
import { soundBatches } from '../batch/sound-batches.js';
import type { IndexEntry } from '../queue/index.js';
import { type LogSources, type MetDamage, type ReadQueue, throwUnlessDamage } from './damage.js';
import type { Lane } from './lane.js';

/**
 * The damage of the batch at `offset`, in its header or its body. null: it has none, or a read is to find it.
 * `entry`: what the batch is found with. Throws disk errors.
 */
export function examineBatch(
  { queueIndex, queueTable, logReader }: LogSources,
  { ring, persisted }: Lane,
  { topic, queueId, slot }: ReadQueue,
  offset: number,
  entry: IndexEntry,
): MetDamage | null {
  const isOurs = !topic.dead && queueTable.topicId(slot) === topic.topicId;
  try {
    if (!persisted || !isOurs || !queueIndex.find(slot, offset, entry)) {
      return null;
    }
    const { position } = entry;
    const length = entry.slots * SLOT_BYTES;
    // What is not on the disk yet is not damaged there.
    if (entry.baseOffset > offset || position + length > ring.toBytes(ring.flushed())) {
      return null;
    }
    const bytes = new Uint8Array(length);
    const got = logReader.read(position, length, bytes, 0);
    if (
      position < logReader.oldestPosition ||
      soundBatches(bytes, position, got, ring.spanBytes) === length
    ) {
      return null;
    }
    return {
      topic,
      queueId,
      offset: entry.baseOffset,
      damage: `log position ${position}: the batch does not match its checksums`,
      damagePosition: position,
      damageBytes: length,
    };
  } catch (error) {
    throwUnlessDamage(error);
    // A read finds it.
    return null;
  }
}
