/** Apache ActiveMQ Artemis, made and driven by its own command: `create`, `run`, `perf`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { perfConsumer, perfProducer } from './artemis-perf.js';
import type { BenchCache } from './cache.js';
import { type JavaProgram, javaCall, LOG_WARNINGS, needJava } from './java.js';
import { mavenJars } from './maven.js';
import type { Durability, Figure, Peer, RunningPeer, Work } from './peer.js';
import { freePort, runCommand, Service } from './processes.js';

const VERSION = '2.44.0';
const NAME = `artemis-${VERSION}`;
const COMMAND = 'org.apache.activemq.artemis.cli.Artemis';
const USER = 'bench';

/** Without it `perf` measures in milliseconds. */
const MICROSECOND_CLOCK = '--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED';

export const artemis: Peer = {
  system: 'artemis',
  title: 'Apache ActiveMQ Artemis',
  isRival: true,
  durabilities: ['page-cache', 'disk'],
  settings: {
    'page-cache': [
      'journal-datasync=false (create --no-fsync): the journal is written but not forced to disk before the ack; a power cut loses acked messages',
      'persistent messages: each is in the journal before the ack',
    ],
    disk: [
      'journal-datasync=true (default): the journal is forced to disk before the ack, once for all that wait (journal-buffer-timeout as `create` measures it)',
      'persistent messages: each is in the journal before the ack',
    ],
  },

  async install(cache) {
    await needJava();
    await jarsOf(cache);
    return VERSION;
  },

  start: (cache, directory, durability) => RunningArtemis.start(cache, directory, durability),
};

function jarsOf(cache: BenchCache): Promise<string> {
  return mavenJars(cache, NAME, [
    `org.apache.activemq:artemis-cli:${VERSION}`,
    `org.apache.activemq:artemis-amqp-protocol:${VERSION}`,
    'org.slf4j:slf4j-simple:2.0.17',
  ]);
}

class RunningArtemis implements RunningPeer {
  readonly url: string;
  readonly #broker: Service;
  readonly #port: number;
  /** What every call of its command has in common. */
  readonly #command: Omit<JavaProgram, 'args'>;
  #addressCount = 0;

  private constructor(broker: Service, port: number, command: Omit<JavaProgram, 'args'>) {
    this.#broker = broker;
    this.#port = port;
    this.#command = command;
    this.url = `amqp://${USER}:${USER}@127.0.0.1:${port}`;
  }

  static async start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningArtemis> {
    const jars = await jarsOf(cache);
    const port = await freePort();
    const instance = join(directory, 'instance');
    const flags = [LOG_WARNINGS, MICROSECOND_CLOCK, `-Dartemis.home=${directory}`];
    const command = { jars, heap: '1g', flags, home: directory, mainClass: COMMAND };
    await runCommand(...javaCall({ ...command, args: createArgs(instance, port, durability) }), {
      timeoutMs: 120_000,
    });
    keepTwoProtocols(join(instance, 'etc', 'broker.xml'));
    const broker = new Service(
      ...javaCall({ ...command, heap: '4g', flags: brokerFlags(directory, instance), args: ['run'] }),
      {
        cwd: instance,
      },
    );
    await broker.until(() => broker.output.includes('Server is now active'));
    return new RunningArtemis(broker, port, command);
  }

  get pids(): readonly number[] {
    return [this.#broker.pid];
  }

  run(work: Work): Promise<Figure> {
    const address = `bench-${this.#addressCount++}`;
    const target = { command: this.#command, port: this.#port, user: USER, address };
    return work.kind === 'drain' ? perfConsumer(target, work) : perfProducer(target, work);
  }

  async stop(): Promise<void> {
    await this.#broker.stop();
  }
}

/** One acceptor, no web console; without an answer to --allow-anonymous it would ask. */
function createArgs(instance: string, port: number, durability: Durability): string[] {
  const args = ['create', '--silent', '--no-web', '--host', '127.0.0.1', '--default-port', `${port}`];
  args.push('--no-amqp-acceptor', '--no-hornetq-acceptor', '--no-mqtt-acceptor', '--no-stomp-acceptor');
  args.push('--user', USER, '--password', USER, '--allow-anonymous', '--name', 'bench');
  if (durability !== 'disk') {
    args.push('--no-fsync');
  }
  return [...args, instance];
}

/** What the instance's own start script sets. */
function brokerFlags(directory: string, instance: string): string[] {
  return [
    LOG_WARNINGS,
    '-Dorg.slf4j.simpleLogger.log.org.apache.activemq.artemis.core.server=info',
    '-XX:AutoBoxCacheMax=20000',
    '-XX:+UseStringDeduplication',
    MICROSECOND_CLOCK,
    `-Djava.security.auth.login.config=${join(instance, 'etc', 'login.config')}`,
    `-Dartemis.home=${directory}`,
    `-Dartemis.instance=${instance}`,
    `-Ddata.dir=${join(instance, 'data')}`,
    `-Dartemis.instance.etc=${join(instance, 'etc')}`,
  ];
}

/** The acceptor that `create` makes names protocols that are not on the class path. */
function keepTwoProtocols(path: string): void {
  const settings = readFileSync(path, 'utf8').replace(/protocols=CORE,[A-Z,]+/, 'protocols=CORE,AMQP');
  writeFileSync(path, settings);
}
