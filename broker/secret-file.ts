/** The secret that the nodes of a cluster share, read from a file so that it stands in no command line. */
import { readFileSync, statSync } from 'node:fs';
import { RingMQError } from '../native-free/wire/index.js';

const MIN_SECRET_BYTES = 16;
const MAX_SECRET_BYTES = 4_096;

/**
 * The content of a file without white space at its end.
 * @throws RingMQError BAD_CONFIG where it cannot be read, has less than 16 bytes or more than 4,096
 */
export function readSecret(path: string): Uint8Array {
  const bytes = read(path);
  const secret = Buffer.from(bytes.toString('latin1').trimEnd(), 'latin1');
  if (secret.length < MIN_SECRET_BYTES || secret.length > MAX_SECRET_BYTES) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the secret in ${path} has ${secret.length} bytes; it must have ${MIN_SECRET_BYTES} to ${MAX_SECRET_BYTES}`,
      { details: { path, value: secret.length, limit: MAX_SECRET_BYTES } },
    );
  }
  return secret;
}

function read(path: string): Buffer {
  try {
    // A device without an end is not read.
    if (statSync(path).size > MAX_SECRET_BYTES * 2) {
      throw new Error('it is too large for a secret');
    }
    return readFileSync(path);
  } catch (cause) {
    throw new RingMQError(
      'BAD_CONFIG',
      `the secret file ${path} cannot be used: ${(cause as Error).message}`,
      {
        cause,
        details: { path },
      },
    );
  }
}
