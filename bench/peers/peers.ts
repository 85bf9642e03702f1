/** Every system the suite knows. */
import { artemis } from './artemis.js';
import { kafka } from './kafka.js';
import type { Peer } from './peer.js';
import { ringmq } from './ringmq.js';
import { rocketmq } from './rocketmq.js';

export const PEERS: readonly Peer[] = [ringmq, kafka, rocketmq, artemis];
