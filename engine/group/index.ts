export { DEFAULT_GROUP_RETENTION_MS, REVOKE_TIMEOUT_MS } from './coordinator-options.js';
export { GroupAges } from './group-ages.js';
export { GroupCoordinator } from './group-coordinator.js';
export { GroupOffsets } from './offsets.js';
export { startOffset } from './queue-starts.js';
export { GENERATIONS_PER_EPOCH } from './settling.js';
export type { Reader } from './topic-share.js';
