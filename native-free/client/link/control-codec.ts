/** Control frames: the fixed header and a MessagePack map. */
import { Packr } from 'msgpackr';
import {
  FRAME_HEADER_BYTES,
  MAX_CONTROL_BYTES,
  makeFrame,
  RingMQError,
  unpackValue,
} from '../../wire/index.js';
import { sendable } from './sendable.js';

// Plain maps that any MessagePack library reads.
const packr = new Packr({ useRecords: false });

/** A frame with a MessagePack payload. Throws `BAD_ARGUMENT` past the limit on control payloads, and for what cannot travel in one. */
export function controlFrame(opcode: number, id: number, payload: object): Uint8Array {
  const packed = packr.pack(sendable(payload, ''));
  if (packed.length > MAX_CONTROL_BYTES) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `the request has ${packed.length} bytes, the limit is ${MAX_CONTROL_BYTES}`,
      { details: { limit: MAX_CONTROL_BYTES, value: packed.length } },
    );
  }
  return makeFrame(opcode, id, { payload: packed });
}

/** The payload of a control frame. Throws `BAD_FRAME` if it is no map, or larger than a control payload may be. */
export function controlPayload(frame: Uint8Array): Record<string, unknown> {
  if (frame.length - FRAME_HEADER_BYTES > MAX_CONTROL_BYTES) {
    throw new RingMQError('BAD_FRAME', `a control payload has ${frame.length - FRAME_HEADER_BYTES} bytes`, {
      details: { limit: MAX_CONTROL_BYTES, value: frame.length - FRAME_HEADER_BYTES },
    });
  }
  let value: unknown;
  try {
    value = unpackValue(frame.subarray(FRAME_HEADER_BYTES));
  } catch (cause) {
    throw new RingMQError('BAD_FRAME', 'a control payload is no MessagePack', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RingMQError('BAD_FRAME', 'a control payload is no map');
  }
  return value as Record<string, unknown>;
}
