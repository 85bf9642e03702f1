/** Every system the suite knows. */
import { kafka } from './kafka.js';
import type { Peer } from './peer.js';
import { rocketmq } from './rocketmq.js';

export const PEERS: readonly Peer[] = [kafka, rocketmq];
