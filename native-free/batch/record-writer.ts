/** Writes the optional parts of a record: tag, keys, sharding key, properties. Checks their limits as it goes. */
import {
  ATTRIBUTE_KIND,
  MAX_ATTRIBUTES_BYTES,
  MAX_KEY_BYTES,
  MAX_PROPERTY_NAME_BYTES,
  MAX_TAG_BYTES,
  PROPERTY_TYPE,
  RECORD_HEADER_BYTES,
  RingMQError,
} from '../wire/index.js';
import { badMessage, checkReadable, tooMuch } from './message-parts.js';
import type { TakenMessage } from './taken-message.js';
import { utf8Length, writeUtf8 } from './text.js';
import { byteCount, copyBytes } from './true-bytes.js';

function attributesTooLarge(value: number): RingMQError {
  return new RingMQError(
    'MESSAGE_TOO_LARGE',
    `tag, keys, sharding key and properties take ${value} bytes, the limit is ${MAX_ATTRIBUTES_BYTES}`,
    { details: { limit: MAX_ATTRIBUTES_BYTES, value } },
  );
}

/** Bytes of a text part; throws `BAD_MESSAGE` if it is no text, empty, or over `limit`. */
function checkedLength(part: string, text: unknown, limit: number): number {
  if (typeof text !== 'string') {
    throw badMessage(part, `must be a string, not ${typeof text}`);
  }
  if (text.length === 0) {
    throw badMessage(part, 'is empty; leave it out instead');
  }
  const bytes =
    text.length > limit ? utf8Length(text) : text.length * 3 <= limit ? text.length : utf8Length(text);
  if (bytes > limit) {
    throw tooMuch(part, 'bytes', limit, bytes);
  }
  return bytes;
}

/**
 * Bytes the record takes, exactly, or an upper bound of that where finding out would cost a pass over a text.
 * Throws for parts of the wrong kind and for attributes beyond any legal size, so the bound is never far
 * above what a legal message needs.
 */
export function recordBound(message: TakenMessage): number {
  const { body, tag } = message;
  let bound = RECORD_HEADER_BYTES;
  if (body !== null) {
    bound += typeof body === 'string' ? bodyTextBound(body) : byteCount(body);
  }
  if (tag !== undefined) {
    bound += 3 * tag.length;
  }
  return message.hasAttributes ? bound + attributesBound(message) : bound;
}

/** Small texts are taken at three bytes a unit; a large one is worth the count, or half of all batches would be left empty. */
function bodyTextBound(text: string): number {
  return text.length <= 256 ? 3 * text.length : utf8Length(text);
}

function attributesBound(message: TakenMessage): number {
  const { keys, keyCount, shardingKey, names, values, propertyCount } = message;
  let bound = 0;
  let units = 0;
  for (let i = 0; i < keyCount; i++) {
    units += (keys[i] as string).length;
    bound += 2;
  }
  if (shardingKey !== undefined) {
    units += shardingKey.length;
    bound += 2;
  }
  for (let i = 0; i < propertyCount; i++) {
    const value = values[i];
    units += (names[i] as string).length;
    bound += 11;
    if (typeof value === 'string') {
      units += value.length;
    } else if (isBytes(value)) {
      units += Math.ceil(byteCount(value) / 3);
    }
  }
  if (units > MAX_ATTRIBUTES_BYTES) {
    throw attributesTooLarge(units);
  }
  return bound + 3 * units;
}

/** Bytes indeed: a proxy of bytes is none, nor is an object made in their image. */
function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array;
}

/** Checks a tag and writes it; returns its bytes. */
export function writeTag(bytes: Uint8Array, at: number, tag: string): number {
  checkedLength('tag', tag, MAX_TAG_BYTES);
  return writeUtf8(bytes, at, tag);
}

/**
 * Writes keys, sharding key and properties from `start`, into room for `recordBound`; returns where they end.
 * `tagBytes` counts towards the common limit.
 */
