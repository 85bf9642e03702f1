/** A tar archive in memory, in the form of POSIX (ustar), as every `tar` reads it. */

const BLOCK_BYTES = 512;
const MAX_NAME_BYTES = 100;

export interface TarEntry {
  /** At most 100 bytes. */
  name: string;
  bytes: Uint8Array;
}

export function tarOf(entries: readonly TarEntry[], time: Date): Buffer {
  const seconds = Math.floor(time.getTime() / 1000);
  const blocks = entries.flatMap(({ name, bytes }) => [
    header(name, bytes.length, seconds),
    bytes,
    Buffer.alloc(-bytes.length & (BLOCK_BYTES - 1)),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/**
 *     0    100   108   116   124   136    148       156   157   257     263      265   …   512
 *     name mode  uid   gid   size  mtime  checksum  type  link  'ustar' version
 *
 * Numbers are octal text; the checksum is the sum of all bytes, with blanks in its own place.
 */
function header(name: string, size: number, seconds: number): Buffer {
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new RangeError(`a name in a tar archive has at most ${MAX_NAME_BYTES} bytes, not ${name}`);
  }
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  };
  block.write(name, 0);
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(seconds, 136, 11);
  block.fill(' ', 148, 156);
  block.write('0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
