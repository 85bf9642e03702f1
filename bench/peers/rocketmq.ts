/**
 * Apache RocketMQ: a name server and one broker, or a master and its slave, driven by a client of the suite's
 * (it has no load tool among its artifacts).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCache } from './cache.js';
import {
  compiledClasses,
  HDR_HISTOGRAM,
  type JavaProgram,
  javaCall,
  meteredFigure,
  needJava,
  WARM_UP_SECONDS,
} from './java.js';
import { mavenJars } from './maven.js';
import { loopbackOnly } from './network.js';
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

  start: (cache, directory, durability) => RunningRocketmq.start(cache, directory, durability, false),
};

/** A master and a slave; an ack says that both have the batch. */
export const replicatedRocketmq: Peer = {
  ...rocketmq,
  system: 'rocketmq-replicated',
  title: 'Apache RocketMQ, master and slave',
  settings: {
    'page-cache': [
      'brokerRole=SYNC_MASTER, inSyncReplicas=2: the slave has appended the batch to its memory-mapped log before the ack',
      'flushDiskType=ASYNC_FLUSH (default)',
    ],
    disk: [
      'brokerRole=SYNC_MASTER, inSyncReplicas=2; the slave acks what it has appended, not what it has forced to disk',
      'flushDiskType=SYNC_FLUSH: the master forces its commit log to disk before the ack',
    ],
  },
  start: (cache, directory, durability) => RunningRocketmq.start(cache, directory, durability, true),
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
  /** In the order they were started. */
  readonly #services: readonly Service[];
  readonly #addresses: readonly string[];
  /** What every load program has in common. */
  readonly #load: Omit<JavaProgram, 'mainClass'>;
  #topicCount = 0;

  private constructor(
    services: readonly Service[],
    ports: { nameServer: number; broker: number },
    load: Omit<JavaProgram, 'mainClass'>,
  ) {
    this.#services = services;
    this.#load = load;
    this.url = `rocketmq://127.0.0.1:${ports.nameServer}`;
    this.#addresses = [
      '--name-server',
      `127.0.0.1:${ports.nameServer}`,
      '--broker',
      `127.0.0.1:${ports.broker}`,
    ];
  }

  static async start(
    cache: BenchCache,
    directory: string,
    durability: Durability,
    isReplicated: boolean,
  ): Promise<RunningRocketmq> {
    const { jars, classes } = await programs(cache);
    const services: Service[] = [];
    let within: readonly string[] = [];
    if (isReplicated) {
      // Its brokers listen for slaves on every address of the machine: so they get a machine of their own,
      // with loopback only.
      const network = await loopbackOnly();
      services.push(network.holder);
      within = network.within;
    }
    const ports = { nameServer: await freePort(), broker: await freePort() };
    const nameServerFile = writeNameServer(directory, ports.nameServer);
    const options = { cwd: directory, env: { ROCKETMQ_HOME: directory } };
    const own = isReplicated ? classes : `${classes}:${writeServices(directory)}`;
    const base = { jars, classes: own, flags: FLAGS, home: directory, within };
    const serve = async (mainClass: string, heap: string, file: string): Promise<void> => {
      const service = new Service(...javaCall({ ...base, heap, mainClass, args: ['-c', file] }), options);
      services.push(service);
      await service.until(() => service.output.includes('boot success'));
    };
    await serve('org.apache.rocketmq.namesrv.NamesrvStartup', '512m', nameServerFile);
    const nodes = isReplicated ? (['SYNC_MASTER', 'SLAVE'] as const) : (['ASYNC_MASTER'] as const);
    for (const role of nodes) {
      const port = role === 'SLAVE' ? await freePort() : ports.broker;
      const haPort = isReplicated ? await freePort() : null;
      const file = writeBroker(directory, { role, port, haPort, nameServer: ports.nameServer, durability });
      await serve('org.apache.rocketmq.broker.BrokerStartup', isReplicated ? '2g' : '4g', file);
    }
    const load = {
      ...base,
      heap: '1g',
      flags: [`-Drmq.logback.configurationFile=${writeQuietLog(directory)}`],
    };
    return new RunningRocketmq(services, ports, load);
  }

  get pids(): readonly number[] {
    return this.#services.map((service) => service.pid);
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
    for (const service of [...this.#services].reverse()) {
      await service.stop();
    }
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

function writeNameServer(directory: string, port: number): string {
  const path = join(directory, 'namesrv.properties');
  writeProperties(path, {
    listenPort: port,
    bindAddress: '127.0.0.1',
    kvConfigPath: join(directory, 'kvConfig.json'),
    configStorePath: path,
  });
  return path;
}

/** A broker's file. All its ports are on loopback, but for that of its slaves, which is on every address there is. */
function writeBroker(
  directory: string,
  broker: {
    role: 'ASYNC_MASTER' | 'SYNC_MASTER' | 'SLAVE';
    port: number;
    haPort: number | null;
    nameServer: number;
    durability: Durability;
  },
): string {
  const { role, port, haPort, nameServer, durability } = broker;
  const store = join(directory, `store-${role}`);
  mkdirSync(store);
  const path = join(directory, `broker-${role}.properties`);
  writeProperties(path, {
    brokerClusterName: 'bench',
    brokerName: 'bench',
    brokerId: role === 'SLAVE' ? 1 : 0,
    brokerRole: role,
    ...(role === 'SYNC_MASTER' ? { inSyncReplicas: 2 } : {}),
    ...(haPort === null ? {} : { haListenPort: haPort }),
    namesrvAddr: `127.0.0.1:${nameServer}`,
    brokerIP1: '127.0.0.1',
    brokerIP2: '127.0.0.1',
    bindAddress: '127.0.0.1',
    listenPort: port,
    storePathRootDir: store,
    storePathCommitLog: join(store, 'commitlog'),
    autoCreateTopicEnable: false,
    flushDiskType: durability === 'disk' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH',
    // By default it refuses requests as "broker busy" that have waited for 200 ms, as some do while it warms
    // up.
    waitTimeMillsInSendQueue: 10_000,
    osPageCacheBusyTimeOutMills: 10_000,
    // The defaults give a consumer no more than 32 messages a pull.
    maxTransferCountOnMessageInMemory: 4096,
    maxTransferBytesOnMessageInMemory: 4 << 20,
    maxTransferCountOnMessageInDisk: 4096,
    maxTransferBytesOnMessageInDisk: 4 << 20,
  });
  return path;
}

function writeProperties(path: string, properties: Record<string, string | number | boolean>): void {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(''));
}
