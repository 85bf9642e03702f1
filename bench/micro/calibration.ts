import { type MicroCase, sink } from './micro-case.js';

/**
 * A fixed loop in plain JavaScript that no change to RingMQ touches: byte loads, 32-bit arithmetic, a store
 * each round. It runs before and after the cases of each suite; what is compared with the baseline is a
 * case's time in multiples of this one's, so that a slower minute of the machine, which slows both, does not
 * look like a change.
 */
export function calibration(): MicroCase {
  const bytes = new Uint8Array(16 * 1024);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = i * 7;
  }
  const run = (): void => {
    let hash = 0x811c9dc5;
    for (let i = 0; i < bytes.length; i++) {
      hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
      bytes[i] = hash ^ (hash >>> 16);
    }
    sink.value = hash;
  };
  return { name: 'calibration', unit: 'byte', count: bytes.length, run };
}
