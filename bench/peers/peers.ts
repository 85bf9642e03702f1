/** Every system the suite knows. */
import { artemis } from './artemis.js';
import { kafka } from './kafka.js';
import { nats } from './nats.js';
import type { Peer } from './peer.js';
import { rabbitmq } from './rabbitmq.js';
import { redis } from './redis.js';
import { ringmq } from './ringmq.js';
import { rocketmq } from './rocketmq.js';
import { zeromq } from './zeromq.js';

export const PEERS: readonly Peer[] = [ringmq, kafka, rocketmq, nats, redis, rabbitmq, artemis, zeromq];
