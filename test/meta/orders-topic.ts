import type { ControlRecord } from '../../engine/meta/index.js';

/** A topic of four queues, as the log tells of it. */
export const ORDERS: ControlRecord = {
  type: 'topicCreated',
  topic: 'orders',
  topicId: 1,
  queues: 4,
  memory: false,
  createdTime: 5,
};
