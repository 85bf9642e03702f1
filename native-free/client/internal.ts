/** What the embedded broker and tests need beside the public entry. Not exported from the package. */

export { BatchBuilder, RECORDS_AT } from '../batch/batch-builder.js';
export * from '../batch/batch-reader.js';
export { messageId, messageIdPrefix } from '../wire/message-id.js';
export { abortable, abortError, throwIfAborted } from './abort.js';
export { ask } from './ask.js';
export type { Brokers } from './brokers.js';
export { createClient, LinkedClient, startClient } from './client.js';
export { ClusterBrokers } from './cluster/cluster-brokers.js';
export { connectBrokers } from './connect-brokers.js';
export { parseFilter, TagFilter } from './consume/filter.js';
export { OffsetTracker } from './consume/offset-tracker.js';
export type { Connection } from './link/connection.js';
export { controlFrame, controlPayload } from './link/control-codec.js';
export { userOf } from './link/credentials.js';
export { Greeting } from './link/greeting.js';
export type { Link, LinkFactory } from './link/link.js';
export type { LinkUser } from './link/link-user.js';
export { ScramUser } from './link/scram-login.js';
export { webSocketLinks } from './link/websocket-link.js';
export { callbackOption, isOptionsObject, kindOf, signalOption, takeCallOptions } from './options.js';
export { PageWalk } from './page-walk.js';
export { ChosenId } from './produce/producer-ids.js';
export { shardingHash } from './produce/sharding-hash.js';
export { brokersOf, SendingClient } from './sending-client.js';
export type * from './types.js';
