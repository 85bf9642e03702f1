/** Apache Kafka, one node that is broker and controller (KRaft). */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import {
  compiledClasses,
  HDR_HISTOGRAM,
  type JavaProgram,
  javaArgs,
  LOG_WARNINGS,
  meteredFigure,
  needJava,
  WARM_UP_SECONDS,
} from './java.js';
import { consumerPerformance, producerPerformance } from './kafka-tools.js';
import { mavenJars } from './maven.js';
import type { Durability, Figure, Peer, RunningPeer, Work } from './peer.js';
import { freePort, runCommand, Service } from './processes.js';

const VERSION = '4.1.0';
const NAME = `kafka-${VERSION}`;
const SOURCES = [
  'Options.java',
  'Meter.java',
  'KafkaTuning.java',
  'KafkaTopics.java',
  'KafkaProducerPerformance.java',
  'KafkaManyTopics.java',
  'KafkaRequests.java',
  'KafkaDrain.java',
];

/** Where the producers of requests send. */
const REQUEST_PARTITIONS = 4;

/** What its start scripts set. */
const SERVER_FLAGS = [
  '-server',
  '-XX:MaxGCPauseMillis=20',
  '-XX:InitiatingHeapOccupancyPercent=35',
  '-XX:+ExplicitGCInvokesConcurrent',
  LOG_WARNINGS,
  // Where it says that it serves.
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
];

export const kafka: Peer = {
  system: 'kafka',
  title: 'Apache Kafka',
  isRival: true,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      'acks=1: the leader, here the only replica, has appended the batch to its log before the ack',
      'log.flush.interval.messages unset (default): the kernel writes pages out when it likes; a power cut loses acked messages',
    ],
    disk: [
      'log.flush.interval.messages=1: a partition is forced to disk (fdatasync) after each append, before the ack',
      'acks=1: with one replica the same as acks=all',
    ],
  },

  async install(cache) {
    await needJava();
    await programs(cache);
    return VERSION;
  },

  start: (cache, directory, durability) => RunningKafka.start(cache, directory, durability),
};

async function programs(cache: BenchCache): Promise<{ jars: string; classes: string }> {
  const jars = await mavenJars(cache, NAME, [
    `org.apache.kafka:kafka_2.13:${VERSION}`,
    `org.apache.kafka:kafka-tools:${VERSION}`,
    'org.slf4j:slf4j-simple:1.7.36',
    HDR_HISTOGRAM,
  ]);
  return { jars, classes: await compiledClasses(cache, NAME, jars, SOURCES) };
}

class RunningKafka implements RunningPeer {
  readonly url: string;
  readonly #server: Service;
  readonly #bootstrap: string;
  /** What every load program has in common. */
  readonly #load: Omit<JavaProgram, 'mainClass'>;
  #topicCount = 0;

  private constructor(server: Service, bootstrap: string, load: Omit<JavaProgram, 'mainClass'>) {
    this.#server = server;
    this.#bootstrap = bootstrap;
    this.#load = load;
    this.url = `kafka://${bootstrap}`;
  }

  static async start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningKafka> {
    const { jars, classes } = await programs(cache);
    const bootstrap = `127.0.0.1:${await freePort()}`;
    const settings = join(directory, 'server.properties');
    writeFileSync(settings, serverSettings(directory, bootstrap, await freePort(), durability));
    const base = { jars, heap: '1g', flags: SERVER_FLAGS, home: directory };
    const format = ['format', '-t', newClusterId(), '-c', settings];
    await runCommand('java', javaArgs({ ...base, mainClass: 'kafka.tools.StorageTool', args: format }), {
      timeoutMs: 60_000,
    });
    const server = new Service('java', javaArgs({ ...base, mainClass: 'kafka.Kafka', args: [settings] }), {
      cwd: directory,
    });
    await server.until(() => server.output.includes('Kafka Server started'));
    const load = { jars, classes, heap: '1g', home: directory, flags: [LOG_WARNINGS] };
    return new RunningKafka(server, bootstrap, load);
  }

  get pids(): readonly number[] {
    return [this.#server.pid];
  }

  run(work: Work): Promise<Figure> {
    const args = ['--bootstrap', this.#bootstrap, '--topic', `bench-${this.#topicCount++}`];
    args.push('--size', `${work.sizeBytes}`, '--warm-up', `${WARM_UP_SECONDS}`);
    const directory = ['--directory', this.#load.home];
    if (work.kind === 'drain') {
      args.push('--count', `${work.count}`, ...directory);
      return consumerPerformance({ ...this.#load, mainClass: 'KafkaDrain', args });
    }
    args.push('--seconds', `${work.seconds}`);
    if (work.kind === 'request') {
      args.push('--producers', `${work.producers}`, '--partitions', `${REQUEST_PARTITIONS}`);
      return meteredFigure({ ...this.#load, mainClass: 'KafkaRequests', args }, 'KafkaProducer, awaited');
    }
    args.push('--partitions', `${work.queues}`);
    if (work.topics > 1) {
      args.push('--topics', `${work.topics}`);
      return meteredFigure({ ...this.#load, mainClass: 'KafkaManyTopics', args }, 'KafkaProducer');
    }
    args.push(...directory);
    return producerPerformance({ ...this.#load, mainClass: 'KafkaProducerPerformance', args });
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

/** A random id in base64. One that began with a dash would be taken for a flag. */
function newClusterId(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] as number) & 0x7f;
  return bytes.toString('base64url');
}

function serverSettings(
  directory: string,
  bootstrap: string,
  controllerPort: number,
  durability: Durability,
): string {
  const controller = `127.0.0.1:${controllerPort}`;
  const logs = join(directory, 'logs');
  const settings = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@${controller}`,
    'controller.listener.names=CONTROLLER',
    `listeners=PLAINTEXT://${bootstrap},CONTROLLER://${controller}`,
    `advertised.listeners=PLAINTEXT://${bootstrap}`,
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${logs}`,
    'auto.create.topics.enable=false',
    // One node: what its own files for a single node say.
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
  ];
  if (durability === 'disk') {
    settings.push('log.flush.interval.messages=1');
  }
  return `${settings.join('\n')}\n`;
}
