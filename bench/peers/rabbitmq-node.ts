/** One RabbitMQ node out of unpacked packages: its own directories, ports, cookie and port mapper, all on loopback. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import type { DebianTree } from './debian.js';
import { freePort, Service } from './processes.js';

/** What its start script sets. */
const RUNTIME_FLAGS = [
  ...[
    '+W',
    'w',
    '+MBas',
    'ageffcbf',
    '+MHas',
    'ageffcbf',
    '+MBlmbcs',
    '512',
    '+MHlmbcs',
    '512',
    '+MMmcs',
    '30',
  ],
  ...['+P', '1048576', '+t', '5000000', '+stbt', 'db', '+zdbbl', '128000'],
  ...['+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none'],
];

export class RabbitNode {
  readonly port: number;
  readonly #server: Service;
  readonly #portMapper: Service;

  private constructor(port: number, server: Service, portMapper: Service) {
    this.port = port;
    this.#server = server;
    this.#portMapper = portMapper;
  }

  get pids(): readonly number[] {
    return [this.#server.pid];
  }

  /** The virtual machine is started as such, not by the scripts around it, so that its pid is known and ends it. */
  static async start({ root, env }: DebianTree, directory: string): Promise<RabbitNode> {
    const erlang = join(root, 'usr/lib/erlang');
    const binaries = join(erlang, onlyMatch(erlang, /^erts-/), 'bin');
    const rabbit = join(root, 'usr/lib/rabbitmq/lib');
    const home = join(rabbit, onlyMatch(rabbit, /^rabbitmq_server-/));
    const [port, distributionPort, mapperPort] = [await freePort(), await freePort(), await freePort()];
    writeFileSync(join(directory, '.erlang.cookie'), randomBytes(16).toString('hex'), { mode: 0o400 });
    writeFileSync(join(directory, 'enabled_plugins'), '[].\n');
    for (const each of ['mnesia', 'log']) {
      mkdirSync(join(directory, each));
    }
    const portMapper = { ERL_EPMD_ADDRESS: '127.0.0.1', ERL_EPMD_PORT: `${mapperPort}` };
    const environment = {
      ...env,
      ...portMapper,
      ROOTDIR: erlang,
      BINDIR: binaries,
      EMU: 'beam',
      PROGNAME: 'erl',
      ERL_LIBS: join(home, 'plugins'),
      ERL_MAX_ETS_TABLES: '50000',
      ERL_CRASH_DUMP_SECONDS: '0',
      HOME: directory,
      RABBITMQ_HOME: home,
      RABBITMQ_NODENAME: 'bench@localhost',
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: `${port}`,
      RABBITMQ_DIST_PORT: `${distributionPort}`,
      RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_PLUGINS_DIR: join(home, 'plugins'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'enabled_plugins'),
      RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
      RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced'),
    };
    const distribution = ['-kernel', 'inet_dist_use_interface', '{127,0,0,1}', '-start_epmd', 'false'];
    const logging = ['-syslog', 'logger', '[]', '-syslog', 'syslog_error_logger', 'false'];
    const partitions = ['-kernel', 'prevent_overlapping_partitions', 'false'];
    const boot = ['-noinput', '-s', 'rabbit', 'boot', '-boot', 'start_sasl', '-pa', ''];
    const mapper = new Service(join(binaries, 'epmd'), ['-address', '127.0.0.1', '-port', mapperPort], {
      env: { ...env, ...portMapper },
    });
    // Else the node would start one of its own, which outlives it.
    await mapper.until(() => isOpen(mapperPort));
    const args = [...boot, ...RUNTIME_FLAGS, ...distribution, ...logging, ...partitions];
    const server = new Service(join(binaries, 'erlexec'), args, { cwd: directory, env: environment });
    const node = new RabbitNode(port, server, mapper);
    try {
      await server.until(() => server.output.includes('Server startup complete'));
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  async stop(): Promise<void> {
    await this.#server.stop('SIGTERM', 30_000);
    await this.#portMapper.stop();
  }
}

function onlyMatch(directory: string, pattern: RegExp): string {
  const name = readdirSync(directory).find((each) => pattern.test(each));
  if (name === undefined) {
    throw new Error(`nothing like ${pattern} in the unpacked packages`);
  }
  return name;
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
