/**
 * Held offsets as bytes: a MessagePack array of maps, in a slave's file and in a frame to its master, which
 * checks it: it comes over a network.
 */
import { Packr } from 'msgpackr';
import { MAX_NAME_BYTES, RingMQError } from '../../native-free/wire/index.js';
import type { HeldEntry } from './held-offsets.js';

const packr = new Packr({ useRecords: false, copyBuffers: true });
const FIELDS_OF_QUEUE = 3;
const MAX_QUEUE_ID = 0xffff_ffff;

export function encodeHeld(entries: readonly HeldEntry[]): Uint8Array {
  return packr.pack(entries);
}

/** @throws RingMQError BAD_FRAME for what {@link encodeHeld} does not make */
export function decodeHeld(bytes: Uint8Array): HeldEntry[] {
  let found: unknown;
  try {
    found = packr.unpack(bytes);
  } catch {
    found = null;
  }
  if (!Array.isArray(found) || !found.every(isEntry)) {
    throw new RingMQError('BAD_FRAME', 'the offsets that were handed over do not hold together');
  }
  return found as HeldEntry[];
}

function isEntry(value: unknown): value is HeldEntry {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { group, topicId, createdTime, known, queues } = value as Partial<Record<keyof HeldEntry, unknown>>;
  return (
    typeof group === 'string' &&
    group.length > 0 &&
    group.length <= 2 * MAX_NAME_BYTES &&
    isWhole(topicId) &&
    isWhole(createdTime) &&
    typeof known === 'boolean' &&
    Array.isArray(queues) &&
    queues.length % FIELDS_OF_QUEUE === 0 &&
    queues.every((number, i) => isWhole(number) && (i % FIELDS_OF_QUEUE > 0 || number <= MAX_QUEUE_ID))
  );
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
