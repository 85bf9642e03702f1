export { controlBatches, maxControlBytes, recordsOf } from './control-batch.js';
export {
  type ControlRecord,
  QUEUE_NUMBERS,
  type QueueNumbers,
  type TopicCreatedRecord,
} from './control-records.js';
export { EpochHistory, type EpochStart } from './epoch-history.js';
export { MetaState, type StoredTopic } from './meta-state.js';
export {
  MAX_NODE_OPENINGS,
  MAX_NODE_SLAVES,
  NEVER_OWN,
  NODE_FILE,
  type NodeFacts,
  readNode,
  writeNode,
} from './node-file.js';
export { NOT_COMMITTED, OffsetTable } from './offset-table.js';
export type { QueueEnd } from './queue-ends.js';
export { decodeRecords, encodeRecords } from './record-codec.js';
export { decodeState, encodeState, readState, type StoredState } from './state-file.js';
export {
  type CatalogTopic,
  checkName,
  DEFAULT_MAX_QUEUES,
  TopicCatalog,
  type TopicCatalogOptions,
  topicInfo,
} from './topic-catalog.js';
export type { TopicTombstone } from './topic-tombstones.js';
export { STATE_FILE, writeState } from './write-state.js';
