/** Apache RocketMQ: a name server and one broker, driven by a client of the suite's (it has no load tool among its artifacts). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import {
  compiledClasses,
  HDR_HISTOGRAM,
  type JavaProgram,
  javaArgs,
  meteredFigure,
  needJava,
  WARM_UP_SECONDS,
} from './java.js';
import { mavenJars } from './maven.js';
import type { Durability, Figure, Peer, RunningPeer, Work } from './peer.js';
import { freePort, Service } from './processes.js';

const VERSION = '5.4.0';
const NAME = `rocketmq-${VERSION}`;
const SOURCES = [
  'Options.java',
  'Meter.java',
  'NoReplication.java',
  'RocketClients.java',
  'RocketBatches.java',
  'RocketRequests.java',
  'RocketDrain.java',
];

/** Of all sizes tried, the one with the highest rate. */
const BATCH_COUNT = 512;
const BATCH_THREADS = 16;
const REQUEST_QUEUES = 4;
const PULL_COUNT = 2048;

/** See bench/peers/java/NoReplication.java. */
const NO_REPLICATION = 'NoReplication';

/** What its start scripts set, and what they open to it on Java 17. */
const FLAGS = [
  '-server',
  '-XX:G1HeapRegionSize=16m',
  '-XX:G1ReservePercent=25',
  '-XX:InitiatingHeapOccupancyPercent=30',
  '-XX:SoftRefLRUPolicyMSPerMB=0',
  '-XX:-UseLargePages',
  '--add-exports=java.base/sun.nio.ch=ALL-UNNAMED',
  '--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED',
  '--add-opens=java.base/java.nio=ALL-UNNAMED',
  '--add-opens=java.base/sun.nio.ch=ALL-UNNAMED',
];

export const rocketmq: Peer = {
  system: 'rocketmq',
  title: 'Apache RocketMQ',
  isRival: true,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      'flushDiskType=ASYNC_FLUSH (default): acked once it is in the memory-mapped commit log, forced to disk every 500 ms; a power cut loses acked messages',
      'brokerRole=ASYNC_MASTER (default): no slave is waited for; there is none',
    ],
    disk: [
      'flushDiskType=SYNC_FLUSH: the commit log is forced to disk before the ack, once for all that wait',
      'waitStoreMsgOK=true (default): an ack other than SEND_OK counts as failed',
    ],
  },

  async install(cache) {
    await needJava();
    await programs(cache);
    return VERSION;
  },

  start: (cache, directory, durability) => RunningRocketmq.start(cache, directory, durability),
};

async function programs(cache: BenchCache): Promise<{ jars: string; classes: string }> {
  const jars = await mavenJars(cache, NAME, [
    `org.apache.rocketmq:rocketmq-namesrv:${VERSION}`,
    `org.apache.rocketmq:rocketmq-broker:${VERSION}`,
    `org.apache.rocketmq:rocketmq-client:${VERSION}`,
    `org.apache.rocketmq:rocketmq-tools:${VERSION}`,
    HDR_HISTOGRAM,
  ]);
  return { jars, classes: await compiledClasses(cache, NAME, jars, SOURCES) };
}

class RunningRocketmq implements RunningPeer {
  readonly url: string;
  readonly #nameServer: Service;
  readonly #broker: Service;
  readonly #addresses: readonly string[];
  /** What every load program has in common. */
  readonly #load: Omit<JavaProgram, 'mainClass'>;
  #topicCount = 0;

