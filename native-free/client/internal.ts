/** What the embedded broker and tests need beside the public entry. Not exported from the package. */
export { abortable, abortError, throwIfAborted } from './abort.js';
export { BatchBuilder, RECORDS_AT } from './batch-builder.js';
export * from './batch-reader.js';
export { createClient, startClient } from './client.js';
export { controlFrame, controlPayload, headerFrame } from './control-codec.js';
export { parseFilter, TagFilter } from './filter.js';
export { messageId, messageIdPrefix } from './message-id.js';
export { OffsetTracker } from './offset-tracker.js';
export { shardingHash } from './topic-route.js';
export type * from './types.js';
export { webSocketLinks } from './websocket-link.js';
