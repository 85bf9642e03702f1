import { lineOfMessage } from '../broker/api/message-json.js';
import type { ConsumedMessage, MessageBatch } from '../native-free/client/index.js';

const NEWLINE = 10;

/** The text of some messages, and where each of them ends in it. */
export interface PrintedMessages {
  bytes: Buffer;
  /** End of the n-th message's line; what lies before it is that message and those ahead of it. */
  ends: number[];
  messages: ConsumedMessage[];
}

/** Up to `limit` messages of a batch as `ringmq sub` prints them: bodies as they are, or JSON, each with `\n` behind it. */
export function formatBatch(batch: MessageBatch, json: boolean, limit: number): PrintedMessages {
  const messages: ConsumedMessage[] = [];
  for (const message of batch) {
    if (messages.length === limit) {
      break;
    }
    messages.push(message);
  }
  const ends: number[] = [];
  if (json) {
    const lines = messages.map((message) => Buffer.from(`${lineOfMessage(message)}\n`));
    let end = 0;
    for (const line of lines) {
      end += line.length;
      ends.push(end);
    }
    return { bytes: Buffer.concat(lines), ends, messages };
  }
  const total = messages.reduce((sum, message) => sum + message.bodyLength + 1, 0);
  const bytes = Buffer.allocUnsafe(total);
  let end = 0;
  for (const message of messages) {
    if (message.body !== null) {
      bytes.set(message.body, end);
    }
    end += message.bodyLength;
    bytes[end++] = NEWLINE;
    ends.push(end);
  }
  return { bytes, ends, messages };
}
