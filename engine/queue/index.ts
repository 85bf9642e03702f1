export { IndexEntry } from './index-entry.js';
export { type IndexDisk, IndexFiles } from './index-files.js';
export { IndexStage } from './index-stage.js';
export { trimIndex } from './index-trim.js';
export { openSlots } from './open-slots.js';
export { createProducerMemory } from './producer-table.js';
export { QueueIndex } from './queue-index.js';
export {
  createQueueTableMemory,
  QueueTable,
  type QueueTableMemory,
} from './queue-table.js';
export { LANE, QUEUE_STATE } from './queue-table-layout.js';
export { createResultMemory, ResultRing } from './result-ring.js';
export { RESULT_CAPACITY } from './result-ring-layout.js';
export { HELD_MS } from './store-time.js';
export { queueEndsIn, queueEndsOf, type TableSnapshot } from './table-snapshot.js';
