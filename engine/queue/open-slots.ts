/** A topic's queues get their places in the queue table. */

import type { QueueTable } from './queue-table.js';
import { LANE } from './queue-table-layout.js';

/** Makes the topic's slots, from that of the queue with the number `from` on, homes of its queues. Control plane only. */
export function openSlots(
  table: QueueTable,
  { topicId, slots, memory }: { topicId: number; slots: Int32Array; memory: boolean },
  from: number,
): void {
  for (let queueId = from; queueId < slots.length; queueId++) {
    table.open(slots[queueId] as number, topicId, queueId, memory ? LANE.memory : LANE.log);
  }
}
