/** Where a reader that is far behind finds its queue in memory: it may read the old part elsewhere meanwhile. */
import type { IndexEntry, QueueIndex } from '../queue/index.js';
import type { Lane } from './lane.js';

/** What is less than this part of the ring behind it is near. */
const NEAR_PART = 4;

/** `QueueReader.recent`, described there, for a reader at `offset`. `entry`: what batches are found with. */
export function recentPlace(
  queueIndex: QueueIndex,
  lane: Lane,
  slot: number,
  offset: number,
  entry: IndexEntry,
): { offset: number; position: number } | null {
  const { ring, persisted } = lane;
  const gate = ring.toBytes(ring.gate());
  try {
    if (!persisted || !queueIndex.find(slot, offset, entry)) {
      return null;
    }
    // Nearer than that it is not worth another connection, and going there and back again would not end.
    if (gate - entry.position < ring.bytes.length / NEAR_PART) {
      return null;
    }
    // The middle of what is there: the gate moves on before somebody has come so far.
    const position = gate + (ring.toBytes(lane.committed()) - gate) / 2;
    return { offset: queueIndex.findByPosition(slot, position, entry), position };
  } catch {
    // The index cannot be read now. Whoever reads on meets that.
    return null;
  }
}
