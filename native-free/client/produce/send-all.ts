/** Many messages sent by one call: one list of receipts, or one error that names what failed. */
import type { Receipt } from '../../wire/index.js';
import { abortable, throwIfAborted } from '../abort.js';
import { sendBatchError } from '../failures.js';
import { badArgument, kindOf } from '../options.js';
import type { OutgoingMessage, SendOptions } from '../types.js';
import { checkSendOptions } from './producer-settings.js';

export async function sendAll(
  messages: readonly OutgoingMessage[],
  options: SendOptions | undefined,
  send: (message: OutgoingMessage, options: SendOptions | undefined) => Promise<Receipt>,
): Promise<Receipt[]> {
  if (!Array.isArray(messages)) {
    throw badArgument('messages', `must be an array of messages, not ${kindOf(messages)}`);
  }
  if (options !== undefined) {
    checkSendOptions(options);
    throwIfAborted(options.signal);
  }
  // Rejections are looked at all together, so the signal is applied to the whole and not to each.
  const sends = messages.map((message) => send(message, options && { ...options, signal: undefined }));
  const results = await abortable(Promise.allSettled(sends), options?.signal);
  const receipts: Receipt[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') {
      receipts.push(result.value);
    }
  }
  if (receipts.length < messages.length) {
    throw sendBatchError(results);
  }
  return receipts;
}
