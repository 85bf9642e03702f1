/** A loop over messages, on top of one over batches. */
import { RecordSlab } from '../../batch/record-slab.js';
import { DONE } from './batch-loop.js';
import type { BatchInfo, ReceivedBatch } from './message.js';
import type { ConsumedMessage } from './types.js';

/** `isEnding`: nothing more is to be handed out, also of the batch at hand. */
export function messageLoop(
  batches: AsyncIterableIterator<ReceivedBatch, undefined, undefined>,
  isEnding: () => boolean,
): AsyncIterator<ConsumedMessage, undefined, undefined> {
  const slab = new RecordSlab();
  let messages: Iterator<ConsumedMessage, undefined> | null = null;
  let info: BatchInfo | null = null;
  const nextBatch = async (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
    const batch = await batches.next();
    if (batch.done === true) {
      return DONE;
    }
    messages = batch.value.owned(slab);
    info = batch.value.info;
    return next();
  };
  const next = (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
    const message = messages?.next();
    if (message === undefined || message.done === true) {
      return nextBatch();
    }
    // What was taken away or ended while the batch was being read is not handed out any more.
    if (isEnding() || info?.held !== true) {
      return nextBatch();
    }
    return Promise.resolve(message);
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
