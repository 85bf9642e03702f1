import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { headerCrcOf, headerIsValid, stampHeader } from '../../engine/batch/header.js';
import { BATCH, BATCH_TYPE, readUint32, readUint64, writeUint32 } from '../../native-free/wire/index.js';
import { fc, test } from '../properties.js';

const STAMP = {
  position: 64,
  flushed: 64,
  epoch: 7,
  baseOffset: 2 ** 40,
  storeTime: 1_700_000_000_000,
  isPad: false,
};

function header(length = 200): Uint8Array {
  const bytes = new Uint8Array(256);
  writeUint32(bytes, BATCH.length, length);
  bytes[BATCH.version] = 1;
  bytes[BATCH.type] = BATCH_TYPE.data;
  return bytes;
}

describe('the header checksum', () => {
  test.prop([
    fc.uint8Array({ minLength: 160, maxLength: 160 }),
    fc.integer({ min: 0, max: 64 }),
    fc.boolean(),
  ])('is the CRC-32 of zlib over the header without itself', (bytes, at, isPad) => {
    const first = crc32(bytes.subarray(at, at + 12));
    expect(headerCrcOf(bytes, at, isPad)).toBe(crc32(bytes.subarray(at + 16, at + (isPad ? 64 : 96)), first));
  });
});

describe('a stamped header', () => {
  it('is valid at its position and nowhere else', () => {
    const bytes = header();
    stampHeader(bytes, 0, STAMP);
    expect(headerIsValid(bytes, 0, 64)).toBe(true);
    expect(headerIsValid(bytes, 0, 128)).toBe(false);
    expect(readUint64(bytes, BATCH.baseOffset)).toBe(2 ** 40);
    expect(readUint32(bytes, BATCH.epoch)).toBe(7);
  });

  it('is not valid with any one bit of it changed', () => {
    const bytes = header();
    stampHeader(bytes, 0, STAMP);
    for (let bit = 0; bit < 96 * 8; bit++) {
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(headerIsValid(bytes, 0, 64)).toBe(false);
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    }
  });

  it('of a pad covers one slot, and forgets the batch that stood there', () => {
    const bytes = header().fill(0xff, 8, 96);
    stampHeader(bytes, 0, { ...STAMP, isPad: true });
    expect(bytes[BATCH.type]).toBe(BATCH_TYPE.pad);
    expect(readUint32(bytes, BATCH.recordCount)).toBe(0);
    expect(readUint32(bytes, BATCH.length)).toBe(200);
    expect(headerIsValid(bytes.subarray(0, 64), 0, 64)).toBe(true);
    bytes[64] = 1;
    expect(headerIsValid(bytes, 0, 64)).toBe(true);
  });

  test.prop([fc.uint8Array({ maxLength: 120 }), fc.integer({ min: -8, max: 200 })])(
    'is never read past the end of the bytes',
    (bytes, at) => {
      expect(headerIsValid(bytes, at, 0)).toBe(false);
    },
  );
});
