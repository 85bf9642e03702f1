/** Everything a consumer relies on in a batch is looked at before it is stored, by the rules that the consumer has. */
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { checkBatch } from '../../engine/batch/check.js';
import { describeProducedBatch } from '../../native-free/batch/produced-batch.js';
import { recordSource } from '../../native-free/batch/record-source.js';
import { isUtf8 } from '../../native-free/batch/utf8.js';
import { BatchHeader, checkRecords, readAttributes, readHeader } from '../../native-free/client/internal.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  ERRORS,
  MAX_BODY_BYTES,
  RECORD,
  RECORD_HEADER_BYTES,
  readUint16,
  readUint32,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';
import { fc, test as property } from '../properties.js';
import { makeBatch, makeRecord, type RecordFacts } from '../transport/make-batch.js';

const BAD_BATCH = ERRORS.BAD_BATCH.wire;
const MALFORMED_TEXTS = {
  'a lone continuation': [0x80],
  'a cut sequence': [0xe2, 0x82],
  'an overlong slash': [0xc0, 0xaf],
  'an overlong three': [0xe0, 0x80, 0x80],
  'an overlong four': [0xf0, 0x80, 0x80, 0x80],
  'a surrogate': [0xed, 0xa0, 0x80],
  'above the last': [0xf4, 0x90, 0x80, 0x80],
  'a lead of five': [0xf8, 0x88, 0x80, 0x80, 0x80],
};