export function writeAttributes(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  tagBytes: number,
  message: TakenMessage,
): number {
  const { keys, keyCount, shardingKey } = message;
  let at = start;
  for (let i = 0; i < keyCount; i++) {
    at = writeKey(bytes, at, ATTRIBUTE_KIND.key, 'key', keys[i] as string);
  }
  if (shardingKey !== undefined) {
    at = writeKey(bytes, at, ATTRIBUTE_KIND.shardingKey, 'shardingKey', shardingKey);
  }
  at = writeProperties(bytes, view, at, message);
  const length = at - start;
  if (length + tagBytes > MAX_ATTRIBUTES_BYTES) {
    throw attributesTooLarge(length + tagBytes);
  }
  return at;
}

function writeKey(bytes: Uint8Array, at: number, kind: number, part: string, text: string): number {
  checkedLength(part, text, MAX_KEY_BYTES);
  const written = writeUtf8(bytes, at + 2, text);
  bytes[at] = kind;
  bytes[at + 1] = written;
  return at + 2 + written;
}

function writeProperties(bytes: Uint8Array, view: DataView, start: number, message: TakenMessage): number {
  const { names, values, propertyCount } = message;
  let at = start;
  for (let i = 0; i < propertyCount; i++) {
    const name = names[i] as string;
    checkedLength('property name', name, MAX_PROPERTY_NAME_BYTES);
    const written = writeUtf8(bytes, at + 2, name);
    if (written !== name.length && LONE_SURROGATE.test(name)) {
      checkIsOnlyName(message, i);
    }
    bytes[at] = ATTRIBUTE_KIND.property;
    bytes[at + 1] = written;
    at = writeValue(bytes, view, at + 2 + written, name, values[i]);
  }
  return at;
}

/** Half of a character that takes two units; UTF-8 has none, U+FFFD stands for it there. */
const LONE_SURROGATE = /\p{Cs}/u;
const LONE_SURROGATES = /\p{Cs}/gu;

/** Throws `BAD_MESSAGE` for a name that is another one's once it is written: the broker would refuse the batch, with all that is in it. */
function checkIsOnlyName({ names, propertyCount }: TakenMessage, at: number): void {
  const asWritten = (name: string) => name.replace(LONE_SURROGATES, '\ufffd');
  const name = asWritten(names[at] as string);
  for (let i = 0; i < propertyCount; i++) {
    if (i !== at && asWritten(names[i] as string) === name) {
      throw badMessage('property name', 'is there twice, once halves of characters are replaced by U+FFFD');
    }
  }
}

function writeValue(bytes: Uint8Array, view: DataView, at: number, name: string, value: unknown): number {
  switch (typeof value) {
    case 'string': {
      // The caller has kept 3 bytes a unit, so the length can be told after writing.
      const written = writeUtf8(bytes, at + 3, value);
      return writeSized(bytes, at, PROPERTY_TYPE.string, name, written);
    }
    case 'number':
      if (!Number.isFinite(value)) {
        throw badMessage(`property ${name}`, `must be a finite number, not ${value}`);
      }
      bytes[at] = PROPERTY_TYPE.number;
      view.setFloat64(at + 1, value, true);
      return at + 9;
    case 'boolean':
      bytes[at] = PROPERTY_TYPE.boolean;
      bytes[at + 1] = value ? 1 : 0;
      return at + 2;
    default: {
      if (!isBytes(value)) {
        throw badMessage(`property ${name}`, 'must be a string, a number, a boolean or bytes');
      }
      const length = byteCount(value);
      if (length === 0) {
        checkReadable(`property ${name}`, value);
      }
      // Shared memory may have grown since its room was reckoned.
      if (length > bytes.length - at - 3) {
        throw badMessage(`property ${name}`, 'grew while it was read');
      }
      copyBytes(bytes, at + 3, value, length);
      return writeSized(bytes, at, PROPERTY_TYPE.bytes, name, length);
    }
  }
}

function writeSized(bytes: Uint8Array, at: number, type: number, name: string, length: number): number {
  if (length > MAX_ATTRIBUTES_BYTES) {
    throw tooMuch(`property ${name}`, 'bytes', MAX_ATTRIBUTES_BYTES, length);
  }
  bytes[at] = type;
  bytes[at + 1] = length;
  bytes[at + 2] = length >>> 8;
  return at + 3 + length;
}
