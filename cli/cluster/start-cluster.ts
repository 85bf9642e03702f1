/** Brings up whatever of a cluster does not run: name servers, then masters, then slaves. */
import { RingMQError } from '../../native-free/wire/index.js';
import type { ClusterFile, ClusterFolder, ClusterNode } from './cluster-folder.js';
import { nodeArguments } from './cluster-plan.js';
import { NodeProcess } from './node-process.js';
import { nodeNotReady, notReady, untilReady } from './readiness.js';

export interface StartedCluster {
  nameServers: { name: string; url: string }[];
  brokers: { name: string; set: string; role: 'master' | 'slave'; url: string }[];
}

/**
 * Starts what does not run and waits until all serve, are known, and have their slaves with them; `waitMs`:
 * so long for the latter. What it started itself it ends again when one does not come up.
 */
export async function startCluster(
  folder: ClusterFolder,
  file: ClusterFile,
  waitMs: number,
): Promise<StartedCluster> {
  const starter = new Starter(folder, file);
  try {
    const servers = file.nodes.filter(({ kind }) => kind === 'nameserver');
    await starter.startAll(servers);
    await starter.startAll(file.nodes.filter(({ role }) => role === 'master'));
    await starter.startAll(file.nodes.filter(({ role }) => role === 'slave'));
  } catch (error) {
    await starter.undo();
    throw error;
  }
  // They go on, whether that is waited for or not: what a slave has to catch up with may take long.
  await untilReady(() => notReady(folder, file), folder, waitMs);
  return starter.result();
}

/** One node, whose name servers and whose set's others run or not. */
export async function startNode(
  folder: ClusterFolder,
  file: ClusterFile,
  name: string,
  waitMs: number,
): Promise<string> {
  const node = file.nodes.find((one) => one.name === name) as ClusterNode;
  const url = await new Starter(folder, file).start(node);
  if (node.set !== null) {
    await untilReady(() => nodeNotReady(folder, file, node), folder, waitMs);
  }
  return url;
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
