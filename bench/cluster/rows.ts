import type { MeasureName } from './measures.js';

/** One line of the table: two figures of one run, and what their ratio should be. */
export interface Row {
  work: string;
  measure: MeasureName;
  against: MeasureName;
  /** At least this for rates, at most this for times. */
  target: number;
  unit: 'per second' | 'us';
  /** Needs Java and minutes. */
  isPeer?: boolean;
}

const rate = (work: string, measure: MeasureName, against: MeasureName, target: number): Row => ({
  work,
  measure,
  against,
  target,
  unit: 'per second',
});
const time = (work: string, measure: MeasureName, against: MeasureName, target: number): Row => ({
  ...rate(work, measure, against, target),
  unit: 'us',
});
const peer = (row: Row): Row => ({ ...row, isPeer: true });

/** In the order of the table in docs/performance.md. */
export const ROWS: readonly Row[] = [
  rate('100 B, async flush: sync double-write / async replication', 'double100', 'async100', 0.95),
  rate('1 KiB, async flush: sync double-write / async replication', 'double1k', 'async1k', 0.95),
  rate('100 B: both synchronous / both asynchronous', 'doubleDisk100', 'async100', 0.7),
  rate('1 KiB: both synchronous / both asynchronous', 'doubleDisk1k', 'async1k', 0.7),
  rate('100 B, async flush: async replication / no slave', 'async100', 'none100', 0.45),
  rate('1 KiB, async flush: async replication / no slave', 'async1k', 'none1k', 0.45),
  time('one send, p50, async flush: sync double-write / no slave', 'oneSendDouble', 'oneSendNone', 2),
  time('one send, p50, sync flush: sync double-write / no slave', 'oneSendDoubleDisk', 'oneSendNoneDisk', 2),
  rate('two producers, 100 B, async flush: two masters / one', 'twoMasters', 'oneMaster', 0.9),
  peer(rate('100 B, page cache of both: sync double-write / Kafka acks=all', 'double100', 'kafka100', 3)),
  peer(rate('100 B, disks of both: sync double-write / Kafka acks=all', 'doubleDisk100', 'kafkaDisk100', 5)),
  peer(
    rate(
      '100 B, page cache of both: sync double-write / RocketMQ SYNC_MASTER',
      'double100',
      'rocketmq100',
      3,
    ),
  ),
  peer(
    rate(
      '100 B, disks of both: sync double-write / RocketMQ SYNC_MASTER',
      'doubleDisk100',
      'rocketmqDisk100',
      5,
    ),
  ),
];
