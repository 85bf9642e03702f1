/** A cluster as real processes, each reached over a link that the run controls, each with a disk and a clock that fail when it says so. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClusterView } from '../../cli/cluster/cluster-status.js';
import { NodeProcess } from '../../cli/cluster/node-process.js';
import { ask } from '../../native-free/client/internal.js';
import type { NameServerMethods } from '../../native-free/wire/index.js';
import { EtcdProcess } from '../cluster/etcd-process.js';
import { FaultyLink } from '../cluster/faulty-link.js';
import type { ChaosMode } from './modes.js';

export type BrokerRow = ClusterView['brokers'][number];

export interface ChaosNode {
  name: string;
  set: string;
  process: NodeProcess;
  /** In front of it: all others, clients too, reach it only so. */
  link: FaultyLink;
  /** From it to the name server. */
  toNameServer: FaultyLink;
  /** From it to etcd, where there is one. */
  toEtcd: FaultyLink | null;
}

/** Small, so that a log ends within a segment or two. */
const SIZES = ['--ring-size', '16MiB', '--memory-ring-size', '32MiB', '--segment-size', '16MiB'];
const IMPORTS = [
  new URL('../faults/faulty-fs.js', import.meta.url),
  new URL('./faulty-clock.js', import.meta.url),
];

export class ChaosSet {
  /** A node serves again. */
  onStarted: (name: string, set: string) => Promise<void> = () => Promise.resolve();
  readonly nodes: ChaosNode[] = [];
  readonly mode: ChaosMode;
  etcd: EtcdProcess | null = null;
  /** For clients. */
  url = '';
  readonly #directory: string;
  readonly #flush: 'sync' | 'async';
  readonly #nameServer: NodeProcess;
  readonly #ports = new Map<string, number>();

  constructor(directory: string, mode: ChaosMode, flush: 'sync' | 'async') {
    this.#directory = directory;
    this.mode = mode;
    this.#flush = flush;
    this.#nameServer = new NodeProcess('ns', this.#folder('ns'));
  }

  #folder(name: string): string {
    const folder = join(this.#directory, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async start(): Promise<void> {
    this.etcd = this.mode.hasController ? await EtcdProcess.start() : null;
    await this.startNameServer();
    for (const set of this.mode.sets) {
      for (const name of this.mode.hasSlaves ? [set, `${set}-slave`] : [set]) {
        await this.#startFirst(name, set);
      }
    }
  }

  async #startFirst(name: string, set: string): Promise<void> {
    const folder = this.#folder(name);
    const env = {
      NODE_OPTIONS: IMPORTS.map((url) => `--import=${fileURLToPath(url)}`).join(' '),
      RINGMQ_TEST_FAULTS: join(folder, 'faults'),
      RINGMQ_TEST_CLOCK: join(folder, 'clock'),
    };
    const node: ChaosNode = {
      ...{ name, set },
      process: new NodeProcess(name, folder, env),
      link: await FaultyLink.open(() => this.#ports.get(name) ?? 1),
      toNameServer: await FaultyLink.open(() => Number(new URL(this.url).port)),
      toEtcd: this.etcd === null ? null : await FaultyLink.open(this.etcd.port),
    };
    this.nodes.push(node);
    await this.startNode(node);
  }

  /** Again at the same address, when it was there before. */
  async startNameServer(): Promise<void> {
    const port = this.url === '' ? 0 : new URL(this.url).port;
    this.url = await this.#nameServer.start(['nameserver', '--listen', `127.0.0.1:${port}`]);
  }

  async killNameServer(): Promise<void> {
    await this.#nameServer.kill();
  }

  async startNode({ name, set, process, link, toNameServer, toEtcd }: ChaosNode): Promise<void> {
    const isSlave = name !== set;
    const url = await process.start([
      ...['broker', '--data', process.dataDir, '--listen', `127.0.0.1:${this.#ports.get(name) ?? 0}`],
      ...['--name', name, '--broker-set', set],
      ...['--flush', this.#flush, ...SIZES],
      ...(this.mode.hasSlaves ? ['--replication', this.mode.replication] : []),
      ...(isSlave ? ['--role', 'slave'] : toEtcd === null ? ['--role', 'master'] : []),
      ...(toEtcd === null ? [] : ['--controller', `etcd://127.0.0.1:${toEtcd.port}`]),
      ...['--advertise', `ws://127.0.0.1:${link.port}`],
      ...['--name-server', `ws://127.0.0.1:${toNameServer.port}`],
    ]);
    this.#ports.set(name, Number(new URL(url).port));
    await this.onStarted(name, set);
  }

  /** Past its link: as whoever is on its side of a cut reaches it. */
  nearUrl({ name }: ChaosNode): string {
    return `ws://127.0.0.1:${this.#ports.get(name)}`;
  }

  node(name: string): ChaosNode {
    return this.nodes.find((node) => node.name === name) as ChaosNode;
  }

  /** Makes it master. */
  async promote(node: ChaosNode): Promise<void> {
    await ask(this.nearUrl(node), 'promote', {}, 30_000);
  }

  async status(): Promise<NameServerMethods['clusterStatus']['result']['brokers']> {
    const answer = await ask(this.url, 'clusterStatus', {});
    return (answer as NameServerMethods['clusterStatus']['result']).brokers;
  }

  /** `full`: its disk has no room. `sync`: nothing gets to the disk, and fdatasync says so. Null: it is well again. */
  setDisk({ name }: ChaosNode, fault: 'full' | 'sync' | null): void {
    const path = join(this.#folder(name), 'faults');
    if (fault === null) {
      rmSync(path, { force: true });
    } else {
      writeFileSync(path, fault);
    }
  }

  setClock({ name }: ChaosNode, offMs: number): void {
    writeFileSync(join(this.#folder(name), 'clock'), String(offMs));
  }

  /** Links and disks. A clock stays where it was set to. */
  heal(): void {
    for (const node of this.nodes) {
      node.link.heal();
      node.toNameServer.heal();
      node.toEtcd?.heal();
      this.setDisk(node, null);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ process }) => process.stop()));
    await this.#nameServer.stop();
    await Promise.all(
      this.nodes.flatMap(({ link, toNameServer, toEtcd }) => [
        link.close(),
        toNameServer.close(),
        toEtcd?.close(),
      ]),
    );
    await this.etcd?.end();
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
