/** Making and taking apart frame headers (frame-layout.ts draws them). */
import {
  FRAME,
  FRAME_HEADER_BYTES,
  OPCODE,
  readUint16,
  writeUint16,
  writeUint32,
  writeUint64,
} from '../native-free/wire/index.js';

const NO_PAYLOAD = new Uint8Array(0);
const SKIP_PAYLOAD_BYTES = 16;

export function writeFrameHeader(
  target: Uint8Array,
  opcode: number,
  flags: number,
  id: number,
  value: number,
): void {
  target[FRAME.opcode] = opcode;
  target[FRAME.flags] = flags;
  writeUint16(target, FRAME.zero, 0);
  writeUint32(target, FRAME.id, id);
  writeUint64(target, FRAME.value, value);
}

/** A frame of its own memory. For control frames; the hot ones are built in buffers that are used again. */
export function makeFrame(
  opcode: number,
  id: number,
  options: { flags?: number; value?: number; payload?: Uint8Array } = {},
): Uint8Array {
  const payload = options.payload ?? NO_PAYLOAD;
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(frame, opcode, options.flags ?? 0, id, options.value ?? 0);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** A `skip` frame: what lies before `offset` in that queue and was not delivered will not come. */
export function makeSkipFrame(
  consumer: number,
  topicId: number,
  queueId: number,
  offset: number,
): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + SKIP_PAYLOAD_BYTES);
  writeFrameHeader(frame, OPCODE.skip, 0, consumer, 0);
  writeUint32(frame, FRAME_HEADER_BYTES, topicId);
  writeUint32(frame, FRAME_HEADER_BYTES + 4, queueId);
  writeUint64(frame, FRAME_HEADER_BYTES + 8, offset);
  return frame;
}

/** What is wrong with a frame's header as a client may send it, or null. No flag is defined for clients in version 1. */
export function headerFault(bytes: Uint8Array): string | null {
  if (bytes.length < FRAME_HEADER_BYTES) {
    return `a frame has at least ${FRAME_HEADER_BYTES} bytes, this one ${bytes.length}`;
  }
  if (bytes[FRAME.flags] !== 0) {
    return `unknown flags ${bytes[FRAME.flags]}`;
  }
  if (readUint16(bytes, FRAME.zero) !== 0) {
    return 'bytes 2 and 3 of the header must be zero';
  }
  return null;
}
