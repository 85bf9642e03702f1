/** Frame headers, written and read (frame-layout.ts draws them). Both sides of a connection use these. */
import { readUint32, readUint64, writeUint16, writeUint32, writeUint64 } from './batch-layout.js';
import { FRAME, FRAME_HEADER_BYTES } from './frame-layout.js';

const NO_PAYLOAD = new Uint8Array(0);

/** Writes the 16 bytes of a header at the start of `target`. */
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

export function frameOpcode(frame: Uint8Array): number {
  return frame[FRAME.opcode] as number;
}

export function frameFlags(frame: Uint8Array): number {
  return frame[FRAME.flags] as number;
}

export function frameId(frame: Uint8Array): number {
  return readUint32(frame, FRAME.id);
}

export function frameValue(frame: Uint8Array): number {
  return readUint64(frame, FRAME.value);
}
