/**
 * CRC-32 with zlib's polynomial, for Node. The optional package `@node-rs/crc32` computes it with the processor's carry-less
 * multiplication, more than twice as fast as `node:zlib` with its tables (64 KiB: 5.0 against 13.7 µs; `npm run bench:micro -- --only
 * checksum`). Without it, or where it has no build for the platform, zlib does the same.
 */
import { createRequire } from 'node:module';
import { crc32 as zlibCrc32 } from 'node:zlib';

/** Checksum of `bytes`, an unsigned 32-bit number. */
export type Crc32 = (bytes: Uint8Array) => number;

/** The fastest there is here. Not for views of shared memory, which native code is not sure to take: `node:zlib` does. */
export const crc32: Crc32 = loadNative() ?? ((bytes) => zlibCrc32(bytes));

function loadNative(): Crc32 | null {
  try {
    const native = createRequire(import.meta.url)('@node-rs/crc32') as { crc32: Crc32 };
    const probe = new Uint8Array([0x52, 0x4d, 0x51]);
    return native.crc32(probe) === zlibCrc32(probe) ? native.crc32 : null;
  } catch {
    return null;
  }
}
