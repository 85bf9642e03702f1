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
    const lines = messages.map((message) => Buffer.from(`${lineOf(message)}\n`));
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

/** All that a message is, so that `pub -i json` makes the same of it. What JSON has no form for, bytes, is base64 under a name of its own. */
function lineOf(message: ConsumedMessage): string {
  const { body } = message;
  const about = {
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
  };
  const bytes: Record<string, unknown> =
    body === null ? { body: null } : isUtf8(body) ? { body: message.text() } : { bodyBase64: base64(body) };
  const properties: string[] = [];
  const propertiesBase64: [string, string][] = [];
  for (const [name, value] of Object.entries(message.properties)) {
    if (value instanceof Uint8Array) {
      propertiesBase64.push([name, base64(value)]);
    } else {
      // JSON has a minus zero, JSON.stringify does not write it.
      properties.push(`${JSON.stringify(name)}:${Object.is(value, -0) ? '-0' : JSON.stringify(value)}`);
    }
  }
  if (propertiesBase64.length > 0) {
    bytes['propertiesBase64'] = Object.fromEntries(propertiesBase64);
  }
  const head = JSON.stringify(about).slice(0, -1);
  return `${head},"properties":{${properties.join(',')}},${JSON.stringify(bytes).slice(1)}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