  private constructor(
    nameServer: Service,
    broker: Service,
    ports: { nameServer: number; broker: number },
    load: Omit<JavaProgram, 'mainClass'>,
  ) {
    this.#nameServer = nameServer;
    this.#broker = broker;
    this.#load = load;
    this.url = `rocketmq://127.0.0.1:${ports.nameServer}`;
    this.#addresses = [
      '--name-server',
      `127.0.0.1:${ports.nameServer}`,
      '--broker',
      `127.0.0.1:${ports.broker}`,
    ];
  }

  static async start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningRocketmq> {
    const { jars, classes } = await programs(cache);
    const ports = { nameServer: await freePort(), broker: await freePort() };
    const settings = writeSettings(directory, ports, durability);
    const options = { cwd: directory, env: { ROCKETMQ_HOME: directory } };
    const base = { jars, classes: `${classes}:${writeServices(directory)}`, flags: FLAGS, home: directory };

    const nameServerClass = 'org.apache.rocketmq.namesrv.NamesrvStartup';
    const nameServer = new Service(
      'java',
      javaArgs({ ...base, heap: '512m', mainClass: nameServerClass, args: ['-c', settings.nameServer] }),
      options,
    );
    await nameServer.until(() => nameServer.output.includes('boot success'));
    const brokerClass = 'org.apache.rocketmq.broker.BrokerStartup';
    const broker = new Service(
      'java',
      javaArgs({ ...base, heap: '4g', mainClass: brokerClass, args: ['-c', settings.broker] }),
      options,
    );
    await broker.until(() => broker.output.includes('boot success'));
    const load = {
      ...base,
      heap: '1g',
      flags: [`-Drmq.logback.configurationFile=${writeQuietLog(directory)}`],
    };
    return new RunningRocketmq(nameServer, broker, ports, load);
  }

  get pids(): readonly number[] {
    return [this.#broker.pid, this.#nameServer.pid];
  }

  run(work: Work): Promise<Figure> {
    const args: (string | number)[] = [...this.#addresses, '--topic', `bench-${this.#topicCount++}`];
    args.push('--size', work.sizeBytes, '--warm-up', WARM_UP_SECONDS);
    if (work.kind === 'drain') {
      args.push('--count', work.count, '--pull', PULL_COUNT);
      return meteredFigure({ ...this.#load, mainClass: 'RocketDrain', args }, 'DefaultLitePullConsumer');
    }
    args.push('--seconds', work.seconds);
    if (work.kind === 'request') {
      args.push('--producers', work.producers, '--queues', REQUEST_QUEUES);
      return meteredFigure({ ...this.#load, mainClass: 'RocketRequests', args }, 'client, awaited');
    }
    args.push('--topics', work.topics, '--queues', work.queues);
    args.push('--batch', BATCH_COUNT, '--threads', BATCH_THREADS);
    const program = { ...this.#load, mainClass: 'RocketBatches', args };
    return meteredFigure(program, `client, batches of ${BATCH_COUNT}`);
  }

  async stop(): Promise<void> {
    await this.#broker.stop();
    await this.#nameServer.stop();
  }
}

/** Its client's own configuration of its log prints more about itself than fits into an error message. */
function writeQuietLog(directory: string): string {
  const path = join(directory, 'quiet.logback.xml');
  const listener = 'org.apache.rocketmq.logging.ch.qos.logback.core.status.NopStatusListener';
  writeFileSync(
    path,
    `<configuration><statusListener class="${listener}"/><root level="OFF"/></configuration>\n`,
  );
  return path;
}

/** A folder for the class path that puts {@link NO_REPLICATION} in the place of the broker's own service. */
function writeServices(directory: string): string {
  const services = join(directory, 'services');
  const folder = join(services, 'META-INF', 'service');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'org.apache.rocketmq.store.ha.HAService'), `${NO_REPLICATION}\n`);
  return services;
}

/** The files of both processes, all of whose ports are on loopback. */
function writeSettings(
  directory: string,
  ports: { nameServer: number; broker: number },
  durability: Durability,
): { nameServer: string; broker: string } {
  const store = join(directory, 'store');
  mkdirSync(store);
  const nameServer = join(directory, 'namesrv.properties');
  writeProperties(nameServer, {
    listenPort: ports.nameServer,
    bindAddress: '127.0.0.1',
    kvConfigPath: join(directory, 'kvConfig.json'),
    configStorePath: nameServer,
  });
  const broker = join(directory, 'broker.properties');
  writeProperties(broker, {
    brokerClusterName: 'bench',
    brokerName: 'bench',
    brokerId: 0,
    namesrvAddr: `127.0.0.1:${ports.nameServer}`,
    brokerIP1: '127.0.0.1',
    brokerIP2: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: ports.broker,
    storePathRootDir: store,
    storePathCommitLog: join(store, 'commitlog'),
    autoCreateTopicEnable: false,
    flushDiskType: durability === 'disk' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
    // By default it refuses requests as "broker busy" that have waited for 200 ms, as some do while it warms up.
    waitTimeMillsInSendQueue: 10_000,
    osPageCacheBusyTimeOutMills: 10_000,
    // The defaults give a consumer no more than 32 messages a pull.
    maxTransferCountOnMessageInMemory: 4096,
    maxTransferBytesOnMessageInMemory: 4 << 20,
    maxTransferCountOnMessageInDisk: 4096,
    maxTransferBytesOnMessageInDisk: 4 << 20,
  });
  return { nameServer, broker };
}

function writeProperties(path: string, properties: Record<string, string | number | boolean>): void {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
}
