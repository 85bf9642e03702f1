/** Copies of records lie side by side in buffers. */
import { expect, test } from 'vitest';
import { RecordSlab } from '../../native-free/batch/record-slab.js';

test('a buffer that was transferred away is not written to again', () => {
  const slab = new RecordSlab();
  const bytes = new Uint8Array(100).fill(7);
  const first = slab.copy(bytes, 0, 100);
  structuredClone(null, { transfer: [first.buffer as ArrayBuffer] });
  expect(first.bytes).toHaveLength(0);
  const second = slab.copy(bytes, 0, 100);
  expect(second.bytes.subarray(slab.at, slab.at + 100)).toEqual(bytes);
});

test('each buffer that several messages will lie in is told of, and none of a message alone', () => {
  const told: Uint8Array[] = [];
  const slab = new RecordSlab((bytes) => told.push(bytes));
  const bytes = new Uint8Array(5_000);
  slab.copy(bytes, 0, 5_000);
  expect(told).toEqual([]);
  const source = slab.copy(bytes, 0, 4_000);
  slab.copy(bytes, 0, 4_000);
  expect(told).toEqual([source.bytes]);
});
