/** What a cluster costs and gives, one figure each, in the unit of its row: rates are messages a second. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { BenchCache } from '../peers/cache.js';
import { replicatedKafka } from '../peers/kafka.js';
import type { Durability, Peer } from '../peers/peer.js';
import { replicatedRocketmq } from '../peers/rocketmq.js';
import { BenchBroker, load } from '../ringmq.js';
import { CATCH_UP_BYTES, catchUp } from './catch-up.js';
import { consumersPause, producersPause } from './pauses.js';
import { promotion, slaveMemory } from './promotion.js';
import { type Flush, type Place, type Replication, withPair } from './rigs.js';

const PEER_SECONDS = 5;

/** Messages that take some seconds. */
const COUNT = { 100: 8_000_000, 1024: 1_500_000 } as const;
const ONE_SEND_COUNT = { async: 60_000, sync: 20_000 } as const;

/** About what a record has besides its body. */
const RECORD_BYTES = 16;

type Size = keyof typeof COUNT;
type Measure = (place: Place) => Promise<number>;

export const MEASURES = {
  none100: produce('none', 'async', 100),
  none1k: produce('none', 'async', 1024),
  async100: produce('async', 'async', 100),
  async1k: produce('async', 'async', 1024),
  double100: produce('sync', 'async', 100),
  double1k: produce('sync', 'async', 1024),
  doubleDisk100: produce('sync', 'sync', 100),
  doubleDisk1k: produce('sync', 'sync', 1024),
  oneSendNone: oneSend('none', 'async'),
  oneSendDouble: oneSend('sync', 'async'),
  oneSendNoneDisk: oneSend('none', 'sync'),
  oneSendDoubleDisk: oneSend('sync', 'sync'),
  oneMaster: masters(1),
  twoMasters: masters(2),
  catchUp,
  consumersPause,
  producersPause,
  slaveMemory,
  promotion,
  kafka100: peer(replicatedKafka, 'page-cache', 100),
  kafkaDisk100: peer(replicatedKafka, 'disk', 100),
  rocketmq100: peer(replicatedRocketmq, 'page-cache', 100),
  rocketmqDisk100: peer(replicatedRocketmq, 'disk', 100),
} as const satisfies Record<string, Measure>;

export type MeasureName = keyof typeof MEASURES;

/** About as much as a measure writes in all, its slave's copy included: where that is gigabytes. */
export function writtenBytes(name: MeasureName): number {
  if (name === 'catchUp') {
    return CATCH_UP_BYTES;
  }
  return name.endsWith('1k') ? 2 * 1.25 * COUNT[1024] * (1024 + RECORD_BYTES) : 0;
}

function produce(replication: Replication, flush: Flush, size: Size): Measure {
  return ({ scratch, share }) =>
    withPair(scratch, flush, replication, async ({ master }) => {
      const count = COUNT[size] * share;
      const shape = ['--topic', 'bench', '--size', size, '--count', count, '--warm-up', count / 4];
      return (await load(master.url, 'produce', ...shape)).messagesPerSecond;
    });
}

/** One message at a time, each awaiting its ack: the median. */
function oneSend(replication: Replication, flush: Flush): Measure {
  return ({ scratch, share }) =>
    withPair(scratch, flush, replication, async ({ master }) => {
      const shape = ['--topic', 'bench', '--size', 100, '--count', ONE_SEND_COUNT[flush] * share];
      const { latencyMs } = await load(master.url, 'produce', ...shape, '--api', 'send', '--in-flight', 1);
      return (latencyMs?.p50 ?? Number.NaN) * 1000;
    });
}

/** Two producers, each a process of its own, both at the only master, or one at each of two. */
function masters(count: 1 | 2): Measure {
  return async ({ scratch, share }) => {
    const brokers: BenchBroker[] = [];
    try {
      for (let i = 0; i < count; i++) {
        const directory = join(scratch, `master-${i}`);
        mkdirSync(directory);
        brokers.push(await BenchBroker.start(join(directory, 'data'), 'async'));
      }
      const all = COUNT[100] * share;
      const shape = ['produce', '--size', 100, '--count', all / 2, '--warm-up', all / 8];
      const rates = await Promise.all(
        [0, 1].map(async (i) => {
          const url = (brokers[i % count] as BenchBroker).url;
          return (await load(url, ...shape, '--topic', `bench-${i}`)).messagesPerSecond;
        }),
      );
      return rates.reduce((sum, rate) => sum + rate, 0);
    } finally {
      for (const broker of brokers) {
        await broker.stop();
      }
    }
  };
}

function peer(system: Peer, durability: Durability, sizeBytes: number): Measure {
  return async ({ scratch, share }) => {
    const cache = new BenchCache();
    await system.install(cache);
    const running = await system.start(cache, scratch, durability);
    try {
      const work = {
        kind: 'max-rate',
        sizeBytes,
        topics: 1,
        queues: 4,
        seconds: Math.max(1, PEER_SECONDS * share),
      } as const;
      const figures = [(await running.run(work)) ?? []].flat();
      return Math.max(...figures.map((figure) => figure.messagesPerSecond));
    } finally {
      await running.stop();
    }
  };
}
