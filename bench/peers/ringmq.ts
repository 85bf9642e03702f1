/** RingMQ, as a user has it: `ringmq broker` in a process of its own, driven by `ringmq bench` message by message. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BenchBroker, load, ringmq as runRingmq } from '../ringmq.js';
import type { Figure, Peer, RunningPeer, Work } from './peer.js';

const PACKAGE = new URL('../../../package.json', import.meta.url);
/** How many messages take some seconds is found out by a short run first, long enough for its code to be compiled. */
const CALIBRATION_BYTES = 200_000_000;
const REQUEST_CALIBRATION_COUNT = 20_000;
const MAX_COUNT = 60_000_000;

export const ringmq: Peer = {
  system: 'ringmq',
  title: 'RingMQ',
  isRival: false,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      '--flush async: the batch is in the file (write has returned) before the ack, so it survives the broker',
      'fdatasync every 500 ms (default): a power cut loses at most what was acked since',
    ],
    disk: ['--flush sync (default): fdatasync has returned before the ack; one for all that came meanwhile'],
  },

  async install() {
    return (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version;
  },

  async start(_cache, directory, durability) {
    const flush = durability === 'disk' ? 'sync' : 'async';
    return new RunningRingmq(await BenchBroker.start(join(directory, 'data'), flush));
  },
};

class RunningRingmq implements RunningPeer {
  readonly url: string;
  readonly pids: readonly number[];
  readonly #broker: BenchBroker;
  #topicCount = 0;

  constructor(broker: BenchBroker) {
    this.#broker = broker;
    this.url = broker.url;
    this.pids = [broker.pid];
  }

  async run(work: Work): Promise<Figure[] | null> {
    const topic = `bench-${this.#topicCount++}`;
    switch (work.kind) {
      case 'max-rate':
        return work.topics > 1 ? null : this.#maxRate(topic, work);
      case 'request':
        return [await this.#request(topic, work)];
      case 'drain':
        return [await this.#drain(topic, work)];
    }
  }

  stop(): Promise<void> {
    return this.#broker.stop();
  }

  async #maxRate(topic: string, work: Extract<Work, { kind: 'max-rate' }>): Promise<Figure[]> {
    await runRingmq('--url', this.url, 'topic', 'create', topic, '--queues', work.queues);
    const figures: Figure[] = [];
    for (const api of ['write', 'send'] as const) {
      const calibration = Math.round(CALIBRATION_BYTES / (100 + work.sizeBytes));
      figures.push(await this.#produce(topic, work, calibration, api, '--api', api));
    }
    return figures;
  }

  #request(topic: string, work: Extract<Work, { kind: 'request' }>): Promise<Figure> {
    const how = ['--api', 'send', '--in-flight', 1, '--producers', work.producers];
    return this.#produce(topic, work, REQUEST_CALIBRATION_COUNT, 'send, awaited', ...how);
  }

  /** As many messages as take `seconds`, after a quarter as many that are not counted. */
  async #produce(
    topic: string,
    work: { sizeBytes: number; seconds: number },
    calibration: number,
    api: string,
    ...how: (string | number)[]
  ): Promise<Figure> {
    const shape = ['produce', '--topic', topic, '--size', work.sizeBytes, ...how];
    const trial = await load(this.url, ...shape, '--count', calibration);
    const count = Math.min(
      MAX_COUNT,
      Math.max(calibration, Math.round(trial.messagesPerSecond * work.seconds)),
    );
    const args = [...shape, '--count', count, '--warm-up', Math.round(count / 4)];
    const { messagesPerSecond, latencyMs } = await load(this.url, ...args);
    return {
      messagesPerSecond,
      p50Ms: latencyMs?.p50 ?? null,
      p99Ms: latencyMs?.p99 ?? null,
      api,
      command: commandOf(args),
    };
  }

  async #drain(topic: string, work: Extract<Work, { kind: 'drain' }>): Promise<Figure> {
    await runRingmq('--url', this.url, 'topic', 'create', topic, '--queues', 1);
    const shape = ['--topic', topic, '--size', work.sizeBytes, '--count', work.count];
    await load(this.url, 'produce', ...shape);
    const args = ['consume', ...shape];
    const { messagesPerSecond } = await load(this.url, ...args);
    return { messagesPerSecond, p50Ms: null, p99Ms: null, api: 'batches', command: commandOf(args) };
  }
}

function commandOf(args: readonly (string | number)[]): string {
  return `ringmq bench ${args.join(' ')}`;
}
