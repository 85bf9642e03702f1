/**
 * MessagePack payloads of control frames, in and out. What a client sent is looked over before the decoder
 * sees it, so that it cannot ask for huge arrays, deep nesting, extension types or keys that reach a prototype.
 */
import { Packr, Unpackr } from 'msgpackr';
import {
  MAX_CONTROL_BYTES,
  MAX_CONTROL_DEPTH,
  MAX_CONTROL_VALUES,
  MAX_REQUEST_VALUES,
  QUEUE_LISTS,
  RingMQError,
} from '../native-free/wire/index.js';

/** However its length is written. */
const MAX_KEY_BYTES = 255;
/** What a map may have as many values for as {@link MAX_CONTROL_VALUES}. */
const LIST_METHODS: ReadonlySet<string> = new Set([...Object.keys(QUEUE_LISTS), 'registerTopics']);
/** A text in a request is cut to this: no parameter may be so long, and to decode 4 MB in order to refuse them takes its time. */
const MAX_TEXT_BYTES = 32 * 1024;

/** No entry in a table of type bytes. */
const NONE = 255;
const UNDERSCORE = 0x5f;
const LETTER_M = 0x6d;

const PACKR = new Packr({ useRecords: false, variableMapSize: true });
const UNPACKR = new Unpackr({ useRecords: false, copyBuffers: true, int64AsType: 'number' });

/** Encodes a map. Throws INTERNAL when it is larger than a control payload may be. */
export function encodeControl(value: object): Uint8Array {
  const bytes = PACKR.pack(value);
  if (bytes.length > MAX_CONTROL_BYTES) {
    throw new RingMQError(
      'INTERNAL',
      `the answer has ${bytes.length} bytes, more than the ${MAX_CONTROL_BYTES} of a control frame`,
      { details: { limit: MAX_CONTROL_BYTES, value: bytes.length } },
    );
  }
  return bytes;
}

/**
 * Decodes bytes `from` up to the end, which must be exactly one map with string keys. Throws BAD_FRAME.
 * Nothing of the result refers to `bytes`.
 */
export function decodeControl(bytes: Uint8Array, from: number): Record<string, unknown> {
  inspect(bytes, from);
  // A copy: the decoder keeps a reference to what it last read, and socket memory goes away.
  return UNPACKR.unpack(Uint8Array.prototype.slice.call(bytes, from)) as Record<string, unknown>;
}

/** The same for a request, with texts longer than any parameter may be cut. */
export function decodeRequest(bytes: Uint8Array, from: number): Record<string, unknown> {
  const { longTexts } = inspect(bytes, from);
  const copy =
    longTexts.length === 0
      ? Uint8Array.prototype.slice.call(bytes, from)
      : withoutLongTexts(bytes, from, longTexts);
  return UNPACKR.unpack(copy) as Record<string, unknown>;
}

function inspect(bytes: Uint8Array, from: number): Inspector {
  const length = bytes.length - from;
  if (length > MAX_CONTROL_BYTES) {
    throw bad(`it has ${length} bytes, the limit is ${MAX_CONTROL_BYTES}`, {
      limit: MAX_CONTROL_BYTES,
      value: length,
    });
  }
  const inspector = new Inspector(bytes, from);
  inspector.topMap();
  return inspector;
}

/** Where a text or binary of over {@link MAX_TEXT_BYTES} begins (its type byte), and what it has. */
interface LongText {
  readonly at: number;
  readonly headBytes: number;
  readonly bytes: number;
}

