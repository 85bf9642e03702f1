/** A cluster whose nodes have a machine each. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ClusterMode,
  defaultMasters,
  type NodePlan,
  nodeArguments,
  planNodes,
} from '../../../cli/cluster/cluster-plan.js';
import { type BrokerView, statusByUrls } from '../../../cli/cluster/cluster-status.js';
import { monotonicMs } from '../../../native-free/time/index.js';
import { makeDirectory, removeDirectory } from '../../cli/cli-process.js';
import { SMALL } from '../command/cluster-process.js';
import { Machines } from './machines.js';

const NAME_SERVER_PORT = 9800;
const BROKER_PORT = 9876;
/** The shortest there is: a broker ends a connection that has been silent for so long. */
const IDLE_SECONDS = 8;
/** All heartbeats are far shorter; a busy machine may add to them. */
const SURELY_NOTICED_MS = 60_000;

export class MachineCluster {
  readonly machines = new Machines();
  readonly #folder = makeDirectory();
  readonly #secretFile = join(this.#folder, 'secret');
  readonly #options: Parameters<typeof planNodes>[0];
  readonly #nodes: readonly NodePlan[];

  constructor(mode: ClusterMode, flush: 'sync' | 'async') {
    writeFileSync(this.#secretFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    this.#options = {
      ...{ mode, flush, masters: defaultMasters(mode), nameServers: mode === 'single' ? 1 : 2 },
      ...{ controller: null, firstPort: 0 },
      brokerFlags: [...SMALL.slice(1), '--idle-timeout', `${IDLE_SECONDS}s`],
    };
    this.#nodes = planNodes(this.#options);
  }

  /** Of its name servers. */
  get urls(): string[] {
    return this.#servers.map(({ name }) => this.urlOf(name));
  }

  urlOf(name: string): string {
    return `ws://${this.#addressOf(this.#node(name))}`;
  }

  /** Resolves once all nodes are up, and slaves in sync. */
  async startAll(): Promise<void> {
    for (const { name } of this.#nodes) {
      await this.machines.add(name);
    }
    for (const role of [null, 'master', 'slave']) {
      const ofRole = this.#nodes.filter((node) => node.role === role);
      await Promise.all(ofRole.map(({ name }) => this.start(name)));
    }
    await this.until('all are up, and slaves in sync', async () => {
      const all = await this.#brokers();
      // A master says of a slave that it is in sync: until it knows of it, nothing is said.
      const isReady = ({ up, role, inSync }: BrokerView): boolean =>
        up && (role === 'master' || inSync === true);
      return all.length === this.#nodes.length - this.#servers.length && all.every(isReady);
    });
  }

  /** On its machine. */
  async start(name: string): Promise<void> {
    const node = this.#node(name);
    const dataDir = join(this.#folder, name);
    mkdirSync(dataDir, { recursive: true });
    const args = nodeArguments(node, this.#options, {
      ...{ cluster: 'default', dataDir, secretFile: this.#secretFile },
      nameServerUrls: this.urls,
    });
    const listen = this.#addressOf(node);
    const own = args.map((arg, i) => (args[i - 1] === '--listen' ? listen : arg));
    await this.machines.start(name, [...own, '--insecure']);
  }

  /** As its name servers say. */
  async isUp(name: string): Promise<boolean | undefined> {
    return (await this.#brokers()).find((broker) => broker.name === name)?.up;
  }

  /** As the broker itself says; the one that asks is one of them. */
  async connectionsOf(name: string): Promise<number> {
    const stats = await this.machines.run(name, ['--url', this.urlOf(name), 'stats', '-o', 'json']);
    return (JSON.parse(stats) as { connections: number }).connections;
  }

  /** Resolves with how long it took. */
  async until(what: string, isIt: () => Promise<boolean>): Promise<number> {
    const since = monotonicMs();
    while (!(await isIt().catch(() => false))) {
      if (monotonicMs() - since > SURELY_NOTICED_MS) {
        throw new Error(
          `${what}: not within ${SURELY_NOTICED_MS} ms; a said: ${this.machines.log('a').slice(-3_000)}`,
        );
      }
      await delay(100);
    }
    return monotonicMs() - since;
  }

  async remove(): Promise<void> {
    await this.machines.removeAll();
    removeDirectory(this.#folder);
  }

  get #servers(): readonly NodePlan[] {
    return this.#nodes.filter(({ kind }) => kind === 'nameserver');
  }

  #node(name: string): NodePlan {
    return this.#nodes.find((node) => node.name === name) as NodePlan;
  }

  #addressOf({ name, kind }: NodePlan): string {
    return `${this.machines.address(name)}:${kind === 'broker' ? BROKER_PORT : NAME_SERVER_PORT}`;
  }

  async #brokers(): Promise<readonly BrokerView[]> {
    return (await statusByUrls(this.urls)).brokers;
  }
}
