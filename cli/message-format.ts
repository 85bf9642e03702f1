import { isUtf8 } from 'node:buffer';
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
    const lines = messages.map((message) => Buffer.from(`${JSON.stringify(describe(message))}\n`));
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

function describe(message: ConsumedMessage): Record<string, unknown> {
  const common = {
    topic: message.topic,
    ...(message.brokerSet === undefined ? {} : { brokerSet: message.brokerSet }),
    queueId: message.queueId,
    offset: message.offset,
    messageId: message.messageId,
    bornTime: message.bornTime,
    storeTime: message.storeTime,
    tag: message.tag ?? null,
    keys: message.keys,
    shardingKey: message.shardingKey ?? null,
    properties: readableProperties(message),
  };
  const body = message.body;
  if (body === null) {
    return { ...common, body: null };
  }
  return isUtf8(body)
    ? { ...common, body: message.text() }
    : { ...common, bodyBase64: Buffer.from(body).toString('base64') };
}

/** Properties of bytes as base64: JSON has no bytes. */
function readableProperties(message: ConsumedMessage): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(message.properties).map(([name, value]): [string, string | number | boolean] => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ]),
  );
}
