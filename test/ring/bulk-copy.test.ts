/** Copying whole batches, into and out of shared memory, wherever they lie. */
import { describe, expect, it } from 'vitest';
import { bulkCopy, bulkTarget } from '../../engine/ring/index.js';

const ROOM = 8192;
const LENGTHS = [0, 1, 7, 64, 511, 512, 513, 4096, 5001];

function memoryOf(kind: 'shared' | 'own'): Uint8Array {
  return new Uint8Array(kind === 'shared' ? new SharedArrayBuffer(ROOM) : new ArrayBuffer(ROOM));
}

describe.each([
  ['own', 'shared'],
  ['shared', 'own'],
  ['shared', 'shared'],
] as const)('from %s memory into %s memory', (from, into) => {
  it('all of the source and nothing else is written, whatever its length and place', () => {
    const source = memoryOf(from);
    for (let i = 0; i < ROOM; i++) {
      source[i] = (i * 31 + 1) % 251;
    }
    for (const length of LENGTHS) {
      for (const skew of [0, 1, 4, 13]) {
        const target = memoryOf(into).fill(255);
        const piece = source.subarray(skew, skew + length);
        bulkCopy(bulkTarget(target), piece, 192);
        expect(Buffer.compare(target.subarray(192, 192 + length), piece)).toBe(0);
        expect(target.subarray(0, 192).every((byte) => byte === 255)).toBe(true);
        expect(target.subarray(192 + length).every((byte) => byte === 255)).toBe(true);
      }
    }
  });
});

it('a target that begins within its memory is written at its own places', () => {
  const memory = memoryOf('shared');
  const source = new Uint8Array(600).fill(7);
  bulkCopy(bulkTarget(memory.subarray(1000, 2000)), source, 100);
  expect(memory.indexOf(7)).toBe(1100);
  expect(memory.lastIndexOf(7)).toBe(1699);
});

it('what does not fit is refused, and nothing is written', () => {
  const target = memoryOf('shared').fill(255);
  expect(() => bulkCopy(bulkTarget(target), new Uint8Array(600), ROOM - 599)).toThrow(RangeError);
  expect(target.every((byte) => byte === 255)).toBe(true);
});
