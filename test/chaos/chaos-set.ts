/** A broker set and its name server as real processes, each reached over a link that the run controls. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask } from '../../cli/cluster/ask.js';
import type { ClusterView } from '../../cli/cluster/cluster-status.js';
import { NodeProcess } from '../../cli/cluster/node-process.js';
import type { NameServerMethods } from '../../native-free/wire/index.js';
import { FaultyLink } from '../cluster/faulty-link.js';

export type BrokerRow = ClusterView['brokers'][number];

export interface ChaosNode {
  name: string;
  process: NodeProcess;
  /** In front of it: all others, clients too, reach it only so. */
  link: FaultyLink;
  /** From it to the name server. */
  toNameServer: FaultyLink;
}

/** Small, so that a log ends within a segment or two. */
const SIZES = ['--ring-size', '16MiB', '--memory-ring-size', '32MiB', '--segment-size', '16MiB'];

export class ChaosSet {
  readonly nodes: ChaosNode[] = [];
  /** For clients. */
  url = '';
  readonly #directory: string;
  readonly #flush: 'sync' | 'async';
  readonly #nameServer: NodeProcess;
  readonly #ports = new Map<string, number>();

  constructor(directory: string, flush: 'sync' | 'async') {
    this.#directory = directory;
    this.#flush = flush;
    this.#nameServer = new NodeProcess('ns', join(directory, 'ns'));
  }

  async start(): Promise<void> {
    this.url = await this.#nameServer.start(['nameserver', '--listen', '127.0.0.1:0']);
    const nameServerPort = Number(new URL(this.url).port);
    for (const name of ['a', 'a-slave']) {
      const node: ChaosNode = {
        name,
        process: new NodeProcess(name, join(this.#directory, name)),
        link: await FaultyLink.open(() => this.#ports.get(name) ?? 1),
        toNameServer: await FaultyLink.open(nameServerPort),
      };
      this.nodes.push(node);
      await this.startNode(node);
    }
  }

  async startNode({ name, process, link, toNameServer }: ChaosNode): Promise<void> {
    const url = await process.start([
      ...['broker', '--data', process.dataDir, '--listen', `127.0.0.1:${this.#ports.get(name) ?? 0}`],
      ...['--name', name, '--broker-set', 'a', '--role', name === 'a' ? 'master' : 'slave'],
      ...['--replication', 'sync', '--flush', this.#flush, ...SIZES],
      ...[
        '--advertise',
        `ws://127.0.0.1:${link.port}`,
        '--name-server',
        `ws://127.0.0.1:${toNameServer.port}`,
      ],
    ]);
    this.#ports.set(name, Number(new URL(url).port));
  }

  node(name: string): ChaosNode {
    return this.nodes.find((node) => node.name === name) as ChaosNode;
  }

  /** Makes it master, spoken to past its link. */
  async promote({ name }: ChaosNode): Promise<void> {
    await ask(`ws://127.0.0.1:${this.#ports.get(name)}`, 'promote', {}, 30_000);
  }

  async status(): Promise<NameServerMethods['clusterStatus']['result']['brokers']> {
    const answer = await ask(this.url, 'clusterStatus', {});
    return (answer as NameServerMethods['clusterStatus']['result']).brokers;
  }

  heal(): void {
    for (const { link, toNameServer } of this.nodes) {
      link.heal();
      toNameServer.heal();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.stop()));
    await this.#nameServer.stop();
    await Promise.all(this.nodes.flatMap(({ link, toNameServer }) => [link.close(), toNameServer.close()]));
  }

  /** Of the first bytes of a stopped node's log. */
  digest(name: string, bytes: number): string {
    const directory = join(this.#directory, name, 'data', 'log');
    const hash = createHash('sha256');
    let left = bytes;
    for (const file of readdirSync(directory)
      .filter((one) => one.endsWith('.seg'))
      .sort()) {
      const content = readFileSync(join(directory, file)).subarray(0, left);
      hash.update(content);
      left -= content.length;
    }
    return hash.digest('hex');
  }
}
