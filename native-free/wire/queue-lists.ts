/**
 * The lists of queues in requests, up to 16,384 entries of a few numbers: checked, and packed into one array
 * of numbers, in which they pass from thread to thread in a hundredth of the time that as many objects take.
 * Looked at by hand, because a general checker takes ten times as long, and of a list in which all is wrong
 * would make tens of thousands of complaints to tell one.
 */
import { RingMQError } from './errors.js';
import { MAX_QUEUES_PER_TOPIC } from './limits.js';

interface QueueList {
  readonly parameter: string;
  readonly fields: readonly string[];
  /** A field that may be nil, which is packed as -1. */
  readonly mayBeNil?: string;
}

/**
 * Which parameter is the list, and the fields of an entry in their packed order, the first ones of {@link
 * QueueEntries.FIELDS}; each is a whole number of 0 or more.
 */
export const QUEUE_LISTS = {
  commit: { parameter: 'offsets', fields: ['queueId', 'generation', 'offset'] },
  released: { parameter: 'queues', fields: ['queueId', 'generation'] },
  seek: { parameter: 'queues', fields: ['queueId', 'generation'] },
  flow: { parameter: 'queues', fields: ['queueId', 'generation', 'offset'], mayBeNil: 'offset' },
  /** Where a reader was. */
  join: { parameter: 'positions.queues', fields: ['queueId', 'generation', 'offset'] },
} as const satisfies Record<string, QueueList>;

export type QueueListMethod = keyof typeof QUEUE_LISTS;

/**
 * A list as it stood in a request, whatever the method: of each entry the three fields that there are. It is
 * no array of objects, for 16,384 of them take ten times as long to make, and to be collected.
 */
export class QueueEntries {
  static readonly FIELDS = ['queueId', 'generation', 'offset'] as const;
  /** Stands for nil. A field that is not there, or is no whole number of 0 or more, is NaN. */
  static readonly NIL = -1;
  readonly count: number;
  /** Entry after entry; of more than a topic may have queues none is kept. */
  readonly values: Float64Array;

  constructor(count: number) {
    this.count = count;
    this.values = new Float64Array(count > MAX_QUEUES_PER_TOPIC ? 0 : count * 3).fill(Number.NaN);
  }

  /** `field`: its number in {@link FIELDS}. */
  set(entry: number, field: number, value: number): void {
    this.values[entry * 3 + field] = value;
  }
}

/** Throws BAD_REQUEST naming the first entry that is wrong. Fields it does not know are dropped. */
export function packQueueList(method: QueueListMethod, list: unknown): Float64Array {
  const { parameter, fields, mayBeNil }: QueueList = QUEUE_LISTS[method];
  if (list instanceof QueueEntries && list.count <= MAX_QUEUES_PER_TOPIC) {
    return pick(method, list);
  }
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
        throw malformedEntry(method, i, field);
      }
    }
  }
  return packed;
}

/** The fields that the method has of each entry. */
function pick(method: QueueListMethod, { count, values }: QueueEntries): Float64Array {
  const { fields, mayBeNil }: QueueList = QUEUE_LISTS[method];
  const packed = new Float64Array(count * fields.length);
  for (let i = 0, at = 0; i < count; i++) {
    for (let f = 0; f < fields.length; f++) {
      const value = values[i * 3 + f] as number;
      if (!(value >= 0) && (value !== QueueEntries.NIL || fields[f] !== mayBeNil)) {
        throw malformedEntry(method, i, fields[f] as string);
      }
      packed[at++] = value;
    }
  }
  return packed;
}

function malformedEntry(method: QueueListMethod, entry: number, field: string): RingMQError {
  const { parameter, mayBeNil }: QueueList = QUEUE_LISTS[method];
  const may = field === mayBeNil ? ', or nil' : '';
  return malformed(method, `${parameter}.${entry}.${field}`, `expected a whole number of 0 or more${may}`);
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

/** Where a queue is read from; -1, of `flow` alone: not at all. */
export interface QueueOffset {
  readonly queueId: number;
  readonly generation: number;
  readonly offset: number;
}

/**
 * What {@link packQueueList} packed for `commit` and `join`, and for `flow` with -1 in place of nil: a list
 * of which pieces are unpacked when they are needed.
 */
export class PackedOffsets {
  readonly length: number;
  readonly #packed: Float64Array;

  constructor(packed: Float64Array) {
    this.#packed = packed;
    this.length = packed.length / 3;
  }

  /** Those from the one numbered `from` up to the one before `end`. */
  slice(from: number, end: number): QueueOffset[] {
    const packed = this.#packed;
    const queues: QueueOffset[] = [];
    for (let i = from * 3; i < Math.min(end, this.length) * 3; i += 3) {
      queues.push({
        queueId: packed[i] as number,
        generation: packed[i + 1] as number,
        offset: packed[i + 2] as number,
      });
    }
    return queues;
  }
}

/** All that {@link packQueueList} packed for `commit` and `join`. */
export function unpackOffsets(packed: Float64Array): QueueOffset[] {
  return new PackedOffsets(packed).slice(0, packed.length / 3);
}
