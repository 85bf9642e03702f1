/**
 * The lists of queues in requests, up to 16,384 entries of a few numbers: checked, and packed into one array of numbers, in
 * which they pass from thread to thread in a hundredth of the time that as many objects take. Looked at by hand, because a general checker takes
 * ten times as long, and of a list in which all is wrong would make tens of thousands of complaints to tell one.
 */
import { RingMQError } from './errors.js';
import { MAX_QUEUES_PER_TOPIC } from './limits.js';

interface QueueList {
  readonly parameter: string;
  readonly fields: readonly string[];
  /** A field that may be nil, which is packed as -1. */
  readonly mayBeNil?: string;
}

/** Which parameter is the list, and the fields of an entry in their packed order; each is a whole number of 0 or more. */
export const QUEUE_LISTS = {
  commit: { parameter: 'offsets', fields: ['queueId', 'generation', 'offset'] },
  released: { parameter: 'queues', fields: ['queueId', 'generation'] },
  seek: { parameter: 'queues', fields: ['queueId', 'generation'] },
  flow: { parameter: 'queues', fields: ['queueId', 'generation', 'offset'], mayBeNil: 'offset' },
  /** Where a reader was. */
  join: { parameter: 'positions.queues', fields: ['queueId', 'generation', 'offset'] },
} as const satisfies Record<string, QueueList>;

export type QueueListMethod = keyof typeof QUEUE_LISTS;

/** Throws BAD_REQUEST naming the first entry that is wrong. Fields it does not know are dropped. */
export function packQueueList(method: QueueListMethod, list: unknown): Float64Array {
  const { parameter, fields, mayBeNil }: QueueList = QUEUE_LISTS[method];
  if (!Array.isArray(list) || list.length > MAX_QUEUES_PER_TOPIC) {
    throw malformed(method, parameter, `expected a list of at most ${MAX_QUEUES_PER_TOPIC}`);
  }
  const packed = new Float64Array(list.length * fields.length);
  let at = 0;
  for (let i = 0; i < list.length; i++) {
    const entry = list[i] as Record<string, unknown> | null | undefined;
    for (const field of fields) {
      const value = entry?.[field];
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) {
        packed[at++] = value;
      } else if (value === null && field === mayBeNil) {
        packed[at++] = -1;
      } else {
        const may = field === mayBeNil ? ', or nil' : '';
        throw malformed(method, `${parameter}.${i}.${field}`, `expected a whole number of 0 or more${may}`);
      }
    }
  }
  return packed;
}

function malformed(method: string, parameter: string, why: string): RingMQError {
  return new RingMQError('BAD_REQUEST', `${method}: ${parameter}: ${why}`, {
    details: { method, parameter },
  });
}

/** What {@link packQueueList} packed for `released` and `seek`. */
export function unpackHeld(packed: Float64Array): { queueId: number; generation: number }[] {
  return Array.from({ length: packed.length / 2 }, (_, i) => ({
    queueId: packed[2 * i] as number,
    generation: packed[2 * i + 1] as number,
  }));
}

/** What {@link packQueueList} packed for `commit` and `join`; for `flow` with -1 in place of nil. */
export function unpackOffsets(
  packed: Float64Array,
): { queueId: number; generation: number; offset: number }[] {
  return Array.from({ length: packed.length / 3 }, (_, i) => ({
    queueId: packed[3 * i] as number,
    generation: packed[3 * i + 1] as number,
    offset: packed[3 * i + 2] as number,
  }));
}
