/** Brings up whatever of a cluster does not run: name servers, then masters, then slaves. */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import type { ClusterFile, ClusterFolder, ClusterNode } from './cluster-folder.js';
import { hasSlaves, nodeArguments } from './cluster-plan.js';
import { type ClusterView, statusOfFolder } from './cluster-status.js';
import { NodeProcess } from './node-process.js';

/** From the last node that serves until every name server has heard of all. */
const REGISTERED_MS = 60_000;
const LOOK_MS = 100;

export interface StartedCluster {
  nameServers: { name: string; url: string }[];
  brokers: { name: string; set: string; role: 'master' | 'slave'; url: string }[];
}

/** Starts what does not run and waits until all serve and are known. What it started itself it ends again when one does not come up. */
export async function startCluster(folder: ClusterFolder, file: ClusterFile): Promise<StartedCluster> {
  const starter = new Starter(folder, file);
  try {
    const servers = file.nodes.filter(({ kind }) => kind === 'nameserver');
    await starter.startAll(servers);
    await starter.startAll(file.nodes.filter(({ role }) => role === 'master'));
    await starter.startAll(file.nodes.filter(({ role }) => role === 'slave'));
    await waitForAll(folder, file);
  } catch (error) {
    await starter.undo();
    throw error;
  }
  return starter.result();
}

/** One node, whose name servers run or not. */
export async function startNode(folder: ClusterFolder, file: ClusterFile, name: string): Promise<string> {
  const node = file.nodes.find((one) => one.name === name) as ClusterNode;
  return new Starter(folder, file).start(node);
}

class Starter {
  readonly #folder: ClusterFolder;
  readonly #file: ClusterFile;
  readonly #urls = new Map<string, string>();
  readonly #started: NodeProcess[] = [];

  constructor(folder: ClusterFolder, file: ClusterFile) {
    this.#folder = folder;
    this.#file = file;
  }

  async startAll(nodes: readonly ClusterNode[]): Promise<void> {
    const results = await Promise.allSettled(nodes.map((node) => this.start(node)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      throw failed.reason;
    }
  }

  async start(node: ClusterNode): Promise<string> {
    const process = new NodeProcess(node.name, this.#folder.nodeFolder(node.name));
    const url = process.running() === null ? null : process.url();
    if (url !== null) {
      this.#urls.set(node.name, url);
      return url;
    }
    if (process.running() !== null) {
      throw new RingMQError(
        'BROKER_BUSY',
        `${node.name} runs and does not serve yet; wait, look at ${process.logPath}, or end it with ringmq cluster kill ${node.name}`,
        { details: { node: node.name, log: process.logPath } },
      );
    }
    this.#started.push(process);
    const args = nodeArguments(node, this.#file.options, {
      cluster: this.#file.cluster,
      dataDir: process.dataDir,
      secretFile: this.#folder.secretFile(),
      nameServerUrls: this.#nameServerUrls(),
    });
    const served = await process.start(args);
    this.#urls.set(node.name, served);
    this.#keepPort(node, served);
    return served;
  }

  async undo(): Promise<void> {
    await Promise.all(this.#started.map((process) => process.stop()));
  }

  result(): StartedCluster {
    const { nodes } = this.#file;
    const url = ({ name }: ClusterNode): string => this.#urls.get(name) as string;
    return {
      nameServers: nodes
        .filter(({ kind }) => kind === 'nameserver')
        .map((node) => ({ name: node.name, url: url(node) })),
      brokers: nodes
        .filter(({ kind }) => kind === 'broker')
        .map((node) => ({
          name: node.name,
          set: node.set as string,
          role: node.role as 'master' | 'slave',
          url: url(node),
        })),
    };
  }

  /** Clients and the other nodes keep its address: it has the same port in its next life. */
  #keepPort(node: ClusterNode, url: string): void {
    const port = Number(new URL(url).port);
    if (node.port !== port) {
      node.port = port;
      this.#folder.write(this.#file);
    }
  }

  #nameServerUrls(): string[] {
    return this.#file.nodes
      .filter(({ kind, port }) => kind === 'nameserver' && port !== 0)
      .map(({ port }) => `ws://127.0.0.1:${port}`);
  }
}

/** Every name server knows every broker, and under sync replication every slave is in sync: the first message is taken. */
async function waitForAll(folder: ClusterFolder, file: ClusterFile): Promise<void> {
  const until = monotonicMs() + REGISTERED_MS;
  for (;;) {
    const view = await statusOfFolder(folder, file);
    const missing = notReady(view, file);
    if (missing.length === 0) {
      return;
    }
    if (monotonicMs() > until) {
      throw new RingMQError(
        'TIMEOUT',
        `after ${REGISTERED_MS / 1_000} s these are not ready: ${missing.join(', ')}; their logs are in ${folder.path}`,
        { details: { missing } },
      );
    }
    await delay(LOOK_MS);
  }
}

function notReady(view: ClusterView, file: ClusterFile): string[] {
  const names = [...view.nameServers, ...view.brokers].filter(({ up }) => !up).map(({ name }) => name);
  const wants = hasSlaves(file.options.mode);
  for (const broker of view.brokers) {
    if (wants && broker.up && broker.role === 'slave' && broker.inSync !== true) {
      names.push(`${broker.name} (not in sync)`);
    }
  }
  return names;
}
