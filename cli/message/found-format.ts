/** Messages that were found, as the command prints them. */
import { isUtf8 } from 'node:buffer';
import { lineOfMessage } from '../../broker/api/message-json.js';
import type { FoundMessage } from '../../native-free/client/index.js';
import { queueName, tableText } from '../output.js';

export const SHOWN = ['table', 'text', 'json', 'hex', 'csv', 'ndjson'] as const;
export type Shown = (typeof SHOWN)[number];

/** Of a body, in a line of the table. */
const PREVIEW_CHARACTERS = 60;
/** Bytes of a line of hex. */
const HEX_BYTES = 16;

const CSV_HEAD =
  'brokerSet,queueId,offset,messageId,storeTime,bornTime,tag,keys,shardingKey,properties,body,bodyBase64\n';

/** Whether all of each body is needed, and not only its beginning. */
export function needsWhole(shown: Shown): boolean {
  return shown !== 'table';
}

export function headOf(shown: Shown): string {
  return shown === 'csv' ? CSV_HEAD : '';
}

/** A page of messages. `ndjson`: what `sub -o json` prints. */
export function formatFound(shown: Shown, topic: string, messages: readonly FoundMessage[]): Uint8Array {
  if (shown === 'text') {
    const newline = Buffer.from('\n');
    return Buffer.concat(messages.flatMap(({ body }) => [body ?? new Uint8Array(0), newline]));
  }
  return Buffer.from(textOf(shown, topic, messages));
}

function textOf(shown: Exclude<Shown, 'text'>, topic: string, messages: readonly FoundMessage[]): string {
  switch (shown) {
    case 'table':
      return messages.length === 0 ? '' : tableOf(messages);
    case 'hex':
      return messages.map((message) => `${titleOf(message)}\n${hexOf(message.body)}\n`).join('');
    case 'json':
      return messages.map((message) => `${titleOf(message)}\n${jsonOf(message.body)}\n`).join('');
    case 'csv':
      return messages.map(csvOf).join('');
    default:
      return messages.map((message) => `${lineOfMessage({ topic, ...message })}\n`).join('');
  }
}

/** A producer may say any time, also one that no calendar has. */
function momentOf(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms after 1970` : date.toISOString();
}

/** Everything of one message. */
export function detailsOf(topic: string, message: FoundMessage): string {
  const { tag, keys, shardingKey, properties, body, bodyBytes } = message;
  const rows: [string, string][] = [
    ['topic', topic],
    ['queue', String(queueName(message))],
    ['offset', String(message.offset)],
    ['id', message.messageId],
    ['stored', new Date(message.storeTime).toISOString()],
    ['born', momentOf(message.bornTime)],
    ...(tag === null ? [] : [['tag', printable(tag)] as [string, string]]),
    ...keys.map((key): [string, string] => ['key', printable(key)]),
    ...(shardingKey === null ? [] : [['sharding key', printable(shardingKey)] as [string, string]]),
    ...Object.entries(properties).map(([name, value]): [string, string] => [
      'property',
      `${printable(name)} = ${value instanceof Uint8Array ? Buffer.from(value).toString('base64') : printable(String(value))}`,
    ]),
    ['body', body === null ? 'none' : `${bodyBytes.toLocaleString('en')} bytes`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const head = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
  if (body === null || body.length === 0) {
    return head;
  }
  return `${head}\n${isUtf8(body) ? `${readable(body)}\n` : hexOf(body)}`;
}

function tableOf(messages: readonly FoundMessage[]): string {
  return tableText(
    ['STORED', 'QUEUE', 'OFFSET', 'TAG', 'KEYS', 'BYTES', 'BODY'],
    messages.map((message) => [
      new Date(message.storeTime).toISOString(),
      queueName(message),
      message.offset,
      message.tag === null ? null : printable(message.tag),
      message.keys.length === 0 ? null : printable(message.keys.join(' ')).slice(0, PREVIEW_CHARACTERS),
      message.bodyBytes,
      previewOf(message),
    ]),
  );
}

function previewOf({ body, bodyBytes }: FoundMessage): string | null {
  if (body === null) {
    return null;
  }
  const text = printable(new TextDecoder().decode(body));
  const isCut = text.length > PREVIEW_CHARACTERS || body.length < bodyBytes;
  return isCut ? `${text.slice(0, PREVIEW_CHARACTERS)}…` : text;
}

/** On one line, and without what a terminal would obey. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
}

/** Text of a body for people: its lines stay, what a terminal would obey does not. */
function readable(body: Uint8Array): string {
  return new TextDecoder().decode(body).replaceAll(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
}

function titleOf(message: FoundMessage): string {
  return `${new Date(message.storeTime).toISOString()}  queue ${queueName(message)}  offset ${message.offset}  ${message.messageId}`;
}

function jsonOf(body: Uint8Array | null): string {
  if (body === null) {
    return 'no body';
  }
  try {
    // Written anew: JSON escapes what a terminal would obey.
    return JSON.stringify(JSON.parse(new TextDecoder().decode(body)), null, 2);
  } catch {
    return isUtf8(body) ? readable(body) : hexOf(body).trimEnd();
  }
}

/** As `hexdump -C` has it. */
export function hexOf(body: Uint8Array | null): string {
  if (body === null) {
    return 'no body\n';
  }
  let text = '';
  for (let at = 0; at < body.length; at += HEX_BYTES) {
    const line = body.subarray(at, at + HEX_BYTES);
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, '0'));
    const left = hex.slice(0, 8).join(' ').padEnd(23);
    const right = hex.slice(8).join(' ').padEnd(23);
    const seen = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'));
    text += `${at.toString(16).padStart(8, '0')}  ${left}  ${right}  |${seen.join('')}|\n`;
  }
  return text === '' ? 'an empty body\n' : text;
}

/** One row; lists and properties as JSON. */
function csvOf(message: FoundMessage): string {
  const line = JSON.parse(lineOfMessage({ topic: '', ...message })) as Record<string, unknown>;
  const { body, bodyBase64, properties, propertiesBase64, keys, tag, shardingKey } = line;
  const cells = [
    message.brokerSet ?? '',
    message.queueId,
    message.offset,
    message.messageId,
    message.storeTime,
    message.bornTime,
    tag ?? '',
    JSON.stringify(keys),
    shardingKey ?? '',
    JSON.stringify({ ...(properties as object), ...(propertiesBase64 as object | undefined) }),
    body ?? '',
    bodyBase64 ?? '',
  ];
  return `${cells.map(csvCell).join(',')}\n`;
}

/** RFC 4180. What a spreadsheet would take for a formula stays text by the quote in front. */
function csvCell(value: unknown): string {
  const text = String(value);
  const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
