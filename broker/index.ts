/** `ringmq`: the engine in your process, and the socket in front of it. */

export type { BrokerHandle } from '../engine/handle.js';
export type { EngineOptions as OpenBrokerOptions } from '../engine/options.js';
export * from '../native-free/client/index.js';
export { attach } from './attach.js';
export { Broker, type BrokerEvents } from './broker.js';
export type { ReplicationEvent } from './follower/follow.js';
export type { BrokerListener } from './listen.js';
export type { ListenOptions } from './listen-options.js';
export { type NameServer, type NameServerEvents, openNameServer } from './name-server.js';
export type { NameServerOptions } from './name-server-options.js';
export { openBroker } from './open-broker.js';
