/** Messages as JSON, as `ringmq sub -o json`, `ringmq pub -i json` and HTTP have them. */
import { isUtf8 } from 'node:buffer';
import type { OutgoingMessage, PropertyValue } from '../../native-free/client/index.js';
import { MAX_BODY_BYTES, RingMQError } from '../../native-free/wire/index.js';
import { doubleKey } from '../double-key.js';

type Parts = Omit<OutgoingMessage, 'topic'>;

/** What a line may have beside what is sent: where and when a message was stored, as `sub -o json` prints it. */
const PASSED_OVER = new Set([...['topic', 'brokerSet', 'queueId', 'offset', 'messageId', 'storeTime']]);

const BYTE_ORDER_MARK = '\ufeff';

/** Some editors and shells begin a file with a byte order mark, which is no part of its first line. */
function textOf(line: Buffer, lineNumber: number): string {
  const text = line.toString();
  return lineNumber === 1 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

/** Nothing is in the line but what ends one on some systems, and blanks. */
export function isBlank(line: Buffer): boolean {
  return line.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

/**
 * The message of a line as `ringmq sub -o json` prints it: `{ body | bodyBase64, tag, keys, shardingKey,
 * properties, propertiesBase64, bornTime }`, all optional. Where it was stored before is passed over, so that
 * one's output is the other's input.
 * @throws RingMQError BAD_MESSAGE, with the line's number, for what is no such object
 */
export function messageOfJson(line: Buffer, lineNumber: number): Parts {
  const refuse = (why: string): RingMQError =>
    new RingMQError(
      'BAD_MESSAGE',
      `line ${lineNumber}: ${why}; write a line like {"body":"text","tag":"paid"}`,
      {
        details: { line: lineNumber },
      },
    );
  if (isBlank(line)) {
    throw refuse('it is empty');
  }
  const text = textOf(line, lineNumber);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`it is no JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse('it is no JSON object');
  }
  const double = doubleKey(text);
  if (double !== null) {
    throw refuse(`${JSON.stringify(double.slice(0, 100))} is in it twice`);
  }
  const parts: { -readonly [K in keyof Parts]: Parts[K] } = {};
  const properties: [string, PropertyValue][] = [];
  for (const [name, part] of Object.entries(value)) {
    if (PASSED_OVER.has(name) || part === null) {
      continue;
    }
    switch (name) {
      case 'body':
      case 'tag':
      case 'shardingKey':
        if (typeof part !== 'string') {
          throw refuse(`${name} is no text`);
        }
        parts[name] = part;
        break;
      case 'bodyBase64':
        parts.body = bytesOf(part) ?? fail(refuse('bodyBase64 is no base64'));
        break;
      case 'keys':
        if (!Array.isArray(part) || !part.every((key) => typeof key === 'string')) {
          throw refuse('keys is no list of texts');
        }
        parts.keys = part;
        break;
      case 'properties':
        properties.push(...(propertiesOf(part) ?? fail(refuse('a property is no text, number or boolean'))));
        break;
      case 'propertiesBase64':
        properties.push(...(bytePropertiesOf(part) ?? fail(refuse('a property of bytes is no base64'))));
        break;
      case 'bornTime':
        if (!Number.isSafeInteger(part) || (part as number) < 0) {
          throw refuse('bornTime is no whole number of milliseconds since 1970');
        }
        parts.bornTime = part as number;
        break;
      default:
        throw refuse(`there is no ${JSON.stringify(name.slice(0, 100))} in a message`);
    }
  }
  if (properties.length > 0) {
    parts.properties = Object.fromEntries(properties);
  }
  return parts;
}

/** A JSON line may be as long as a body whose every byte is written as an escape, and what goes with it. */
export const MAX_JSON_LINE_BYTES = 6 * MAX_BODY_BYTES + 1024 * 1024;

function bytesOf(text: unknown): Buffer | null {
  const isBase64 = typeof text === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0;
  return isBase64 ? Buffer.from(text, 'base64') : null;
}

function propertiesOf(value: unknown): [string, PropertyValue][] | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return null;
  }
  const entries = Object.entries(value);
  const isPart = ([, part]: [string, unknown]): boolean =>
    ['string', 'number', 'boolean'].includes(typeof part);
  return entries.every(isPart) ? entries : null;
}

function bytePropertiesOf(value: unknown): [string, PropertyValue][] | null {
  const entries = propertiesOf(value)?.map(([name, text]): [string, Buffer | null] => [name, bytesOf(text)]);
  return entries?.every((entry): entry is [string, Buffer] => entry[1] !== null) === true ? entries : null;
}

function fail(error: Error): never {
  throw error;
}

/** What a line tells of a message, consumed or found. */
export interface LineParts {
  readonly topic: string;
  readonly brokerSet?: string | undefined;
  readonly queueId: number;
  readonly offset: number;
  readonly messageId: string;
  readonly bornTime: number;
  readonly storeTime: number;
  readonly tag?: string | null | undefined;
  readonly keys: readonly string[];
  readonly shardingKey?: string | null | undefined;
  readonly properties: Readonly<Record<string, PropertyValue>>;
  readonly body: Uint8Array | null;
}

/** A mark at the beginning is a part of the text. */
const TEXT = new TextDecoder('utf-8', { ignoreBOM: true });

/** All that a message is, so that `pub -i json` makes the same of it. What JSON has no form for, bytes, is base64 under a name of its own. */
export function lineOfMessage(message: LineParts): string {
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
    body === null
      ? { body: null }
      : isUtf8(body)
        ? { body: TEXT.decode(body) }
        : { bodyBase64: base64(body) };
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
