/** What a message may consist of, and the words for what it may not. */
import { MAX_BODY_BYTES, RingMQError } from '../wire/index.js';
import type { OutgoingMessage } from './outgoing-message.js';
import { byteCount, viewedBytes } from './true-bytes.js';

/** A message that breaks a limit or has a part of the wrong kind. */
export function badMessage(part: string, what: string, details: Record<string, unknown> = {}): RingMQError {
  return new RingMQError('BAD_MESSAGE', `${part} ${what}`, { details: { part, ...details } });
}

/** Throws `BAD_MESSAGE` for what is no message at all. */
export function checkIsObject(message: unknown): void {
  if (typeof message === 'object' && message !== null) {
    return;
  }
  const kind = message === null ? 'null' : typeof message;
  throw badMessage('message', `must be an object with a topic, not ${kind}`);
}

/** Parts of messages that later versions have. They are refused and not ignored: a delay that is no delay would be a wrong result. */
const LATER: ReadonlySet<string> = new Set(['delayMs', 'deliverAt', 'ttlMs', 'priority']);

/** What a part of that name is called here. */
const MEANT: ReadonlyMap<string, string> = new Map([
  ['key', 'keys, or shardingKey for messages that must stay in order'],
  ['value', 'body'],
  ['payload', 'body'],
  ['data', 'body'],
  ['headers', 'properties'],
  ['tags', 'tag'],
  ['partition', "queueId, in the call's options"],
  ['queueId', "queueId in the call's options, the second argument"],
  ['flush', "flush in the call's options, the second argument"],
  ['signal', "signal in the call's options, the second argument"],
  ['messageGroup', 'shardingKey'],
  ['timestamp', 'bornTime'],
]);

/**
 * Throws for a part that messages do not have: `BAD_MESSAGE`, or `NOT_SUPPORTED` for one that later versions
 * have. Only for what is the message's own; undefined counts as absent.
 */
export function checkParts(message: OutgoingMessage): void {
  for (const part in message) {
    switch (part) {
      case 'topic':
      case 'body':
      case 'tag':
      case 'keys':
      case 'properties':
      case 'shardingKey':
      case 'bornTime':
        break;
      default:
        refusePart(message, part);
    }
  }
}

function refusePart(message: object, part: string): void {
  if ((message as Record<string, unknown>)[part] === undefined) {
    return;
  }
  if (LATER.has(part)) {
    throw new RingMQError('NOT_SUPPORTED', `this version has no ${part} of a message`, { details: { part } });
  }
  const meant = MEANT.get(part);
  const hint =
    meant === undefined
      ? 'there are topic, body, tag, keys, properties, shardingKey, bornTime'
      : `did you mean ${meant}?`;
  throw badMessage(part, `is no part of a message; ${hint}`);
}

/** A part has more than its limit. */
export function tooMuch(part: string, unit: string, limit: number, value: number): RingMQError {
  return badMessage(part, `has ${value} ${unit}, the limit is ${limit}`, { limit, value });
}

/** The message's body is over its limit. */
export function bodyTooLarge(value: number): RingMQError {
  return new RingMQError('MESSAGE_TOO_LARGE', `the body has ${value} bytes, the limit is ${MAX_BODY_BYTES}`, {
    details: { limit: MAX_BODY_BYTES, value },
  });
}

const NOWHERE = new Uint8Array(0);
const GONE = 'is a view of a buffer that has gone to another thread, or was made smaller';

/** Of bytes whose length is 0: throws `BAD_MESSAGE` if they are not empty, but cannot be read any more. */
export function checkReadable(part: string, bytes: Uint8Array): void {
  try {
    NOWHERE.set(bytes);
  } catch {
    throw badMessage(part, GONE);
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  try {
    const bytes = view instanceof Uint8Array ? view : viewedBytes(view);
    if (byteCount(bytes) === 0) {
      checkReadable('body', bytes);
    }
    return bytes;
  } catch (error) {
    throw error instanceof RingMQError ? error : badMessage('body', GONE);
  }
}

/** Body of a message as bytes or text; throws `BAD_MESSAGE` for anything else. Any view of bytes is taken, as the bytes it shows. */
export function normalBody(body: unknown): Uint8Array | string | null {
  if (body === undefined || body === null) {
    return null;
  }
  if (typeof body === 'string') {
    return body;
  }
  if (ArrayBuffer.isView(body)) {
    return bytesOf(body);
  }
  throw badMessage('body', `must be a Uint8Array or a string, not ${typeof body}`);
}
