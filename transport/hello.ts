/** What the first frame of a connection must be, whoever it came to, and what every frame must. */
import {
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_CLIENT_NAME_BYTES,
  MAX_FEATURES_COUNT,
  OPCODE,
  PROTOCOL_VERSION,
  RingMQError,
} from '../native-free/wire/index.js';
import { decodeControl } from './control-payload.js';
import { headerFault } from './frames.js';

/** It has at most so many bytes, credentials included. */
export const MAX_HELLO_BYTES = 64 * 1024;

export interface HelloRead {
  /** As its sender calls itself. */
  readonly client: string;
  readonly version: number;
  /** Not looked at yet. */
  readonly credentials: unknown;
}

/** @throws RingMQError BAD_FRAME */
export function readHello(bytes: Uint8Array): HelloRead {
  const { version, features, client, credentials } = decodeControl(bytes, FRAME_HEADER_BYTES);
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
  return { client, version, credentials };
}

/** @throws RingMQError UNSUPPORTED_VERSION */
export function checkVersion(version: number): void {
  if (version !== PROTOCOL_VERSION) {
    throw new RingMQError('UNSUPPORTED_VERSION', `version ${version} is not spoken here`, {
      details: { supported: [PROTOCOL_VERSION], version },
    });
  }
}

/**
 * Looks at a frame that a client sent, before or after its hello: size, header, and that the first one is
 * hello (in a login, the second one the proof). Returns its opcode.
 * @throws RingMQError FRAME_TOO_LARGE, BAD_FRAME
 */
export function checkedOpcode(
  bytes: Uint8Array,
  maxFrameBytes: number,
  isGreeted: boolean,
  isInLogin = false,
): number {
  if (bytes.length > maxFrameBytes) {
    throw new RingMQError(
      'FRAME_TOO_LARGE',
      `the frame has ${bytes.length} bytes, the limit is ${maxFrameBytes}`,
      { details: { limit: maxFrameBytes, value: bytes.length } },
    );
  }
  if (!isGreeted && bytes.length > MAX_HELLO_BYTES) {
    throw new RingMQError(
      'FRAME_TOO_LARGE',
      `a hello has at most ${MAX_HELLO_BYTES} bytes, not ${bytes.length}`,
      { details: { limit: MAX_HELLO_BYTES, value: bytes.length } },
    );
  }
  const fault = headerFault(bytes);
  if (fault !== null) {
    throw new RingMQError('BAD_FRAME', `the frame cannot be understood: ${fault}`);
  }
  const opcode = bytes[FRAME.opcode] as number;
  if (isInLogin && opcode !== OPCODE.proof) {
    throw new RingMQError('BAD_FRAME', `before the welcome a proof is sent, and not opcode ${opcode}`);
  }
  if (!isGreeted && !isInLogin && opcode !== OPCODE.hello) {
    throw new RingMQError('BAD_FRAME', `the first frame must be hello, not opcode ${opcode}`);
  }
  return opcode;
}

/** @throws RingMQError BAD_FRAME */
export function expectNoPayload(bytes: Uint8Array): void {
  if (bytes.length !== FRAME_HEADER_BYTES) {
    throw new RingMQError('BAD_FRAME', `opcode ${bytes[FRAME.opcode]} has no payload`);
  }
}
