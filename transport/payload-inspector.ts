/** Walks over a MessagePack payload without making anything of it, but of what would cost much to make something of. */
import {
  MAX_CONTROL_DEPTH,
  MAX_CONTROL_VALUES,
  MAX_REQUEST_VALUES,
  QueueEntries,
  RingMQError,
} from '../native-free/wire/index.js';
import type { PayloadKind } from './payload-kinds.js';

/** However its length is written. */
const MAX_KEY_BYTES = 255;
/** A text in a request is cut to this: no parameter may be so long, and to decode 4 MB in order to refuse them takes its time. */
export const MAX_TEXT_BYTES = 32 * 1024;

/** No entry in a table of type bytes. */
const NONE = 255;

/** Bytes of a payload that its decoder does not see. */
export interface Part {
  /** Its type byte, and the place behind it. */
  readonly at: number;
  readonly end: number;
  /** Of a text or binary that is cut: its type byte and length. 0: it is left out. */
  readonly headBytes: number;
}

/** A list of queues that was packed, and where it was. */
export interface PackedList {
  readonly entries: QueueEntries;
  readonly name: string;
  /** In the map that is called so. */
  readonly inPositions: boolean;
}

export function badPayload(why: string, details: Record<string, unknown> = {}): RingMQError {
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

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));
const PROTO = ascii('__proto__');
const METHOD = ascii('method');
const POSITIONS = ascii('positions');
/** Parameters that may be a list of queues. */
const LISTS = ['queues', 'offsets'].map((name) => ({ name, key: ascii(name) }));
const ENTRY_KEYS = QueueEntries.FIELDS.map(ascii);
/** The field whose name is as long as a string of this type byte; {@link NONE}: none. The three have different lengths. */
const FIELD_OF_TYPE = byType(ENTRY_KEYS.map((key, field) => [0xa0 | key.length, field]));

export class PayloadInspector {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** In their order. */
  readonly parts: Part[] = [];
  lists: PackedList[] = [];
  readonly #kind: PayloadKind;
  #at: number;
  #values = 0;
  #maxValues: number;
  #keys = 0;
  #textBytes = 0;
  /** In a list that is packed: its entries cost the decoder nothing. */
  #isInList = false;
  #namesListMethod = false;
  /** Where the key that was passed last begins, and its bytes. */
  #keyAt = 0;
  #keyBytes = 0;
  /** The map at depth 1 is the value of `positions`. */
  #isInPositions = false;

