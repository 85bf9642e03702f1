/** One broker in a container, without a cluster and without an init, on an address of loopback. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, connect } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { TOPIC } from '../cluster/load.js';
import type { Engine } from './engine.js';
import { IMAGE } from './names.js';

const SERVES_WITHIN_MS = 60_000;

export interface PlainOptions {
  name: string;
  address: string;
  /** Of `docker run`, beside what all have. */
  flags?: readonly string[];
  /** Of `ringmq broker`. */
  brokerFlags?: readonly string[];
}

export class PlainContainer {
  readonly name: string;
  readonly url: string;
  readonly #engine: Engine;

  private constructor(engine: Engine, name: string, url: string) {
    this.#engine = engine;
    this.name = name;
    this.url = url;
  }

  static async run(
    engine: Engine,
    { name, address, flags = [], brokerFlags = [] }: PlainOptions,
  ): Promise<PlainContainer> {
    const place = `${address}:9876`;
    await engine.docker([
      ...['run', '-d', '--name', name, '--network', 'host', '--read-only', '--cap-drop', 'ALL'],
      ...['--security-opt', 'no-new-privileges', '-v', `${name}:/data`, '-e', `RINGMQ_LISTEN=${place}`],
      ...[...flags, IMAGE, 'broker', ...brokerFlags],
    ]);
    const container = new PlainContainer(engine, name, `ws://${place}`);
    await container.serves();
    return container;
  }

  async serves(): Promise<void> {
    const page = this.url.replace('ws:', 'http:');
    for (const until = monotonicMs() + SERVES_WITHIN_MS; monotonicMs() < until; await delay(50)) {
      if (
        await fetch(`${page}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        )
      ) {
        return;
      }
      if ((await this.state('Running')) !== 'true') {
        break;
      }
    }
    throw new Error(`${this.name} does not serve: ${await this.log()}`);
  }

  /** A client, and the topic that loads send to. */
  async connect(): Promise<Client> {
    const client = await connect(this.url, { connectTimeoutMs: 30_000 });
    const topics = await client.admin().listTopics();
    if (!topics.some(({ topic }) => topic === TOPIC)) {
      await client.admin().createTopic({ topic: TOPIC, queues: 4 });
    }
    return client;
  }

  state(field: string): Promise<string> {
    return this.#engine.inspect(this.name, `{{.State.${field}}}`);
  }

  async log(): Promise<string> {
    const { stdout, stderr } = await this.#engine.try(['logs', this.name]);
    return stdout + stderr;
  }

  /** Runs a program of Node in it. */
  node(program: string): Promise<string> {
    return this.#engine.docker(['exec', this.name, 'node', '--input-type=module', '-e', program]);
  }

  async start(): Promise<void> {
    await this.#engine.docker(['start', this.name]);
    await this.serves();
  }

  async remove(): Promise<void> {
    await this.#engine.try(['rm', '-f', this.name]);
    await this.#engine.try(['volume', 'rm', this.name]);
  }
}
