/** What becomes of the queue index when old segments of the log are deleted. */
import { isRingMQError } from '../../native-free/wire/errors.js';
import { diskErrorCode } from '../disk/disk.js';
import { IndexEntry } from './index-entry.js';
import type { IndexFiles } from './index-files.js';
import type { QueueIndex } from './queue-index.js';
import type { QueueTable } from './queue-table.js';
import { COMMON_F, COMMON_LINE_BYTES, LANE, QUEUE_STATE } from './queue-table-layout.js';

/**
 * Moves the queues' minOffset up to their first batch at or above `minLogPosition`, and says which index
 * blocks nobody needs any more. Their files are deleted (`IndexFiles.deleteBelow`) when a snapshot that says
 * so is durable. One thread at a time. A queue that cannot be trimmed keeps no other from it: the first error
 * is thrown when all else is done.
 * @throws the disk's errors; RingMQError LOG_CORRUPT (an index block cannot be read), BROKER_BUSY
 */
export function trimIndex(
  table: QueueTable,
  index: QueueIndex,
  files: IndexFiles,
  minLogPosition: number,
): void {
  const entry = new IndexEntry();
  let failure: unknown = null;
  for (let slot = 0; slot < table.usedSlots; slot++) {
    if (table.state(slot) !== QUEUE_STATE.open || table.lane(slot) !== LANE.log) {
      continue;
    }
    try {
      if (index.first(slot, entry) && entry.position < minLogPosition) {
        table.setMinOffset(slot, index.findByPosition(slot, minLogPosition, entry));
      }
    } catch (error) {
      if (!isRingMQError(error) && diskErrorCode(error) === undefined) {
        throw error;
      }
      failure ??= error;
    }
  }
  const line = (LANE.log * COMMON_LINE_BYTES) / 8;
  const first = table.common[line + COMMON_F.firstBlock] as number;
  table.common[line + COMMON_F.firstBlock] = files.firstNeeded(
    first,
    table.common[line + COMMON_F.nextBlock] as number,
    minLogPosition,
  );
  if (failure !== null) {
    throw failure;
  }
}