function key(...text: number[]): number[] {
  return [1, text.length, ...text];
}
function shardingKey(...text: number[]): number[] {
  return [2, text.length, ...text];
}
function named(name: number[], ...value: number[]): number[] {
  return [3, name.length, ...name, ...value];
}
const A = 'a'.charCodeAt(0);
const F64 = [2, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
const TRUE = [3, 1];

function repeat(count: number, make: (i: number) => number[]): number[] {
  return Array.from({ length: count }, (_x, i) => make(i)).flat();
}

function attributes(...bytes: number[]): Uint8Array {
  return makeRecord({ body: 'x', attributes: Uint8Array.from(bytes) });
}

function withByte(record: Uint8Array, at: number, value: number): Uint8Array {
  record[at] = value;
  return record;
}

const MALFORMED: Record<string, Uint8Array> = {
  'flag 2': withByte(makeRecord({ body: 'x' }), RECORD.flags, 3),
  'flag 0x80': withByte(makeRecord({ body: 'x' }), RECORD.flags, 0x81),
  'no body, and bytes of one': withByte(makeRecord({ body: 'x' }), RECORD.flags, 0),
  'a tag past the record': withByte(makeRecord({ body: 'x' }), RECORD.tagBytes, 100),
  'a tag of 128 bytes': makeRecord({ body: 'x', tag: 't'.repeat(128) }),
  'a tag of 255 bytes': makeRecord({ body: 'x', tag: 't'.repeat(255) }),
  'attribute kind 0': attributes(0, 1, A),
  'attribute kind 4': attributes(4, 1, A),
  'a lone attribute byte': attributes(1),
  'a lone byte behind a key': attributes(...key(A), 3),
  'a key past the attributes': attributes(1, 5, A),
  'a property name past the attributes': attributes(3, 5, A),
  'a property without a value': attributes(...named([A])),
  'a property value past the attributes': attributes(...named([A], 1, 5, 0, A)),
  'a property length cut off': attributes(...named([A], 4, 1)),
  'a short number': attributes(...named([A], 2, 0, 0, 0)),
  'a boolean cut off': attributes(...named([A], 3)),
  'boolean 2': attributes(...named([A], 3, 2)),
  'property type 0': attributes(...named([A], 0, 1)),
  'property type 5': attributes(...named([A], 5, 1)),
  '33 keys': attributes(...repeat(33, () => key(A))),
  'two sharding keys': attributes(...shardingKey(A), ...shardingKey(A)),
  'a property name twice': attributes(...named([A], ...TRUE), ...named([A], ...F64)),
  'a property name of 128 bytes': attributes(...named(new Array<number>(128).fill(A), ...TRUE)),
  '65 properties': attributes(...repeat(65, (i) => named([A, 0x30 + (i >> 3), 0x30 + (i & 7)], ...TRUE))),
  'attributes of more than 32 KiB': attributes(...named([A], 4, 0xff, 0x7f, ...new Array(0x7fff).fill(0))),
  'tag and attributes of more than 32 KiB together': makeRecord({
    body: 'x',
    tag: 't'.repeat(127),
    attributes: Uint8Array.from(named([A], 4, 0xf0, 0x7f, ...new Array(0x7ff0).fill(0))),
  }),
};
for (const [what, bytes] of Object.entries(MALFORMED_TEXTS)) {
  const tag = makeRecord({ body: 'x', tag: 't'.repeat(bytes.length) });
  tag.set(bytes, RECORD_HEADER_BYTES);
  MALFORMED[`a tag with ${what}`] = tag;
  MALFORMED[`a key with ${what}`] = attributes(...key(A, ...bytes));
  MALFORMED[`a sharding key with ${what}`] = attributes(...shardingKey(...bytes));
  MALFORMED[`a property name with ${what}`] = attributes(...named(bytes, ...TRUE));
  MALFORMED[`a property text with ${what}`] = attributes(...named([A], 1, bytes.length, 0, ...bytes));
}

const SOUND: Record<string, Uint8Array> = {
  'no body': makeRecord({}),
  'an empty body': makeRecord({ body: '' }),
  'a tag of 127 bytes': makeRecord({ body: 'x', tag: 't'.repeat(127) }),
  'a tag beyond ASCII': makeRecord({ tag: 'größe 日本 😀' }),
  '32 keys and a sharding key': attributes(...shardingKey(A), ...repeat(32, () => key(A))),
  '64 properties': attributes(...repeat(64, (i) => named([A, 0x30 + (i >> 3), 0x30 + (i & 7)], ...TRUE))),
  'a name of 127 bytes, bytes that are no text': attributes(
    ...named(new Array<number>(127).fill(A), 4, 2, 0, 0xff, 0x80),
  ),
  'a number, a boolean and a text': attributes(
    ...named([A], ...F64),
    ...named([A, A], 3, 0),
    ...named([A, A, A], 1, 1, 0, A),
  ),
};

/** A batch of three records, the one in the middle as it is given. */
function around(record: Uint8Array): Uint8Array {
  const other = makeRecord({ body: 'sound' });
  const bytes = new Uint8Array(BATCH_HEADER_BYTES + 2 * other.length + record.length);
  bytes.set(makeBatch([{ body: 'sound' }], { sequence: 77 }));
  bytes.set(record, BATCH_HEADER_BYTES + other.length);
  bytes.set(other, BATCH_HEADER_BYTES + other.length + record.length);
  writeUint32(bytes, BATCH.length, bytes.length);
  writeUint32(bytes, BATCH.recordCount, 3);
  writeUint32(bytes, BATCH.bodyCrc, crc32(bytes.subarray(BATCH_HEADER_BYTES)));
  return bytes;
}

/** As a consumer does it. */
function readAsClient(bytes: Uint8Array): void {
  const header = new BatchHeader();
  readHeader(bytes, 0, bytes.length, header);
  checkRecords(recordSource(bytes), header);
  let at = BATCH_HEADER_BYTES;
  for (let i = 0; i < header.recordCount; i++) {
    const from = at + RECORD_HEADER_BYTES + (bytes[at + RECORD.tagBytes] as number);
    readAttributes(bytes, from, from + readUint16(bytes, at + RECORD.attributesBytes));
    at += readUint32(bytes, at + RECORD.length);
  }
}

describe('records', () => {
  test.each(Object.entries(MALFORMED))('%s is refused by the broker, and by a client', (_what, record) => {
    const bytes = around(record);
    expect(checkBatch(bytes, true, true)).toBe(BAD_BATCH);
    expect(() => readAsClient(bytes)).toThrow(expect.objectContaining({ code: 'BAD_BATCH' }));
    const { message, details } = describeProducedBatch(bytes);
    expect(message).toMatch(/^record 1: [a-z0-9]/);
    expect(details).toEqual({ sequence: 77, record: 1 });
  });

  test.each(Object.entries(SOUND))('%s is stored, and read', (_what, record) => {
    const bytes = around(record);
    expect(checkBatch(bytes, true, true)).toBe(0);
    readAsClient(bytes);
  });

  test('a body of 4 MiB is stored, one byte more is not', () => {
    const body = (bytes: number) => makeBatch([{ body: 'x'.repeat(bytes) }]);
    expect(checkBatch(body(MAX_BODY_BYTES), true, true)).toBe(0);
    const tooLarge = body(MAX_BODY_BYTES + 1);
    expect(checkBatch(tooLarge, true, true)).toBe(BAD_BATCH);
    expect(describeProducedBatch(tooLarge).message).toContain('4194304');
  });

  test('a born time from 2^53 on is refused', () => {
    const bytes = around(makeRecord({ body: 'x' }));
    writeUint64(bytes, BATCH.bornTime, Number.MAX_SAFE_INTEGER);
    expect(checkBatch(bytes, true, true)).toBe(0);
    writeUint64(bytes, BATCH.bornTime, 2 ** 53);
    expect(checkBatch(bytes, true, true)).toBe(BAD_BATCH);
    bytes.fill(0xff, BATCH.bornTime, BATCH.bornTime + 8);
    expect(checkBatch(bytes, true, true)).toBe(BAD_BATCH);
  });

  test('too few records, too many, and bytes behind them are of no record', () => {
    for (const count of [0, 2, 65_536]) {
      const bytes = around(makeRecord({ body: 'x' }));
      writeUint32(bytes, BATCH.recordCount, count);
      expect(checkBatch(bytes, true, true)).toBe(BAD_BATCH);
      expect(describeProducedBatch(bytes).details).toEqual({ sequence: 77 });
    }
  });
});

describe('what passes the broker', () => {
  const facts: fc.Arbitrary<RecordFacts> = fc.record(
    {
      body: fc.string({ maxLength: 20 }),
      tag: fc.string({ maxLength: 5 }),
      attributes: fc.oneof(
        fc.uint8Array({ maxLength: 12 }),
        fc.constantFrom(...Object.values(SOUND)).map((record) => {
          const from = RECORD_HEADER_BYTES + (record[RECORD.tagBytes] as number);
          return record.slice(from, from + readUint16(record, RECORD.attributesBytes));
        }),
      ),
    },
    { requiredKeys: [] },
  );

  property.prop([
    fc.array(facts, { minLength: 1, maxLength: 4 }),
    fc.nat(),
    fc.integer({ min: 0, max: 255 }),
    fc.boolean(),
  ])('a client can read, whatever byte is wrong', (records, place, value, isChanged) => {
    const bytes = makeBatch(records);
    if (isChanged) {
      bytes[BATCH_HEADER_BYTES + (place % (bytes.length - BATCH_HEADER_BYTES))] = value;
      writeUint32(bytes, BATCH.bodyCrc, crc32(bytes.subarray(BATCH_HEADER_BYTES)));
    }
    if (checkBatch(bytes, true, true) === 0) {
      readAsClient(bytes);
    } else {
      expect(() => readAsClient(bytes)).toThrow(expect.objectContaining({ code: 'BAD_BATCH' }));
    }
  });
});

describe('UTF-8', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decodes = (bytes: Uint8Array): boolean => {
    try {
      decoder.decode(bytes);
      return true;
    } catch {
      return false;
    }
  };

  property.prop([
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.array(
        fc.constantFrom(0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xf0, 0xf4),
        {
          maxLength: 6,
        },
      ),
    ),
  ])('is what the platform takes for it', (bytes) => {
    const text = Uint8Array.from(bytes);
    expect(isUtf8(text, 0, text.length)).toBe(decodes(text));
  });
});

test('a record count that fits no number of bits is not read as another', () => {
  const bytes = around(makeRecord({ body: 'x' }));
  writeUint32(bytes, BATCH.recordCount, 0xffff_ffff);
  writeUint16(bytes, BATCH.attributes, 0);
  expect(checkBatch(bytes, true, true)).toBe(BAD_BATCH);
});
