/** The first frame of a connection, whoever it came to. */
import {
  FRAME_HEADER_BYTES,
  MAX_CLIENT_NAME_BYTES,
  MAX_FEATURES_COUNT,
  PROTOCOL_VERSION,
  RingMQError,
} from '../native-free/wire/index.js';
import { decodeControl } from './control-payload.js';

/** It has at most so many bytes, credentials included. */
export const MAX_HELLO_BYTES = 64 * 1024;

export interface HelloRead {
  /** As its sender calls itself. */
  readonly client: string;
  readonly version: number;
}

/** @throws RingMQError BAD_FRAME */
export function readHello(bytes: Uint8Array): HelloRead {
  const { version, features, client } = decodeControl(bytes, FRAME_HEADER_BYTES);
  if (
    typeof version !== 'number' ||
    typeof client !== 'string' ||
    Buffer.byteLength(client) > MAX_CLIENT_NAME_BYTES ||
    !Array.isArray(features) ||
    features.length > MAX_FEATURES_COUNT ||
    !features.every((feature) => typeof feature === 'string')
  ) {
    throw new RingMQError(
      'BAD_FRAME',
      'hello needs a version, a list of features and a client name of at most 127 bytes',
    );
  }
  return { client, version };
}

/** @throws RingMQError UNSUPPORTED_VERSION */
export function checkVersion(version: number): void {
  if (version !== PROTOCOL_VERSION) {
    throw new RingMQError('UNSUPPORTED_VERSION', `version ${version} is not spoken here`, {
      details: { supported: [PROTOCOL_VERSION], version },
    });
  }
}

/** @throws RingMQError FRAME_TOO_LARGE */
export function checkHelloBytes(bytes: Uint8Array): void {
  if (bytes.length > MAX_HELLO_BYTES) {
    throw new RingMQError(
      'FRAME_TOO_LARGE',
      `a hello has at most ${MAX_HELLO_BYTES} bytes, not ${bytes.length}`,
      { details: { limit: MAX_HELLO_BYTES, value: bytes.length } },
    );
  }
}
