/** A cluster as a file of deploy/compose says, on the test's own network in place of one that the engine makes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { type Client, type ClientOptions, connect } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { type CommandResult, must } from './command.js';
import type { Engine } from './engine.js';
import { ADMIN_PASSWORD, BASE_IMAGE } from './names.js';
import type { TestNetwork } from './network.js';

export const COMPOSE_MODES = [
  'single',
  'multi-master',
  'async-replication',
  'sync-double-write',
  'failover',
] as const;
export type ComposeMode = (typeof COMPOSE_MODES)[number];

const HEALTHY_WITHIN_MS = 90_000;
const LOOK_MS = 250;
const PROJECT = 'ringmq';

interface ComposeFile {
  services: Record<string, Record<string, unknown>>;
}

export class ComposeCluster {
  readonly mode: ComposeMode;
  readonly services: readonly string[];
  readonly #engine: Engine;
  readonly #network: TestNetwork;
  readonly #file: string;
  readonly #original: string;
  #image: string;

  private constructor(
    mode: ComposeMode,
    engine: Engine,
    network: TestNetwork,
    {
      file,
      original,
      services,
      image,
    }: { file: string; original: string; services: readonly string[]; image: string },
  ) {
    this.mode = mode;
    this.services = services;
    this.#engine = engine;
    this.#network = network;
    this.#file = file;
    this.#original = original;
    this.#image = image;
  }

  /** To be started with `up`, and taken down whether that goes well or not. */
  static async make(
    mode: ComposeMode,
    root: string,
    engine: Engine,
    network: TestNetwork,
    image: string,
  ): Promise<ComposeCluster> {
    const original = join(root, `deploy/compose/${mode}.yaml`);
    const compose = parse(readFileSync(original, 'utf8'), { merge: true }) as ComposeFile;
    const services = Object.keys(compose.services);
    await network.join(services);
    for (const [name, service] of Object.entries(compose.services)) {
      // Containers join the namespaces that are there; nothing else of the file is another.
      service['network_mode'] = `container:${network.place(name).holder}`;
      delete service['ports'];
    }
    const file = engine.places.file(`${mode}.yaml`);
    writeFileSync(file, stringify(compose, { aliasDuplicateObjects: false }));
    return new ComposeCluster(mode, engine, network, { file, original, services, image });
  }

  /** Resolves once every container says that it is well. The file is looked at as it is, too: nothing of it is unknown. */
  async up(): Promise<void> {
    await this.#compose(['config', '-q'], this.#original);
    await this.#compose(['--no-ansi', 'up', '-d']);
    await this.healthy();
  }

  get brokers(): string[] {
    return this.services.filter((name) => !/^(ns|etcd)-/.test(name));
  }

  get url(): string {
    return this.services
      .filter((name) => name.startsWith('ns-'))
      .map((name) => `ws://${name}:9800`)
      .join(',');
  }

  container(service: string): string {
    return `${PROJECT}_${service}_1`;
  }

  connect(options: ClientOptions = {}): Promise<Client> {
    return connect(this.url, {
      credentials: { scheme: 'scram', user: 'admin', password: ADMIN_PASSWORD },
      connectTimeoutMs: 30_000,
      ...options,
    });
  }

  /** `ringmq` inside the container of a service. */
  cli(service: string, args: readonly string[], input = ''): Promise<CommandResult> {
    return this.#engine.try(
      [
        ...['exec', '-i', '-e', 'RINGMQ_USER=admin', '-e', `RINGMQ_PASSWORD=${ADMIN_PASSWORD}`],
        ...['-e', `RINGMQ_URL=${this.url}`, this.container(service), 'ringmq', ...args],
      ],
      { input },
    );
  }

  async mustCli(service: string, args: readonly string[], input = ''): Promise<string> {
    const { status, stdout, stderr } = await this.cli(service, args, input);
    if (status !== 0) {
      throw new Error(`ringmq ${args.join(' ')} ended with ${status}: ${stderr}`);
    }
    return stdout;
  }

  /** Waits until all of these say that they are well. */
  async healthy(services: readonly string[] = this.services): Promise<void> {
    let left = [...services];
    for (const until = monotonicMs() + HEALTHY_WITHIN_MS; monotonicMs() < until; await delay(LOOK_MS)) {
      const areWell = await Promise.all(left.map(isWell));
      left = left.filter((_, i) => areWell[i] !== true);
      if (left.length === 0) {
        return;
      }
    }
    const logs = await Promise.all(left.map((name) => this.lastLines(name)));
    throw new Error(`not healthy: ${left.join(', ')}\n${logs.join('\n')}`);
  }

  async lastLines(service: string): Promise<string> {
    const { stdout, stderr } = await this.#engine.try(['logs', '--tail', '5', this.container(service)]);
    return `${service}: ${stdout}${stderr}`.trim();
  }

  /** Kills the process, as if it had crashed: the engine starts the container again by itself. */
  async crash(service: string): Promise<void> {
    process.kill(Number(await this.#engine.inspect(this.container(service), '{{.State.Pid}}')), 'SIGKILL');
  }

  /** Ends the container for good, at once. */
  async kill(service: string): Promise<void> {
    await this.#engine.docker(['kill', this.container(service)]);
  }

  async start(service: string): Promise<void> {
    await this.#engine.docker(['start', this.container(service)]);
  }

  /** SIGTERM, and again. */
  async restart(service: string): Promise<void> {
    await this.#engine.docker(['restart', '-t', '30', this.container(service)]);
    await this.healthy([service]);
  }

  cut(service: string): Promise<void> {
    return this.#network.cut(service);
  }

  heal(service: string): Promise<void> {
    return this.#network.heal(service);
  }

  /** The container goes with all that it stored; an empty one takes its place. */
  async throwVolumeAway(service: string): Promise<void> {
    await this.#engine.docker(['rm', '-f', this.container(service)]);
    await this.#engine.docker(['volume', 'rm', `${PROJECT}_${service}`]);
    await this.#compose(['--no-ansi', 'up', '-d', '--no-deps', service]);
  }

  /** Replaces the image of one service; its volume stays. */
  async update(service: string, image: string): Promise<void> {
    this.#image = image;
    await this.#compose(['--no-ansi', 'up', '-d', '--no-deps', service]);
    await this.healthy([service]);
  }

  image(service: string): Promise<string> {
    return this.#engine.inspect(this.container(service), '{{.Config.Image}}');
  }

  async down(): Promise<void> {
    await this.#compose(['kill']);
    await this.#compose(['down', '-v']);
    await this.#network.leave();
  }

  async #compose(args: readonly string[], file = this.#file): Promise<void> {
    await must('docker-compose', ['-p', PROJECT, '-f', file, ...args], {
      timeoutMs: 180_000,
      env: {
        ...this.#engine.env,
        RINGMQ_IMAGE: this.#image,
        ETCD_IMAGE: BASE_IMAGE,
        RINGMQ_SECRETS: this.#engine.places.secrets,
        COMPOSE_IGNORE_ORPHANS: '1',
      },
    });
  }
}

/** What the health check of its container asks. */
function isWell(service: string): Promise<boolean> {
  const port = service.startsWith('ns-') ? 9800 : service.startsWith('etcd-') ? 2379 : 9876;
  const page = port === 2379 ? 'health' : 'healthz';
  return fetch(`http://${service}:${port}/${page}`, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );
}
