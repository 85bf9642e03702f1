/** What frames of a broker say, looked at before anybody relies on it. */
import {
  errorCodeOfName,
  FRAME_HEADER_BYTES,
  PROTOCOL_VERSION,
  RingMQError,
  readUint32,
  readUint64,
  type Welcome,
} from '../../wire/index.js';
import { controlPayload } from './control-codec.js';

const SKIP_BYTES = FRAME_HEADER_BYTES + 16;

export function readWelcome(frame: Uint8Array): Welcome {
  const welcome = controlPayload(frame) as unknown as Welcome;
  if (welcome.version !== PROTOCOL_VERSION) {
    throw new RingMQError('UNSUPPORTED_VERSION', `the broker speaks version ${String(welcome.version)}`);
  }
  if (typeof welcome.brokerId !== 'string' || (welcome.flush !== 'sync' && welcome.flush !== 'async')) {
    throw new RingMQError('BAD_FRAME', 'a welcome without broker id or flush policy');
  }
  const batchBytes: unknown = welcome.limits?.batchBytes;
  if (!Number.isSafeInteger(batchBytes) || (batchBytes as number) <= 0) {
    throw new RingMQError('BAD_FRAME', 'a welcome without the size of the largest batch, limits.batchBytes');
  }
  return welcome;
}

/** Why the broker ends the connection. */
export function readError(frame: Uint8Array): RingMQError {
  const body = controlPayload(frame);
  const details = typeof body['details'] === 'object' && body['details'] !== null ? body['details'] : {};
  return new RingMQError(errorCodeOfName(String(body['code'])), String(body['message'] ?? ''), {
    details: details as Record<string, unknown>,
  });
}

/** The offset a queue is read on from. */
export function readSkip(frame: Uint8Array): { queueId: number; offset: number } {
  if (frame.length < SKIP_BYTES) {
    throw new RingMQError('BAD_FRAME', 'a skip frame is cut off');
  }
  return {
    queueId: readUint32(frame, FRAME_HEADER_BYTES + 4),
    offset: readUint64(frame, FRAME_HEADER_BYTES + 8),
  };
}
