export { type MetaRecord, MetaState, type StoredTopic } from './meta-state.js';
export { MetaStore, type MetaStoreOptions } from './meta-store.js';
export { NOT_COMMITTED, OffsetTable } from './offset-table.js';
export {
  type CatalogTopic,
  checkName,
  DEFAULT_MAX_QUEUES,
  TopicCatalog,
  type TopicCatalogOptions,
  topicInfo,
} from './topic-catalog.js';
