/**
 * CRC-32 with zlib's polynomial, for Node. The optional package `@node-rs/crc32` computes it with the
 * processor's carry-less multiplication, more than twice as fast as `node:zlib` with its tables (64 KiB: 5.0
 * against 13.7 µs; `npm run bench:micro -- --only checksum`). Without it, or where it has no build for the
 * platform, zlib does the same. What is as short as a small message is summed up in JavaScript: the call to
 * either costs more than that.
 */
import { createRequire } from 'node:module';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { crc32 as crc32ByTables } from './crc32-tables.js';

/** In two parts, or bundlers would follow it to a file they cannot read. */
const NATIVE_PACKAGE = ['@node-rs', 'crc32'].join('/');

/** Up to here the tables are the faster way. */
const SMALL_BYTES = 160;

/** The fastest there is here. Not for views of shared memory, which native code is not sure to take: `node:zlib` does. */
const native: (bytes: Uint8Array) => number = loadNative() ?? ((bytes) => zlibCrc32(bytes));

/** Checksum of `bytes` from `start` to `end`, which must not be a view of shared memory: an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  return end - start <= SMALL_BYTES ? crc32ByTables(bytes, start, end) : native(bytes.subarray(start, end));
}

function loadNative(): ((bytes: Uint8Array) => number) | null {
  try {
    const { crc32: sum } = createRequire(import.meta.url)(NATIVE_PACKAGE) as {
      crc32: (bytes: Uint8Array) => number;
    };
    const probe = new Uint8Array([0x52, 0x4d, 0x51]);
    return sum(probe) === zlibCrc32(probe) ? sum : null;
  } catch {
    return null;
  }
}
