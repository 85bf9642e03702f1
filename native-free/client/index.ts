/** `ringmq/client`: producers, consumers and administration, the same code in Node and in browsers. */
export { type ErrorCode, isRingMQError, RingMQError } from '../wire/index.js';
export { connect } from './connect.js';
export type * from './types.js';
