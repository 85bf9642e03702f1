/** Frames of this side alone: making a skip, judging a client's header (frame-header.ts in wire has what both sides share). */
import {
  FRAME,
  FRAME_HEADER_BYTES,
  frameFlags,
  OPCODE,
  readUint16,
  writeFrameHeader,
  writeUint32,
  writeUint64,
} from '../native-free/wire/index.js';

const SKIP_PAYLOAD_BYTES = 16;

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
  if (frameFlags(bytes) !== 0) {
    return `unknown flags ${frameFlags(bytes)}`;
  }
  if (readUint16(bytes, FRAME.zero) !== 0) {
    return 'bytes 2 and 3 of the header must be zero';
  }
  return null;
}
