/** Every system the suite knows. */
import { artemis } from './artemis.js';
import { kafka, replicatedKafka } from './kafka.js';
import { nats } from './nats.js';
import type { Peer } from './peer.js';
import { rabbitmq } from './rabbitmq.js';
import { redis } from './redis.js';
import { ringmq } from './ringmq.js';
import { replicatedRocketmq, rocketmq } from './rocketmq.js';
import { zeromq } from './zeromq.js';

export const PEERS: readonly Peer[] = [ringmq, kafka, rocketmq, nats, redis, rabbitmq, artemis, zeromq];

/** Those that keep a second copy, each with one more broker for it: what a cluster is compared with. */
export const REPLICATED_PEERS: readonly Peer[] = [replicatedKafka, replicatedRocketmq];
