import type { MeasureName } from './measures.js';

/** What is measured; of times less is better. */
export interface Measured {
  measure: MeasureName;
  unit: 'per second' | 'us';
}

/** One line of the table: a figure of RingMQ, what it is compared with, and what it should reach. */
export interface Row extends Measured {
  work: string;
  against: MeasureName;
  /** RingMQ's figure divided by the other: at least this (rates), or at most (times). */
  target: number;
  /** For times: also good within so many microseconds above the other. */
  orPlusUs?: number;
}

const rate = (work: string, measure: MeasureName, against: MeasureName, target: number): Row => ({
  work,
  measure,
  against,
  unit: 'per second',
  target,
});

/** The table of docs/performance.md, in its order. Neighbours are measured one right after the other. */
export const ROWS: readonly Row[] = [
  rate('produce 100 B, async flush / raw path', 'produceAsync100', 'rawAsync100', 0.6),
  rate('produce 1 KiB, async flush / raw path', 'produceAsync1k', 'rawAsync1k', 0.6),
  rate('produce 100 B, sync flush / raw path + fdatasync', 'produceSync100', 'rawSync100', 0.6),
  rate('produce 1 KiB, sync flush / raw path + fdatasync', 'produceSync1k', 'rawSync1k', 0.6),
  rate('send, a promise each, 64 Ki in flight / raw path', 'send100', 'rawAsync100', 0.16),
  rate('produce + consume (e2e) / produce', 'endToEnd100', 'produceAsync100', 0.5),
  rate('read a backlog after a restart / produce', 'backlog100', 'produceAsync100', 1),
  {
    work: 'one send, p50, async flush / echo',
    measure: 'oneSendAsync',
    against: 'echo',
    unit: 'us',
    target: 1.5,
    orPlusUs: 80,
  },
  {
    work: 'one send, p50, sync flush / echo + fdatasync',
    measure: 'oneSendSync',
    against: 'echoSync',
    unit: 'us',
    target: 1.5,
  },
  rate('embedded, memory topic, thread to thread / bare ring', 'embedded', 'bareRing', 0.25),
  rate('sync flush, 10,000 queues / one queue', 'manyQueuesSync', 'oneQueueSync', 0.8),
  rate('64 producers awaiting each ack / 1, async flush', 'awaitingAsync64', 'awaitingAsync1', 3),
  rate('64 producers awaiting each ack / 1, sync flush', 'awaitingSync64', 'awaitingSync1', 3),
];

/** Of two builds, or with logins and without, also what processor time each takes: that varies less than its speed. */
export const COMPARED: readonly Measured[] = [
  ...ROWS,
  { measure: 'cpuProduceAsync100', unit: 'us' },
  { measure: 'cpuEndToEnd100', unit: 'us' },
];

/** Whether a ratio (of figures `own` and `other`) reaches its row's target. */
export function reaches(row: Row, own: number, other: number): boolean {
  if (row.unit === 'per second') {
    return own / other >= row.target;
  }
  return own / other <= row.target || (row.orPlusUs !== undefined && own <= other + row.orPlusUs);
}
