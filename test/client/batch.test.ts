import { readdirSync, readFileSync } from 'node:fs';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { recordSource } from '../../native-free/batch/record-source.js';
import * as node from '../../native-free/checksum/crc32.js';
import * as browser from '../../native-free/checksum/crc32-tables.js';
import { BatchInfo } from '../../native-free/client/consume/batch-info.js';
import { ReceivedBatch, recordAt } from '../../native-free/client/consume/received-batch.js';
import {
  BatchBuilder,
  BatchHeader,
  bodyIsIntact,
  checkRecords,
  type OutgoingMessage,
  readHeader,
} from '../../native-free/client/internal.js';
import { isRingMQError, tagBloomBit } from '../../native-free/wire/index.js';
import { fc, test as property } from '../properties.js';
import { stampedBatch } from './batches.js';

const CORPUS = new URL('../../../test/corpus/batch/', import.meta.url);
const HOLD = { held: true, isActive: true, isPaused: false, ack: () => true };

/** Reads all that lies in the bytes, and all parts of every message, the way a consumer does. */
function readAll(bytes: Uint8Array, verify = true): Record<string, unknown>[] {
  const header = new BatchHeader();
  const source = recordSource(bytes);
  const messages: Record<string, unknown>[] = [];
  for (let at = 0; at < bytes.length; ) {
    at = readHeader(bytes, at, bytes.length, header);
    if (header.isPad || (verify && !bodyIsIntact(bytes, header))) {
      continue;
    }
    checkRecords(source, header);
    const info = new BatchInfo(header, 0, 't', false, '0'.repeat(16), HOLD);
    const batch = new ReceivedBatch(info, source, header, 0, recordAt(source, header, 0), null);
    for (const message of batch) {
      const { body, tag, keys, shardingKey, properties, offset, bornTime } = message;
      if (message.bodyLength !== (body?.length ?? 0)) {
        throw new Error('two lengths of one body');
      }
      message.text();
      messages.push({ body, tag, keys, shardingKey, properties, offset, bornTime });
    }
  }
  return messages;
}

const text = (max: number) => fc.string({ unit: 'grapheme', minLength: 1, maxLength: max });
const bytes = (max: number) => fc.uint8Array({ maxLength: max });
const value = fc.oneof(
  text(20),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.boolean(),
  bytes(40),
);
const message = fc.record(
  {
    body: fc.oneof(bytes(300), fc.string({ unit: 'binary', maxLength: 80 }), fc.constant(null)),
    tag: text(8),
    keys: fc.array(text(6), { maxLength: 5 }),
    shardingKey: text(6),
    properties: fc.dictionary(fc.oneof(text(6), fc.constant('__proto__')), value, { maxKeys: 5 }),
    bornTime: fc.integer({ min: 0, max: 2 ** 31 }),
  },
  { requiredKeys: ['bornTime'] },
);

/** What a reader should find. */
function expected(sent: Partial<OutgoingMessage>, offset: number): Record<string, unknown> {
  const body = typeof sent.body === 'string' ? new TextEncoder().encode(sent.body) : (sent.body ?? null);
  return {
    body: body === null ? null : [...body],
    tag: sent.tag,
    keys: sent.keys ?? [],
    shardingKey: sent.shardingKey,
    properties: Object.entries(sent.properties ?? {}).map(plain),
    offset,
    bornTime: sent.bornTime,
  };
}

function plain([name, property]: [string, unknown]): unknown {
  return [name, property instanceof Uint8Array ? [...property] : property];
}

describe('what is packed is read', () => {
  property.prop([fc.array(message, { minLength: 1, maxLength: 20 })], { numRuns: 200 })(
    'for any messages',
    (sent) => {
      const batch = stampedBatch(
        sent.map((one) => ({ topic: 't', ...one })),
        { baseOffset: 5 },
      );
      const read = readAll(batch).map((found) => ({
        ...found,
        body: found['body'] === null ? null : [...(found['body'] as Uint8Array)],
        properties: Object.entries(found['properties'] as object).map(plain),
      }));
      expect(read).toEqual(sent.map((one, i) => expected(one, 5 + i)));
    },
  );

  test('the bloom word has the bit of each tag', () => {
    const builder = new BatchBuilder(4096);
    for (const tag of ['a', 'b', 'grün']) {
      builder.append({ topic: 't', tag }, 1);
    }
    builder.seal();
    for (const tag of ['a', 'b', 'grün']) {
      const bit = tagBloomBit(new TextEncoder().encode(tag));
      const word = builder.view.getUint32(16 + 88 + (bit < 32 ? 0 : 4), true);
      expect((word >>> (bit & 31)) & 1).toBe(1);
    }
  });

  test('what does not fit leaves the batch as it was', () => {
    const builder = new BatchBuilder(200);
    expect(builder.append({ topic: 't', body: new Uint8Array(50) }, 1)).toBe(true);
    const before = builder.at;
    expect(builder.append({ topic: 't', body: new Uint8Array(50) }, 1)).toBe(false);
    expect(builder.append({ topic: 't', body: 'x', tag: 'y' }, 2 ** 40)).toBe(false);
    expect([builder.at, builder.count]).toEqual([before, 1]);
  });
});

