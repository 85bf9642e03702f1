export { assignQueues, NOBODY } from './assignment.js';
export {
  type CoordinatorHooks,
  type CoordinatorOptions,
  DEFAULT_GROUP_RETENTION_MS,
  DEFAULT_MAX_GROUPS,
  DEFAULT_MAX_MEMBERS_PER_GROUP,
  type HeldQueue,
  type JoinRequest,
  REVOKE_TIMEOUT_MS,
} from './coordinator-options.js';
export { normalizeFilter } from './filter.js';
export { GroupAges, START_GRACE_MS } from './group-ages.js';
export { GroupCoordinator } from './group-coordinator.js';
export { GroupOffsets, type OffsetStore } from './offsets.js';
export { startOffset } from './queue-starts.js';
export { GENERATIONS_PER_EPOCH } from './settling.js';
export { OWNERSHIP, type Reader, type SharedTopic, TopicShare } from './topic-share.js';
