import type { MeasureName } from './measures.js';

/** One line of the table: two figures of one run and what their ratio should be, or one figure and its limit. */
export interface Row {
  work: string;
  measure: MeasureName;
  /** null: the measure's own figure is what the target is for. */
  against: MeasureName | null;
  target: number;
  /** At most the target, as times are; else at least. */
  isAtMost: boolean;
  unit: Unit;
  /** Needs Java and minutes. */
  isPeer?: boolean;
}

/** Of a measure's figure. */
export type Unit = 'per second' | 'us' | 'ms' | 'ratio';

const rate = (work: string, measure: MeasureName, against: MeasureName, target: number): Row => ({
  work,
  measure,
  against,
  target,
  isAtMost: false,
  unit: 'per second',
});
const time = (work: string, measure: MeasureName, against: MeasureName, target: number): Row => ({
  ...rate(work, measure, against, target),
  isAtMost: true,
  unit: 'us',
});
const peer = (row: Row): Row => ({ ...row, isPeer: true });
const alone = (work: string, measure: MeasureName, unit: Unit, isAtMost: boolean, target: number): Row => ({
  ...{ work, measure, against: null },
  ...{ target, isAtMost, unit },
});

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
  alone('1 KiB: rate of a master whose slave catches up 5 GB / follows', 'catchUp', 'ratio', false, 0.7),
  alone("consumers' longest pause when a master with a slave is killed", 'consumersPause', 'ms', true, 2_000),
  alone("producers' longest pause when a master is killed, with etcd", 'producersPause', 'ms', true, 5_000),
  alone('10,000 queues, 1,000 groups: memory of slave / master', 'slaveMemory', 'ratio', true, 1.1),
  alone('10,000 queues, 1,000 groups: promotion of the slave', 'promotion', 'ms', true, 1_000),
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
