/** A small cluster for tests: a name server and masters in this process, and clients that are closed after each test. */
import {
  type Broker,
  type NameServer,
  type OpenBrokerOptions,
  openBroker,
  openNameServer,
} from '../../../broker/index.js';
import { type Client, type ConnectOptions, connect } from '../../../native-free/client/index.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';

const SMALL = {
  ringBytes: 4 * 1024 * 1024,
  memoryRingBytes: 4 * 1024 * 1024,
  spanBytes: 256 * 1024,
  segmentBytes: 4 * 1024 * 1024,
};

export class Master {
  readonly name: string;
  readonly dataDir = makeDirectory();
  /** What it is opened with besides, the next time. */
  options: Partial<OpenBrokerOptions> = {};
  readonly #nameServer: () => string;
  #broker: Broker | null = null;
  #port = 0;

  constructor(name: string, nameServer: () => string) {
    this.name = name;
    this.#nameServer = nameServer;
  }

  get isUp(): boolean {
    return this.#broker !== null;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#broker = await openBroker({
      ...SMALL,
      dataDir: this.dataDir,
      name: this.name,
      flush: 'async',
      nameServers: [this.#nameServer()],
      ...this.options,
    });
    const { port } = await this.#broker.listen({ port: this.#port, listener: 'ws', threads: 1 });
    this.#port = port;
  }

  /** Its connections end, nobody answers at its address any more, and its directory is free. */
  async stop(): Promise<void> {
    const broker = this.#broker;
    this.#broker = null;
    await broker?.close();
  }

  /** A client of its own, to this broker alone. */
  client(): Client {
    return (this.#broker as Broker).client();
  }
}

export class Cluster {
  readonly masters: Master[] = [];
  readonly #clients: Client[] = [];
  #nameServer: NameServer | null = null;
  #url = '';
  #names = 0;

  get url(): string {
    return this.#url;
  }

  async open(names: readonly string[]): Promise<this> {
    await this.startNameServer();
    for (const name of names) {
      await this.add(name);
    }
    const client = await this.client();
    await until(() => (client.broker.brokerSets ?? []).length === names.length);
    return this;
  }

  async startNameServer(): Promise<void> {
    const port = this.#url === '' ? 0 : Number(new URL(this.#url).port);
    this.#nameServer = await openNameServer({ port, listener: 'ws' });
    this.#url = this.#nameServer.url;
  }

  async stopNameServer(): Promise<void> {
    await this.#nameServer?.close();
    this.#nameServer = null;
  }

  async add(name: string): Promise<Master> {
    const master = new Master(name, () => this.#url);
    this.masters.push(master);
    await master.start();
    return master;
  }

  master(name: string): Master {
    return this.masters.find((master) => master.name === name) as Master;
  }

  async client(options: ConnectOptions = {}): Promise<Client> {
    const client = await connect(this.#url, {
      reconnectMinMs: 5,
      reconnectMaxMs: 100,
      closeTimeoutMs: 1_000,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** A name not used before. */
  name(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  async topic(client: Client, queues: number): Promise<string> {
    const topic = this.name('topic');
    await client.admin().createTopic({ topic, queues });
    return topic;
  }

  async closeClients(): Promise<void> {
    const stop = AbortSignal.abort();
    await Promise.all(
      this.#clients.splice(0).map((client) => client.close({ signal: stop }).catch(() => undefined)),
    );
  }

  async close(): Promise<void> {
    await this.closeClients();
    for (const master of this.masters) {
      await master.stop();
      removeDirectory(master.dataDir);
    }
    await this.stopNameServer();
  }
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
