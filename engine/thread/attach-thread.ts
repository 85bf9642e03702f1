/** Taking part in a broker that another thread of the process has opened. */
import { threadId } from 'node:worker_threads';
import { RingMQError } from '../../native-free/wire/index.js';
import { ChannelPort } from '../control/channel-port.js';
import { type BrokerHandle, isBrokerHandle } from '../handle.js';
import { SeatTable } from '../ring/index.js';
import { BROKER_WORD } from '../term/shared-words.js';
import { BrokerThread } from './broker-thread.js';
import { makeThreadParts } from './thread-parts.js';

/**
 * Takes a seat for the calling thread, which statistics call `name`.
 * @throws RingMQError BAD_ARGUMENT when `handle` is none; BROKER_CLOSED; BROKER_BUSY when all seats are
 * taken.
 */
export function attachThread(handle: BrokerHandle, name: string): BrokerThread {
  if (!isBrokerHandle(handle)) {
    throw new RingMQError('BAD_ARGUMENT', 'attach() takes what broker.handle() gave, in the same process');
  }
  if (Atomics.load(new Int32Array(handle.brokerWords), BROKER_WORD.closing) !== 0) {
    throw new RingMQError('BROKER_CLOSED');
  }
  const seats = new SeatTable(handle.seats);
  const seat = seats.take(threadId);
  if (seat < 0) {
    throw new RingMQError(
      'BROKER_BUSY',
      `all ${seats.maxThreads} seats of the broker are taken; close clients, or open it with more maxThreads`,
      { details: { limit: seats.maxThreads } },
    );
  }
  const thread = new BrokerThread(
    makeThreadParts(handle, seats, seat),
    (mySeat, listener) => new ChannelPort(handle.channel, mySeat, listener),
  );
  thread.introduce(name);
  return thread;
}
