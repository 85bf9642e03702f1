/** A loop over messages, on top of one over batches. */

import { DONE } from './batch-loop.js';
import { newSlab } from './new-slab.js';
import { oneAtATime } from './one-at-a-time.js';
import type { Reading } from './reading.js';
import type { ReceivedBatch } from './received-batch.js';
import type { ConsumedMessage } from './types.js';

/** `reading`: the one that is going on; null: it is over. */
export function messageLoop(
  batches: AsyncIterableIterator<ReceivedBatch, undefined, undefined>,
  reading: () => Reading | null,
): AsyncIterator<ConsumedMessage, undefined, undefined> {
  const slab = newSlab();
  let messages: Iterator<ConsumedMessage, undefined> | null = null;
  let batch: ReceivedBatch | null = null;
  /** The next message of the batch at hand; null: there is none. */
  const take = (): IteratorYieldResult<ConsumedMessage> | null => {
    if (batch !== null && messages !== null && !mayGoOn(batch, messages, reading())) {
      messages = null;
    }
    const message = messages?.next();
    return message === undefined || message.done === true ? null : message;
  };
  const takeOrWait = oneAtATime(async (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
    for (;;) {
      const message = take();
      if (message !== null) {
        return message;
      }
      const result = await batches.next();
      if (result.done === true) {
        return DONE;
      }
      batch = result.value;
      messages = batch.owned(slab);
    }
  });
  /** Calls that wait for a batch. What comes behind them must not overtake them. */
  let waitingCount = 0;
  const next = (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
    const message = waitingCount === 0 ? take() : null;
    if (message !== null) {
      return Promise.resolve(message);
    }
    waitingCount++;
    return takeOrWait().finally(() => {
      waitingCount--;
    });
  };
  return {
    next,
    return: async () => {
      messages = null;
      await batches.return?.();
      return DONE;
    },
  };
}

/**
 * May the next message of a batch that is being read be handed out? Not of one that was taken away, nor when it has ended, nor of a
 * paused queue: its rest waits.
 */
export function mayGoOn(
  batch: ReceivedBatch,
  messages: Iterator<ConsumedMessage, undefined>,
  reading: Reading | null,
): boolean {
  if (reading === null || reading.isEnding || !batch.info.held) {
    return false;
  }
  if (batch.info.hold.isPaused) {
    reading.putBack(batch, messages);
    return false;
  }
  return true;
}
