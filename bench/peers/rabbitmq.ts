/** RabbitMQ: a quorum queue, or a stream over AMQP, driven by PerfTest. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import { type DebianTree, debianPackages, debianVersion } from './debian.js';
import { type JavaProgram, javaCall, LOG_WARNINGS, needJava, WARM_UP_SECONDS } from './java.js';
import { mavenJars } from './maven.js';
import { streamCount } from './one-stream.js';
import type { Durability, Figure, Peer, RunningPeer, Work } from './peer.js';
import { perfTestIntervals, steadyFigure } from './perf-test-output.js';
import { runCommand } from './processes.js';
import { RabbitNode } from './rabbitmq-node.js';

const PERF_TEST_VERSION = '2.22.1';

/** Producers of a maximum rate, and messages each may have unconfirmed. */
const PRODUCERS = 2;
const UNCONFIRMED = 2_000;
/** Messages a consumer may have unacked, and how many it acks at once. */
const PREFETCH = 2_000;
const ACK_EVERY = 500;
/** A producer has a connection and threads of its own in PerfTest: so many queues are a load, many more are a test of PerfTest. */
const MOST_QUEUES = 16;

export const rabbitmq: Peer = {
  system: 'rabbitmq',
  title: 'RabbitMQ',
  isRival: true,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      'stream over AMQP, one node: a confirm tells that it is written to the segment file (page cache); streams are not fsynced',
      'publisher confirms, persistent messages',
    ],
    disk: [
      'quorum queue, one node: a confirm tells that the entry is in the write-ahead log and fsynced; a batch of entries shares it',
      'publisher confirms, persistent messages',
    ],
  },

  async install(cache) {
    await needJava();
    const { tree } = await programs(cache);
    return debianVersion(tree, 'rabbitmq-server');
  },

  start: (cache, directory, durability) => RunningRabbitMQ.start(cache, directory, durability),
};

async function programs(cache: BenchCache): Promise<{ tree: DebianTree; jars: string }> {
  const tree = await debianPackages(cache, 'debian-rabbitmq', ['rabbitmq-server']);
  const jars = await mavenJars(cache, `rabbitmq-perf-test-${PERF_TEST_VERSION}`, [
    `com.rabbitmq:perf-test:${PERF_TEST_VERSION}`,
  ]);
  return { tree, jars };
}

class RunningRabbitMQ implements RunningPeer {
  readonly url: string;
  readonly #node: RabbitNode;
  readonly #tool: Omit<JavaProgram, 'args'>;
  readonly #kind: '--stream-queue' | '--quorum-queue';
  #queueCount = 0;

  private constructor(node: RabbitNode, jars: string, directory: string, durability: Durability) {
    this.#node = node;
    this.#tool = {
      jars,
      heap: '512m',
      flags: [LOG_WARNINGS],
      home: directory,
      mainClass: 'com.rabbitmq.perf.PerfTest',
    };
    this.#kind = durability === 'disk' ? '--quorum-queue' : '--stream-queue';
    this.url = `amqp://127.0.0.1:${node.port}`;
  }

  static async start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningRabbitMQ> {
    const { tree, jars } = await programs(cache);
    return new RunningRabbitMQ(await RabbitNode.start(tree, directory), jars, directory, durability);
  }

  get pids(): readonly number[] {
    return this.#node.pids;
  }

  async run(work: Work): Promise<Figure | null> {
    const queue = `bench-${this.#queueCount++}`;
    const body = join(this.#tool.home, `${queue}.body`);
    writeFileSync(body, randomBytes(work.sizeBytes));
    const publish = ['--body', body, '--flag', 'persistent', '--consumers', 0, this.#kind];
    if (work.kind === 'drain') {
      return this.#drain(queue, publish, work.count);
    }
    const seconds = ['--time', WARM_UP_SECONDS + work.seconds];
    if (work.kind === 'request') {
      const load = ['--queue', queue, '--producers', work.producers, '--confirm', 1];
      return this.#perfTest([...publish, ...load, ...seconds], 'confirmed');
    }
    const queues = streamCount(work);
    if (queues > MOST_QUEUES) {
      return null;
    }
    const names = ['--queue-pattern', `${queue}-%d`, '--queue-pattern-from', 1, '--queue-pattern-to', queues];
    const where = queues === 1 ? ['--queue', queue] : names;
    const load = ['--producers', Math.max(PRODUCERS, queues), '--confirm', UNCONFIRMED];
    return this.#perfTest([...publish, ...where, ...load, ...seconds], 'confirmed');
  }

  async #drain(queue: string, publish: readonly (string | number)[], count: number): Promise<Figure> {
    const load = ['--queue', queue, '--producers', 1, '--confirm', UNCONFIRMED, '--pmessages', count];
    await this.#perfTest([...publish, ...load], 'confirmed');
    const read = [
      '--queue',
      queue,
      '--predeclared',
      '--producers',
      0,
      '--consumers',
      1,
      '--cmessages',
      count,
    ];
    const flow = ['--qos', PREFETCH, '--multi-ack-every', ACK_EVERY];
    const from = this.#kind === '--stream-queue' ? ['--consumer-args', 'x-stream-offset=first'] : [];
    return this.#perfTest([...read, ...flow, ...from], 'received');
  }

  async #perfTest(args: readonly (string | number)[], what: 'confirmed' | 'received'): Promise<Figure> {
    const program = { ...this.#tool, args: ['--uri', this.url, ...args] };
    const printed = await runCommand(...javaCall(program));
    return {
      ...steadyFigure(perfTestIntervals(printed, what), WARM_UP_SECONDS),
      api: 'PerfTest',
      command: ['PerfTest', ...args].join(' ').replaceAll(`${this.#tool.home}/`, ''),
    };
  }

  async stop(): Promise<void> {
    await this.#node.stop();
  }
}
