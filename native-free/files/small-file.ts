/** Files of a line or a few, as passwords, secrets and certificates are kept in: whatever is named, reading it comes to an end. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Who writes into a pipe, as a shell's `<(command)` does, has so long to say something. */
const PIPE_MS = 10_000;
const LOOK_MS = 5;
const PIECE_BYTES = 65_536;
/** Of a certificate with its chain, a key, or all authorities of a machine. */
export const MAX_PEM_BYTES = 1024 * 1024;

/** Throws what the system says of a file that cannot be read, and an Error with a sentence for one that has over `maxBytes`, or is a pipe that nobody writes to. */
export function readSmallFile(path: string, maxBytes: number, pipeMs = PIPE_MS): Buffer {
  // A pipe without a writer would hold up who opens it.
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    if (fstatSync(fd).isDirectory()) {
      throw new Error('it is a directory');
    }
    return readAll(fd, maxBytes, pipeMs / LOOK_MS);
  } finally {
    closeSync(fd);
  }
}

/** What stdin has. It is waited for as long as it takes: a person may be typing. */
export function readSmallStdin(maxBytes: number): Buffer {
  return readAll(0, maxBytes, Number.POSITIVE_INFINITY);
}

function readAll(fd: number, maxBytes: number, maxLooks: number): Buffer {
  const pieces: Buffer[] = [];
  for (let bytes = 0; ; ) {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, maxBytes + 1));
    const length = readSome(fd, piece, maxLooks);
    bytes += length;
    if (bytes > maxBytes) {
      throw new Error(`it has more than ${maxBytes} bytes`);
    }
    if (length === 0) {
      return Buffer.concat(pieces);
    }
    pieces.push(piece.subarray(0, length));
  }
}

/** 0: it is at its end. */
function readSome(fd: number, piece: Buffer, maxLooks: number): number {
  for (let looks = 0; ; looks++) {
    try {
      return readSync(fd, piece);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') {
        return 0; // So Windows says it of stdin.
      }
      if (code !== 'EAGAIN') {
        throw error;
      }
    }
    if (looks >= maxLooks) {
      throw new Error('it is a pipe, and nothing comes out of it');
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
}
