/** CRC-32 with zlib's polynomial in plain JavaScript, for browsers and for what is too short to be worth a call out of it. */

/** Tables for slicing by 8: entry `256 * k + b` is the CRC of byte b followed by k zero bytes. */
function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320;
    }
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (tables[before & 255] as number) ^ (before >>> 8);
  }
  return tables;
}

const TABLES = makeTables();

/** Before the first byte. */
export const CRC32_START = -1;

/** `crc` after the bytes from `start` to `end`, still to be inverted: see {@link finishCrc32}. Signed, so that it is never boxed. */
export function updateCrc32(crc: number, bytes: Uint8Array, start: number, end: number): number {
  const t = TABLES;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    crc =
      (t[1792 + (low & 255)] as number) ^
      (t[1536 + ((low >>> 8) & 255)] as number) ^
      (t[1280 + ((low >>> 16) & 255)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) {
    crc = (t[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8);
  }
  return crc;
}

/** The checksum, an unsigned 32-bit number. */
export function finishCrc32(crc: number): number {
  return ~crc >>> 0;
}

/** Checksum of `bytes` from `start` to `end`, an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  return finishCrc32(updateCrc32(CRC32_START, bytes, start, end));
}
