import { crc32 } from 'node:zlib';
import { headerCrcOf } from '../../../engine/log/header.js';
import { type MicroCase, type MicroSuite, sink } from '../micro-case.js';
import { batchOf, MESSAGE_100 } from '../sample-batch.js';

/** Both checksums of a batch: its body's by zlib, on shared memory as on other; its header's in JavaScript. */
export const checksumSuite: MicroSuite = {
  name: 'checksum',
  open: () => [
    body('body, 112 B, zlib', new Uint8Array(112).fill(7)),
    body('body, 32 KiB, zlib', new Uint8Array(32 * 1024).fill(7)),
    body('body, 32 KiB of shared memory, zlib', new Uint8Array(new SharedArrayBuffer(32 * 1024)).fill(7)),
    header(),
  ],
};

function body(name: string, bytes: Uint8Array): MicroCase {
  const run = (): void => {
    sink.value = crc32(bytes);
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
