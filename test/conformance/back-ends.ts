/**
 * The ways to get a client, behind one interface: the same tests run over each of them. `RINGMQ_LISTENER=ws`
 * leaves out the native listener, which not every machine can load.
 */
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import {
  attach,
  type Broker,
  type BrokerHandle,
  type Client,
  type ClientOptions,
  connect,
  type OpenBrokerOptions,
  openBroker,
  openNameServer,
} from '../../broker/index.js';
import type { BrokerWorkerMessage } from './broker-worker.js';

export type ListenerName = 'uws' | 'ws';
export type BackEndName = 'embedded' | 'attached' | 'cluster' | ListenerName;

export const LISTENERS: readonly ListenerName[] =
  process.env['RINGMQ_LISTENER'] === 'ws' ? ['ws'] : ['uws', 'ws'];
export const BACK_ENDS: readonly BackEndName[] = ['embedded', 'attached', ...LISTENERS];

/** Small enough to open in a moment, large enough for the largest message. */
const SMALL: OpenBrokerOptions = {
  flush: 'sync',
  ringBytes: 16 * 1024 * 1024,
  memoryRingBytes: 32 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
  maxQueues: 16_384,
};

/** Remote clients come back soon, and have the patience that a slow machine needs. */
const REMOTE: ClientOptions = {
  reconnectMinMs: 5,
  reconnectMaxMs: 50,
  connectTimeoutMs: 100_000,
  requestTimeoutMs: 100_000,
};

/** A running broker and the way to it. */
export interface BackEnd {
  readonly name: BackEndName;
  /** The listener's port; 0 where there is none. */
  readonly port: number;
  /** A new client; the caller closes it. `options` are for remote ones. */
  client(options?: ClientOptions): Promise<Client>;
  /** Closes the broker and opens it again on the same directory, and the same port. */
  restart(): Promise<void>;
  /** Closes the broker and deletes its directory. */
  close(): Promise<void>;
}

/** One run of the broker. */
interface Running {
  client(options: ClientOptions): Promise<Client>;
  close(): Promise<void>;
}

/** Opens a broker in a new directory below `parent`. */
export async function openBackEnd(
  name: BackEndName,
  options: OpenBrokerOptions = {},
  parent = tmpdir(),
): Promise<BackEnd> {
  const dataDir = mkdtempSync(join(parent, 'ringmq-conformance-'));
  const all = { ...SMALL, ...options, dataDir };
  let port = 0;
  const start = async (): Promise<Running> => {
    if (name === 'attached') {
      return startAttached(all);
    }
    if (name === 'cluster') {
      return startCluster(all);
    }
    const broker = await openBroker(all);
    if (name === 'embedded') {
      return { client: async () => broker.client(), close: () => broker.close() };
    }
    port = await listenOn(broker, name, port);
    return {
      client: (clientOptions) => connect(`ws://127.0.0.1:${port}`, { ...REMOTE, ...clientOptions }),
      close: () => broker.close(),
    };
  };
  let running = await start();
  return {
    name,
    port,
    client: (clientOptions = {}) => running.client(clientOptions),
    restart: async () => {
      await running.close();
      running = await start();
    },
    close: async () => {
      await running.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function listenOn(broker: Broker, listener: ListenerName, port: number): Promise<number> {
  return (await broker.listen({ port, listener, threads: 1 })).port;
}

/**
 * Two masters and a name server; clients are told the name server's address alone. Topics lie in one of the
 * two sets, so that they have as many queues as the tests ask for.
 */
async function startCluster(options: OpenBrokerOptions): Promise<Running> {
  const nameServer = await openNameServer({ port: 0, listener: 'ws' });
  const brokers: Broker[] = [];
  for (const name of ['a', 'b']) {
    const dataDir = join(options.dataDir as string, name);
    mkdirSync(dataDir, { recursive: true });
    const broker = await openBroker({ ...options, dataDir, name, nameServers: [nameServer.url] });
    brokers.push(broker);
    await broker.listen({ port: 0, listener: 'ws', threads: 1 });
  }
  return {
    client: async (clientOptions) => {
      for (;;) {
        const client = await connect(nameServer.url, { ...REMOTE, ...clientOptions });
        if (client.broker.brokerSets?.length === brokers.length) {
          return withTopicsIn(client, TOPICS_SET);
        }
        await client.close();
      }
    },
    close: async () => {
      await Promise.all(brokers.map((broker) => broker.close()));
      await nameServer.close();
    },
  };
}

/** The set that topics of the cluster lie in. */
export const TOPICS_SET = 'b';

function withTopicsIn(client: Client, set: string): Client {
  const admin = client.admin.bind(client);
  client.admin = () => {
    const made = admin();
    const createTopic = made.createTopic.bind(made);
    made.createTopic = (topic, options) => {
      let placed = topic;
      try {
        placed = typeof topic === 'object' ? { sets: [set], ...topic } : topic;
      } catch {
        // What cannot be read is for the client to refuse.
      }
      return createTopic(placed, options);
    };
    return made;
  };
  return client;
}

/** The broker on another thread, and this thread attached to it. */
async function startAttached(options: OpenBrokerOptions): Promise<Running> {
  const worker = new Worker(new URL('./broker-worker.js', import.meta.url), { workerData: options });
  const handle = await new Promise<BrokerHandle>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: BrokerWorkerMessage) => {
      if (message.type === 'open') {
        resolve(message.handle);
      }
    });
  });
  return {
    client: () => attach(handle),
    close: async () => {
      const exited = once(worker, 'exit');
      worker.postMessage('close');
      await exited;
    },
  };
}