  constructor(bytes: Uint8Array, at: number, kind: PayloadKind) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = at;
    this.#kind = kind;
    this.#maxValues = kind.maxValuesCount;
  }

  topMap(): void {
    const first = this.#bytes[this.#at];
    if (first === undefined) {
      throw badPayload('it is empty');
    }
    if ((first & 0xf0) !== 0x80 && first !== 0xde && first !== 0xdf) {
      throw badPayload('it is no map');
    }
    this.#value(0);
    if (this.#at !== this.#bytes.length) {
      throw badPayload('bytes follow the map');
    }
    if (this.#values > MAX_REQUEST_VALUES && !this.#namesListMethod) {
      throw badPayload(`it has more than ${MAX_REQUEST_VALUES} values`);
    }
  }

  /** Moves over one value; the format's first byte says what it is. */
  #value(depth: number): void {
    this.#count();
    if (depth > MAX_CONTROL_DEPTH) {
      throw badPayload(`it is nested deeper than ${MAX_CONTROL_DEPTH}`);
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
      this.#text(type & 0x1f);
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
      this.#text(bytes);
      if (bytes > MAX_TEXT_BYTES) {
        this.parts.push({ at, end: this.#at, headBytes: 1 + counted });
      }
    } else if (type === 0xdc || type === 0xdd) {
      this.#array(this.#length(type === 0xdc ? 2 : 4), depth);
    } else if (type === 0xde || type === 0xdf) {
      this.#map(this.#length(type === 0xde ? 2 : 4), depth);
    } else {
      throw badPayload(`type 0x${type.toString(16)} is not used in this protocol`);
    }
  }

  #text(bytes: number): void {
    this.#skip(bytes);
    this.#textBytes += this.#isInList ? 0 : Math.min(bytes, MAX_TEXT_BYTES);
    if (this.#textBytes > this.#kind.maxTextBytes) {
      throw badPayload(`it has more than ${this.#kind.maxTextBytes} bytes of text`);
    }
  }

  #array(count: number, depth: number): void {
    for (let i = 0; i < count; i++) {
      this.#value(depth + 1);
    }
  }

  #map(count: number, depth: number): void {
    for (let i = 0; i < count; i++) {
      this.#key();
      if (depth === 0) {
        this.#topValue();
      } else if (depth === 1 && this.#isInPositions) {
        this.#valueOrList(true, depth);
      } else {
        this.#value(depth + 1);
      }
    }
  }

  /** The value of a key of the request itself. */
  #topValue(): void {
    if (this.#isKey(METHOD)) {
      const from = this.#at;
      this.#value(1);
      const name = this.#at - from < 32 ? latin1(this.#bytes, from + 1, this.#at) : '';
      this.#namesListMethod = this.#kind.listMethods.has(name);
    } else if (this.#kind.packsLists && this.#isKey(POSITIONS)) {
      // Of a key that comes twice the last one counts.
      this.lists = this.lists.filter(({ inPositions }) => !inPositions);
      this.#isInPositions = true;
      this.#value(1);
      this.#isInPositions = false;
    } else if (this.#kind.packsLists) {
      this.#valueOrList(false, 0);
    } else {
      this.#value(1);
    }
  }

  /** The value of the key that was passed last, in a map that may have a list of queues. */
  #valueOrList(inPositions: boolean, depth: number): void {
    const list = LISTS.find(({ key }) => this.#isKey(key));
    if (list === undefined) {
      this.#value(depth + 1);
      return;
    }
    const { name } = list;
    const isOther = (other: PackedList) => other.name !== name || other.inPositions !== inPositions;
    this.lists = this.lists.filter(isOther);
    const at = this.#at;
    const type = this.#bytes[at] as number;
    const isShort = (type & 0xf0) === 0x90;
    if (!isShort && type !== 0xdc && type !== 0xdd) {
      this.#value(depth + 1);
      return;
    }
    this.#count();
    this.#at++;
    const count = isShort ? type & 0x0f : this.#length(type === 0xdc ? 2 : 4);
    const cutBefore = this.parts.length;
    const [valuesBefore, maxValuesBefore] = [this.#values, this.#maxValues];
    this.#maxValues = MAX_CONTROL_VALUES;
    this.#isInList = true;
    const entries = this.#entries(count, depth + 2);
    // What was to be cut in it goes with it.
    this.parts.length = cutBefore;
    this.#isInList = false;
    this.#maxValues = Math.min(MAX_CONTROL_VALUES, maxValuesBefore + this.#values - valuesBefore);
    this.parts.push({ at, end: this.#at, headBytes: 0 });
    this.lists.push({ entries, name, inPositions });
  }

  #entries(count: number, depth: number): QueueEntries {
    // Each takes a byte at least, whatever the list says of its length.
    const entries = new QueueEntries(Math.min(count, this.#bytes.length - this.#at));
    for (let i = 0; i < count; i++) {
      const type = this.#bytes[this.#at] as number;
      const isShort = (type & 0xf0) === 0x80;
      if (!isShort && type !== 0xde && type !== 0xdf) {
        this.#value(depth);
        continue;
      }
      this.#count();
      this.#at++;
      const keys = isShort ? type & 0x0f : this.#length(type === 0xde ? 2 : 4);
      for (let k = 0; k < keys; k++) {
        const field = this.#entryField();
        const value = this.#wholeNumber(depth + 1);
        if (field !== NONE) {
          entries.set(i, field, value);
        }
      }
    }
    return entries;
  }

  /** Moves over a key of an entry: which field it is; {@link NONE}: none. */
  #entryField(): number {
    const at = this.#at;
    // Behind the end there is no type, nor a field.
    const field = FIELD_OF_TYPE[this.#bytes[at] ?? 0] as number;
    if (field !== NONE && isAt(this.#bytes, at + 1, ENTRY_KEYS[field] as Uint8Array)) {
      this.#count();
      this.#at = at + 1 + (ENTRY_KEYS[field] as Uint8Array).length;
      return field;
    }
    this.#key();
    const other = ENTRY_KEYS.findIndex((key) => this.#isKey(key));
    return other < 0 ? NONE : other;
  }

  /** Moves over a value: the whole number of 0 or more that it is, or what stands for others in {@link QueueEntries}. */
  #wholeNumber(depth: number): number {
    const at = this.#at;
    this.#value(depth);
    const type = this.#bytes[at] as number;
    if (type < 0x80) {
      return type;
    }
    let value = Number.NaN;
    if (type === 0xc0) {
      return QueueEntries.NIL;
    } else if (type === 0xcb) {
      value = this.#view.getFloat64(at + 1);
    } else if (type === 0xca) {
      value = this.#view.getFloat32(at + 1);
    } else if (type >= 0xcc && type <= 0xcf) {
      value = bigEndian(this.#bytes, at + 1, this.#at);
    } else if (type >= 0xd0 && type <= 0xd3 && (this.#bytes[at + 1] as number) < 0x80) {
      value = bigEndian(this.#bytes, at + 1, this.#at);
    }
    return Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
  }

  #key(): void {
    this.#count();
    if (!this.#isInList && ++this.#keys > this.#kind.maxKeysCount) {
      throw badPayload(`it has more than ${this.#kind.maxKeysCount} keys`);
    }
    const type = this.#byte();
    let length: number;
    if (type >= 0xa0 && type < 0xc0) {
      length = type & 0x1f;
    } else {
      length = type >= 0xd9 && type <= 0xdb ? this.#length(1 << (type - 0xd9)) : Number.POSITIVE_INFINITY;
    }
    if (length > MAX_KEY_BYTES) {
      throw badPayload('a key is no string of at most 255 bytes');
    }
    this.#keyAt = this.#at;
    this.#keyBytes = length;
    this.#skip(length);
    if (this.#isKey(PROTO)) {
      throw badPayload('__proto__ is no key');
    }
  }

  #isKey(name: Uint8Array): boolean {
    return this.#keyBytes === name.length && isAt(this.#bytes, this.#keyAt, name);
  }

  #count(): void {
    if (++this.#values > this.#maxValues) {
      throw badPayload(`it has more than ${this.#maxValues} values`);
    }
  }

  #byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) {
      throw badPayload('it ends too early');
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
      throw badPayload('it ends too early');
    }
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** Compared as bytes: there are a hundred thousand keys in a large request. */
function isAt(bytes: Uint8Array, at: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) {
    if (bytes[at + i] !== name[i]) {
      return false;
    }
  }
  return true;
}

function bigEndian(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = at; i < end; i++) {
    value = value * 256 + (bytes[i] as number);
  }
  return value;
}