/** A copy in which long texts have their first bytes only, under a head of the same width. */
function withoutLongTexts(bytes: Uint8Array, from: number, longTexts: readonly LongText[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = from;
  for (const text of longTexts) {
    const head = Uint8Array.prototype.slice.call(bytes, text.at, text.at + text.headBytes);
    for (let i = 1, shift = (text.headBytes - 2) * 8; i < text.headBytes; i++, shift -= 8) {
      head[i] = (MAX_TEXT_BYTES >>> shift) & 0xff;
    }
    const body = text.at + text.headBytes;
    parts.push(bytes.subarray(at, text.at), head, bytes.subarray(body, body + MAX_TEXT_BYTES));
    at = body + text.bytes;
  }
  parts.push(bytes.subarray(at));
  return Buffer.concat(parts);
}

function bad(why: string, details: Record<string, unknown> = {}): RingMQError {
  return new RingMQError('BAD_FRAME', `the control payload cannot be understood: ${why}`, { details });
}

/** Bytes behind the type byte: nil, booleans, numbers. */
const FIXED_BYTES = byType([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);
/** Width of the length behind the type byte: binaries and strings. */
const LENGTH_BYTES = byType([
  [0xc4, 1],
  [0xc5, 2],
  [0xc6, 4],
  [0xd9, 1],
  [0xda, 2],
  [0xdb, 4],
]);

/** A number for each type byte: the one given, or {@link NONE}. */
function byType(entries: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(256).fill(NONE);
  for (const [type, bytes] of entries) {
    table[type] = bytes;
  }
  return table;
}

/** Walks over MessagePack without making anything of it. */
class Inspector {
  readonly #bytes: Uint8Array;
  /** In their order. */
  readonly longTexts: LongText[] = [];
  #at: number;
  #values = 0;
  #namesListMethod = false;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  topMap(): void {
    const first = this.#bytes[this.#at];
    if (first === undefined) {
      throw bad('it is empty');
    }
    if ((first & 0xf0) !== 0x80 && first !== 0xde && first !== 0xdf) {
      throw bad('it is no map');
    }
    this.#value(0);
    if (this.#at !== this.#bytes.length) {
      throw bad('bytes follow the map');
    }
    if (this.#values > MAX_REQUEST_VALUES && !this.#namesListMethod) {
      throw bad(`it has more than ${MAX_REQUEST_VALUES} values`);
    }
  }

  /** Moves over one value; the format's first byte says what it is. */
  #value(depth: number): void {
    this.#count();
    if (depth > MAX_CONTROL_DEPTH) {
      throw bad(`it is nested deeper than ${MAX_CONTROL_DEPTH}`);
    }
    const type = this.#byte();
    if (type < 0x80 || type >= 0xe0) {
      return;
    }
    if (type < 0x90) {
      this.#map(type & 0x0f, depth);
    } else if (type < 0xa0) {
      this.#array(type & 0x0f, depth);
    } else if (type < 0xc0) {
      this.#skip(type & 0x1f);
    } else {
      this.#longValue(type, depth);
    }
  }

  #longValue(type: number, depth: number): void {
    const fixed = FIXED_BYTES[type] as number;
    const counted = LENGTH_BYTES[type] as number;
    if (fixed !== NONE) {
      this.#skip(fixed);
    } else if (counted !== NONE) {
      const at = this.#at - 1;
      const bytes = this.#length(counted);
      this.#skip(bytes);
      if (bytes > MAX_TEXT_BYTES) {
        this.longTexts.push({ at, headBytes: 1 + counted, bytes });
      }
    } else if (type === 0xdc || type === 0xdd) {
      this.#array(this.#length(type === 0xdc ? 2 : 4), depth);
    } else if (type === 0xde || type === 0xdf) {
      this.#map(this.#length(type === 0xde ? 2 : 4), depth);
    } else {
      throw bad(`type 0x${type.toString(16)} is not used in this protocol`);
    }
  }

  #array(count: number, depth: number): void {
    for (let i = 0; i < count; i++) {
      this.#value(depth + 1);
    }
  }

  #map(count: number, depth: number): void {
    for (let i = 0; i < count; i++) {
      const isMethod = this.#key() && depth === 0;
      const from = this.#at;
      this.#value(depth + 1);
      if (isMethod) {
        const name = this.#at - from < 32 ? latin1(this.#bytes, from + 1, this.#at) : '';
        this.#namesListMethod = LIST_METHODS.has(name);
      }
    }
  }

  /** True for `method`. */
  #key(): boolean {
    this.#count();
    const type = this.#byte();
    let length: number;
    if (type >= 0xa0 && type < 0xc0) {
      length = type & 0x1f;
    } else {
      length = type >= 0xd9 && type <= 0xdb ? this.#length(1 << (type - 0xd9)) : Number.POSITIVE_INFINITY;
    }
    if (length > MAX_KEY_BYTES) {
      throw bad('a key is no string of at most 255 bytes');
    }
    const from = this.#at;
    this.#skip(length);
    // Made into a string only where it may be one of the two: there are a hundred thousand keys in a large request.
    const first = this.#bytes[from];
    if (length === 9 && first === UNDERSCORE && latin1(this.#bytes, from, this.#at) === '__proto__') {
      throw bad('__proto__ is no key');
    }
    return length === 6 && first === LETTER_M && latin1(this.#bytes, from, this.#at) === 'method';
  }

  #count(): void {
    if (++this.#values > MAX_CONTROL_VALUES) {
      throw bad(`it has more than ${MAX_CONTROL_VALUES} values`);
    }
  }

  #byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) {
      throw bad('it ends too early');
    }
    return value;
  }

  #length(width: number): number {
    let value = 0;
    for (let i = 0; i < width; i++) {
      value = value * 256 + this.#byte();
    }
    return value;
  }

  #skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#bytes.length) {
      throw bad('it ends too early');
    }
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
