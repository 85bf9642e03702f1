/**
 * What keeps messages of memory topics in their ring. There is no file behind it, so the gate must wait for
 * consumers that are at work: each thread holds the lowest position its readers still want. A reader loses
 * its hold, and then messages, when it has not moved for `holdMs`, so that one stuck consumer does not stop
 * its topic for good; and beyond half of the ring as soon as a writer of another topic needs the room
 * (memory-share.ts).
 */
import type { QueueTable } from '../queue/index.js';
import { WORD } from '../ring/index.js';
import type { Lane } from './lane.js';
import { shareOf } from './memory-share.js';
import type { LaneReader } from './queue-reader.js';

/** Updates the thread's hold to what its readers want now. True when that is news to a writer that waits for them. */
export function holdForReaders(
  lane: Lane,
  table: QueueTable,
  readers: ReadonlySet<LaneReader>,
  now: number,
  holdMs: number,
): boolean {
  const { ring } = lane;
  if (readers.size === 0) {
    lane.reader.holdIsFor(0);
    lane.reader.releaseHold();
  } else {
    const wanted = Atomics.load(ring.control, WORD.wanted);
    const reach = (ring.head() - shareOf(ring)) | 0;
    // Before the readers are looked at: whatever is indexed after this lies behind it.
    const indexed = ring.indexed();
    let lowest = indexed;
    let topicId = 0;
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
      if (wanted !== 0 && wanted !== reader.topic.topicId && ((reader.holdAt - reach) | 0) < 0) {
        reader.holdAt = reach;
      }
      if (((reader.holdAt - lowest) | 0) < 0) {
        lowest = reader.holdAt;
        topicId = reader.topic.topicId;
      }
    }
    lane.reader.holdIsFor(topicId);
    if (!lane.reader.hold(lowest)) {
      lane.reader.holdRest();
    }
  }
  return Atomics.exchange(ring.control, WORD.shareWanted, 0) !== 0;
}
