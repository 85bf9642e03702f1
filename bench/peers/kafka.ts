/** Apache Kafka: one node that is broker and controller (KRaft), or with another broker beside it that has a replica of everything. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import {
  compiledClasses,
  HDR_HISTOGRAM,
  type JavaProgram,
  javaCall,
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

  start: (cache, directory, durability) => RunningKafka.start(cache, directory, durability, 1),
};

/** Two brokers; an ack says that both have the batch. */
export const replicatedKafka: Peer = {
  ...kafka,
  system: 'kafka-replicated',
  title: 'Apache Kafka, two brokers',
  settings: {
    'page-cache': [
      'acks=all, min.insync.replicas=2, replication factor 2: both brokers have appended the batch before the ack',
    ],
    disk: [
      'acks=all, min.insync.replicas=2, replication factor 2',
      'log.flush.interval.messages=1 on both: a follower fetches on only after its append was forced to disk',
    ],
  },
  start: (cache, directory, durability) => RunningKafka.start(cache, directory, durability, 2),
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
  readonly #servers: readonly Service[];
  readonly #bootstrap: string;
  /** What every load program has in common. */
  readonly #load: Omit<JavaProgram, 'mainClass'>;
  #topicCount = 0;

  private constructor(servers: readonly Service[], bootstrap: string, load: Omit<JavaProgram, 'mainClass'>) {
    this.#servers = servers;
    this.#bootstrap = bootstrap;
    this.#load = load;
    this.url = `kafka://${bootstrap}`;
  }

  static async start(
    cache: BenchCache,
    directory: string,
    durability: Durability,
    replicas: number,
  ): Promise<RunningKafka> {
    const { jars, classes } = await programs(cache);
    const controller = `127.0.0.1:${await freePort()}`;
    const clusterId = newClusterId();
    const servers: Service[] = [];
    let bootstrap = '';
    for (let nodeId = 1; nodeId <= replicas; nodeId++) {
      const home = join(directory, `node-${nodeId}`);
      mkdirSync(home);
      const listen = `127.0.0.1:${await freePort()}`;
      bootstrap ||= listen;
      const settings = join(home, 'server.properties');
      writeFileSync(settings, serverSettings({ home, nodeId, listen, controller, durability, replicas }));
      const base = { jars, heap: '1g', flags: SERVER_FLAGS, home };
      const format = ['format', '-t', clusterId, '-c', settings];
      await runCommand(...javaCall({ ...base, mainClass: 'kafka.tools.StorageTool', args: format }), {
        timeoutMs: 60_000,
      });
      const program = { ...base, mainClass: 'kafka.Kafka', args: [settings] };
      const server = new Service(...javaCall(program), { cwd: home });
      servers.push(server);
      await server.until(() => server.output.includes('Kafka Server started'));
    }
    const flags = [
      LOG_WARNINGS,
      `-Dbench.replicas=${replicas}`,
      `-Dbench.acks=${replicas > 1 ? 'all' : '1'}`,
    ];
    const load = { jars, classes, heap: '1g', home: directory, flags };
    return new RunningKafka(servers, bootstrap, load);
  }

  get pids(): readonly number[] {
    return this.#servers.map((server) => server.pid);
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
    // The controller last: the others tell it that they go.
    for (const server of [...this.#servers].reverse()) {
      await server.stop();
    }
  }
}

/** A random id in base64. One that began with a dash would be taken for a flag. */
function newClusterId(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] as number) & 0x7f;
  return bytes.toString('base64url');
}

function serverSettings(node: {
  home: string;
  nodeId: number;
  listen: string;
  controller: string;
  durability: Durability;
  replicas: number;
}): string {
  const { home, nodeId, listen, controller, durability, replicas } = node;
  const isController = nodeId === 1;
  const settings = [
    `process.roles=${isController ? 'broker,controller' : 'broker'}`,
    `node.id=${nodeId}`,
    `controller.quorum.voters=1@${controller}`,
    'controller.listener.names=CONTROLLER',
    `listeners=PLAINTEXT://${listen}${isController ? `,CONTROLLER://${controller}` : ''}`,
    `advertised.listeners=PLAINTEXT://${listen}`,
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${join(home, 'logs')}`,
    'auto.create.topics.enable=false',
    // What its own files for a single node say.
    `offsets.topic.replication.factor=${replicas}`,
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${replicas}`,
    `min.insync.replicas=${replicas}`,
    'group.initial.rebalance.delay.ms=0',
  ];
  if (durability === 'disk') {
    settings.push('log.flush.interval.messages=1');
  }
  return `${settings.join('\n')}\n`;
}
