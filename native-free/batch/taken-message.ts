/**
 * A message as it was at the call. Each of its parts is read once, before anything is written: a getter or a
 * proxy may give another value with each reading, or use the producer from within. Packing then runs nobody
 * else's code.
 */
import { MAX_KEYS_COUNT, MAX_PROPERTIES_COUNT } from '../wire/index.js';
import { badMessage, checkParts, normalBody, tooMuch } from './message-parts.js';
import type { OutgoingMessage } from './outgoing-message.js';

/** Kept for reuse. More are taken at once only where reading a message sends another. */
const MAX_FREE = 4;

const free: TakenMessage[] = [];

/** Reused: nothing is allocated to take a message. */
export class TakenMessage {
  topic: string = '';
  body: Uint8Array | string | null = null;
  bornTime: unknown;
  tag: string | undefined;
  shardingKey: string | undefined;
  keyCount = 0;
  /** Only the first {@link keyCount} count. */
  readonly keys: string[] = [];
  propertyCount = 0;
  /** Only the first {@link propertyCount} count, of both. */
  readonly names: string[] = [];
  readonly values: unknown[] = [];

  /** Nothing but a body of bytes. */
  get isPlain(): boolean {
    return (
      this.tag === undefined && !this.hasAttributes && this.body !== null && typeof this.body !== 'string'
    );
  }

  get hasAttributes(): boolean {
    return this.shardingKey !== undefined || this.keyCount > 0 || this.propertyCount > 0;
  }

  /** Throws `BAD_MESSAGE` for parts of the wrong kind, and what their own getters throw. */
  take(
    topic: string,
    body: unknown,
    tag: unknown,
    keys: unknown,
    shardingKey: unknown,
    properties: unknown,
    bornTime: unknown,
  ): void {
    this.topic = topic;
    this.bornTime = bornTime;
    this.tag = textOf('tag', tag);
    this.shardingKey = textOf('shardingKey', shardingKey);
    if (keys !== undefined) {
      this.#readKeys(keys);
    }
    if (properties !== undefined) {
      this.#readProperties(properties);
    }
    // The last, so that nothing read after it takes its bytes away.
    this.body = normalBody(body);
  }

  #readKeys(keys: unknown): void {
    if (!Array.isArray(keys)) {
      throw badMessage('keys', 'must be an array of strings');
    }
    const { length } = keys;
    if (length > MAX_KEYS_COUNT) {
      throw tooMuch('keys', 'entries', MAX_KEYS_COUNT, length);
    }
    for (let i = 0; i < length; i++) {
      const key: unknown = keys[i];
      if (typeof key !== 'string') {
        throw badMessage('key', `must be a string, not ${typeof key}`);
      }
      this.keys[i] = key;
      this.keyCount = i + 1;
    }
  }

  #readProperties(properties: unknown): void {
    if (!isRecord(properties)) {
      throw badMessage('properties', 'must be an object of names and values, no Map and no array');
    }
    const names = Object.keys(properties);
    if (names.length > MAX_PROPERTIES_COUNT) {
      throw tooMuch('properties', 'entries', MAX_PROPERTIES_COUNT, names.length);
    }
    for (const name of names) {
      const value = properties[name];
      if (value !== undefined) {
        this.names[this.propertyCount] = name;
        this.values[this.propertyCount] = value;
        this.propertyCount++;
      }
    }
  }

  /** Holds on to nothing of the message. */
  clear(): void {
    this.topic = '';
    this.body = null;
    this.bornTime = undefined;
    this.tag = undefined;
    this.shardingKey = undefined;
    // Loops: `fill` costs more than the few entries there are.
    for (let i = 0; i < this.keyCount; i++) {
      this.keys[i] = '';
    }
    for (let i = 0; i < this.propertyCount; i++) {
      this.names[i] = '';
      this.values[i] = undefined;
    }
    this.keyCount = 0;
    this.propertyCount = 0;
  }
}

/** Reads a message; {@link letGo} it when it is packed. */
export function takeMessage(message: OutgoingMessage): TakenMessage {
  const { topic, body, tag, keys, shardingKey, properties, bornTime } = message;
  checkParts(message);
  return takeParts(topic, body, tag, keys, shardingKey, properties, bornTime);
}

/** The same for one whose parts have been read, and that has no others. */
export function takeParts(
  topic: string,
  body: unknown,
  tag: unknown,
  keys: unknown,
  shardingKey: unknown,
  properties: unknown,
  bornTime: unknown,
): TakenMessage {
  const taken = free.pop() ?? new TakenMessage();
  try {
    taken.take(topic, body, tag, keys, shardingKey, properties, bornTime);
  } catch (error) {
    letGo(taken);
    throw error;
  }
  return taken;
}

/** Parts that no message of this version has; see `checkParts`. */
interface LaterParts {
  delayMs?: unknown;
  deliverAt?: unknown;
  ttlMs?: unknown;
  priority?: unknown;
}

/** False: a part must be refused that messages do not have yet. */
export function hasNoLaterParts(message: OutgoingMessage & LaterParts): boolean {
  return (
    message.delayMs === undefined &&
    message.deliverAt === undefined &&
    message.ttlMs === undefined &&
    message.priority === undefined
  );
}

export function letGo(taken: TakenMessage): void {
  taken.clear();
  if (free.length < MAX_FREE) {
    free.push(taken);
  }
}

function textOf(part: string, text: unknown): string | undefined {
  if (text === undefined || typeof text === 'string') {
    return text;
  }
  throw badMessage(part, `must be a string, not ${text === null ? 'null' : typeof text}`);
}

/** A plain object, or one of a class of the caller's. A map's entries are no properties of it: taken as one it would lose them all. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    Object.prototype.toString.call(value) === '[object Object]'
  );
}
