/**
 * Answers as MessagePack, made where the facts are: between threads an object of thousands of entries takes
 * ten times as long to be cloned as its bytes do, and each thread of the broker would unpack it.
 */
import { Packr } from 'msgpackr';
import { MAX_CONTROL_BYTES, RingMQError } from '../../native-free/wire/index.js';

const PACKR = new Packr({ useRecords: false, variableMapSize: true });

/** @throws RingMQError INTERNAL when it is larger than a control frame may be */
export function encodeAnswer(result: unknown): Uint8Array {
  const packed = PACKR.pack(result);
  if (packed.length > MAX_CONTROL_BYTES) {
    throw new RingMQError(
      'INTERNAL',
      `the answer has ${packed.length} bytes, more than the ${MAX_CONTROL_BYTES} of a control frame`,
      { details: { limit: MAX_CONTROL_BYTES, value: packed.length } },
    );
  }
  // The packer's bytes lie in a larger buffer, which a thread's message would take along.
  return Uint8Array.prototype.slice.call(packed);
}
