/** Many messages sent by one call: one list of receipts, or one error that names what failed. */
import type { Receipt } from '../../wire/index.js';
import { abortable, throwIfAborted } from '../abort.js';
import { sendBatchError } from '../failures.js';
import { badArgument, kindOf } from '../options.js';
import type { OutgoingMessage, SendOptions } from '../types.js';
import { takeSendOptions } from './producer-settings.js';

/** As many sends as may wait for room: more would fail in part. */
const MAX_COUNT = 1_048_576;

/** All of them, holes too, as they are at the call. */
function itemsOf(messages: readonly OutgoingMessage[]): OutgoingMessage[] {
  let items: OutgoingMessage[] | undefined;
  let count = 0;
  try {
    if (Array.isArray(messages)) {
      count = messages.length;
      items = count > MAX_COUNT ? [] : Array.from(messages);
    }
  } catch {
    // A proxy that was revoked, say.
  }
  if (count > MAX_COUNT) {
    throw badArgument('messages', `has ${count} messages, the limit is ${MAX_COUNT}`, {
      limit: MAX_COUNT,
      value: count,
    });
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
  const { signal, ...each } = options === undefined ? {} : takeSendOptions(options);
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
