/** Many messages sent by one call: one list of receipts, or one error that names what failed. */
import type { Receipt } from '../../wire/index.js';
import { abortable, throwIfAborted } from '../abort.js';
import { sendBatchError } from '../failures.js';
import { badArgument, kindOf } from '../options.js';
import type { OutgoingMessage, SendOptions } from '../types.js';
import { takeSendOptions } from './producer-settings.js';

/** All of them, holes too, as they are at the call. */
function itemsOf(messages: readonly OutgoingMessage[]): OutgoingMessage[] {
  let items: OutgoingMessage[] | undefined;
  try {
    items = Array.isArray(messages) ? Array.from(messages) : undefined;
  } catch {
    // A proxy that was revoked, say.
  }
  if (items === undefined) {
    throw badArgument('messages', `must be an array of messages, not ${kindOf(messages)}`);
  }
  return items;
}

export async function sendAll(
  messages: readonly OutgoingMessage[],
  options: SendOptions | undefined,
  send: (message: OutgoingMessage, options: SendOptions | undefined) => Promise<Receipt>,
): Promise<Receipt[]> {
  const items = itemsOf(messages);
  // Rejections are looked at all together, so the signal is applied to the whole and not to each.
  const { signal, ...each } = takeSendOptions(options);
  throwIfAborted(signal);
  const sends = items.map((message) => send(message, options && each));
  const results = await abortable(Promise.allSettled(sends), signal);
  const receipts: Receipt[] = [];
  for (const result of results) {
    if (result.status === 'fulfilled') {
      receipts.push(result.value);
    }
  }
  if (receipts.length < items.length) {
    throw sendBatchError(results);
  }
  return receipts;
}
