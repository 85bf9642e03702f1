/** The messages the micro cases handle, and batches of them as a producer sends them. */
import { BatchBuilder } from '../../native-free/client/internal.js';
import type { OutgoingMessage } from '../../native-free/client/types.js';
import { FRAME_HEADER_BYTES } from '../../native-free/wire/index.js';

export const BATCH_BYTES = 32 * 1024;
export const BORN_TIME = 1_700_000_000_000;

export const MESSAGE_100: OutgoingMessage = { topic: 't', body: new Uint8Array(100).fill(7) };
export const TAGGED_TEXT: OutgoingMessage = {
  topic: 't',
  body: 'a text of about forty characters, plain.',
  tag: 'paid',
  keys: ['o-1'],
};

/** A frame full of a message, sealed and addressed to queue 0 of topic 1. */
export function frameOf(message: OutgoingMessage, capacity = BATCH_BYTES): Uint8Array {
  const builder = new BatchBuilder(capacity);
  while (builder.append(message, BORN_TIME)) {}
  builder.seal();
  builder.address({ topicId: 1, queueId: 0, attributes: 0 }, { idLow: 1, idHigh: 0, epoch: 0 }, 0);
  return builder.frame(1).slice();
}

/** The batch in such a frame. */
export function batchOf(message: OutgoingMessage, capacity = BATCH_BYTES): Uint8Array {
  return frameOf(message, capacity).slice(FRAME_HEADER_BYTES);
}
