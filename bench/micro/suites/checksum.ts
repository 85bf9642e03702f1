import { crc32 as zlibCrc32 } from 'node:zlib';
import { headerCrcOf } from '../../../engine/batch/header.js';
import { crc32 } from '../../../native-free/checksum/crc32.js';
import { type MicroCase, type MicroSuite, sink } from '../micro-case.js';
import { batchOf, MESSAGE_100 } from '../sample-batch.js';

/** Both checksums of a batch: its body's, by what the broker takes and by zlib; its header's in JavaScript. */
export const checksumSuite: MicroSuite = {
  name: 'checksum',
  open: () => [
    body('body, 112 B', own, new Uint8Array(112).fill(7)),
    body('body, 64 KiB', own, new Uint8Array(64 * 1024).fill(7)),
    body('body, 112 B, zlib', zlibCrc32, new Uint8Array(112).fill(7)),
    body('body, 64 KiB, zlib', zlibCrc32, new Uint8Array(64 * 1024).fill(7)),
    body(
      'body, 64 KiB of shared memory, zlib',
      zlibCrc32,
      new Uint8Array(new SharedArrayBuffer(64 * 1024)).fill(7),
    ),
    header(),
  ],
};

const own = (bytes: Uint8Array): number => crc32(bytes, 0, bytes.length);

function body(name: string, sum: (bytes: Uint8Array) => number, bytes: Uint8Array): MicroCase {
  const run = (): void => {
    sink.value = sum(bytes);
  };
  return { name, unit: 'body', count: 1, run };
}

function header(): MicroCase {
  const bytes = batchOf(MESSAGE_100);
  const count = 1000;
  const run = (): void => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      bytes[20] = i;
      sum ^= headerCrcOf(bytes, 0, false);
    }
    sink.value = sum;
  };
  return { name: 'header, 92 B, JavaScript', unit: 'header', count, run };
}