describe('limits', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => `k${i}`);
  const named = (count: number) => Object.fromEntries(many(count).map((name) => [name, 1]));

  test.each<[string, object, string, object]>([
    [
      'a body over 4 MiB',
      { body: new Uint8Array(4194305) },
      'MESSAGE_TOO_LARGE',
      { limit: 4194304, value: 4194305 },
    ],
    [
      'a text over 4 MiB',
      { body: 'ü'.repeat(2097153) },
      'MESSAGE_TOO_LARGE',
      { limit: 4194304, value: 4194306 },
    ],
    ['a body of another kind', { body: 5 }, 'BAD_MESSAGE', { part: 'body' }],
    ['an empty tag', { tag: '' }, 'BAD_MESSAGE', { part: 'tag' }],
    ['a tag that is null', { tag: null }, 'BAD_MESSAGE', { part: 'tag' }],
    ['a long tag', { tag: 'ü'.repeat(64) }, 'BAD_MESSAGE', { limit: 127, value: 128 }],
    ['too many keys', { keys: many(33) }, 'BAD_MESSAGE', { limit: 32, value: 33 }],
    ['keys that are no list', { keys: 'k' }, 'BAD_MESSAGE', { part: 'keys' }],
    ['a key that is no text', { keys: [1] }, 'BAD_MESSAGE', { part: 'key' }],
    ['a long key', { keys: ['k'.repeat(256)] }, 'BAD_MESSAGE', { limit: 255, value: 256 }],
    ['too many properties', { properties: named(65) }, 'BAD_MESSAGE', { limit: 64, value: 65 }],
    [
      'a long property name',
      { properties: { ['n'.repeat(128)]: 1 } },
      'BAD_MESSAGE',
      { limit: 127, value: 128 },
    ],
    ['a property that is NaN', { properties: { n: Number.NaN } }, 'BAD_MESSAGE', { part: 'property n' }],
    ['a property that is an object', { properties: { n: {} } }, 'BAD_MESSAGE', { part: 'property n' }],
    [
      'attributes too large',
      { properties: { n: 'x'.repeat(40_000) } },
      'MESSAGE_TOO_LARGE',
      { limit: 32768 },
    ],
    [
      'huge byte properties',
      { properties: { n: new Uint8Array(1e6) } },
      'MESSAGE_TOO_LARGE',
      { limit: 32768 },
    ],
    ['an empty sharding key', { shardingKey: '' }, 'BAD_MESSAGE', { part: 'shardingKey' }],
  ])('%s is refused with the limit and the value', (_what, broken, code, details) => {
    const builder = new BatchBuilder(8 << 20);
    expect(() => builder.append({ topic: 't', ...broken } as OutgoingMessage, 1)).toThrow(
      expect.objectContaining({ code, details: expect.objectContaining(details) }),
    );
    expect(builder.count).toBe(0);
  });

  test('what is just within them is taken', () => {
    const builder = new BatchBuilder(8 << 20);
    const full = {
      topic: 't',
      body: new Uint8Array(4194304),
      tag: 'ü'.repeat(63),
      keys: many(32),
      properties: named(64),
    };
    expect(builder.append(full, 1)).toBe(true);
    expect(
      builder.append({ topic: 't', body: 'ü'.repeat(1000), properties: { n: 'x'.repeat(32_000) } }, 1),
    ).toBe(true);
  });
});

/** Reads garbage: an error of the right kind or none, never anything else. */
function readGarbage(garbage: Uint8Array): void {
  for (const verify of [true, false]) {
    try {
      readAll(garbage, verify);
    } catch (error) {
      if (!isRingMQError(error) || error.code !== 'BAD_BATCH') {
        throw error;
      }
    }
  }
}

const sample = stampedBatch([
  { topic: 't', body: 'one', tag: 'tag', keys: ['k1', 'k2'], shardingKey: 's' },
  { topic: 't', body: new Uint8Array(40), properties: { s: 'x', n: 1, b: true, y: new Uint8Array(3) } },
  { topic: 't' },
]);

describe('garbage', () => {
  test.each(readdirSync(CORPUS).filter((name) => name.endsWith('.bin')))('saved: %s', (name) => {
    readGarbage(new Uint8Array(readFileSync(new URL(name, CORPUS))));
  });

  property.prop([fc.uint8Array({ maxLength: 600 })], { numRuns: 500 })('of any kind', (garbage) => {
    readGarbage(garbage);
  });

  const change = fc.record({ at: fc.nat(sample.length - 1), to: fc.nat(255) });
  property.prop([fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(sample.length)], { numRuns: 2000 })(
    'that was a batch once, inside other bytes',
    (changes, cut) => {
      const broken = sample.slice();
      for (const { at, to } of changes) {
        broken[at] = to;
      }
      // Reading past the end would find these bytes instead of nothing.
      const around = new Uint8Array(cut + 1024).fill(1);
      around.set(broken.subarray(0, cut), 512);
      readGarbage(around.subarray(512, 512 + cut));
    },
  );

  test('every single byte changed to every value that matters', () => {
    for (let at = 0; at < sample.length; at++) {
      for (const to of [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff]) {
        const broken = sample.slice();
        broken[at] = to;
        readGarbage(broken);
      }
    }
  });
});

property.prop([fc.uint8Array({ maxLength: 400, size: 'max' }), fc.nat(8)])(
  'both checksums are the same, and zlib knows it',
  (data, skip) => {
    const start = Math.min(skip, data.length);
    const sum = zlibCrc32(data.subarray(start));
    expect(browser.crc32(data, start, data.length)).toBe(sum);
    expect(node.crc32(data, start, data.length)).toBe(sum);
  },
);
