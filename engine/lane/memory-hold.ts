/**
 * What keeps messages of memory topics in their ring. There is no file behind it, so the gate must wait for consumers
 * that are at work: each thread holds the lowest position its readers still want. A reader that has not moved for
 * `holdMs` loses its hold, and then messages; so one stuck consumer cannot stop everybody for good.
 */

import type { QueueTable } from '../queue/index.js';
import type { Lane } from './lane.js';
import type { LaneReader } from './queue-reader.js';

/** Updates the thread's hold to what its readers want now. */
export function holdForReaders(
  lane: Lane,
  table: QueueTable,
  readers: ReadonlySet<LaneReader>,
  now: number,
  holdMs: number,
): void {
  if (readers.size === 0) {
    lane.reader.releaseHold();
    return;
  }
  // Before the readers are looked at: whatever is indexed after this lies behind it.
  const indexed = lane.ring.indexed();
  let lowest = indexed;
  for (const reader of readers) {
    if (table.nextOffset(reader.slot) <= reader.offset) {
      reader.holdAt = indexed;
      reader.heldSince = 0;
      continue;
    }
    if (reader.heldSince === 0) {
      reader.heldSince = now;
    } else if (now - reader.heldSince > holdMs) {
      continue;
    }
    if (((reader.holdAt - lowest) | 0) < 0) {
      lowest = reader.holdAt;
    }
  }
  if (!lane.reader.hold(lowest)) {
    // Some of it has gone already: keep what is left.
    lane.reader.hold(lane.ring.limit());
  }
}
