/** A cluster of processes for a dashboard: two brokers of one set and one of another, where users log in. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Client, connect } from '../../native-free/client/index.js';
import { BrokerProcess, makeDirectory, removeDirectory, startCli } from '../cli/cli-process.js';

export const PASSWORD = 'a password';

/** Small, so that they are up in a moment. */
const SMALL = [
  ...['--ring-size', '1MiB', '--memory-ring-size', '1MiB'],
  ...['--span-size', '256KiB', '--segment-size', '1MiB', '--flush', 'async'],
];

export class DashboardCluster {
  readonly url: string;
  readonly brokers: ReadonlyMap<string, BrokerProcess>;
  readonly #home: string;
  readonly #nameServer: ChildProcess;

  /** Masters `a` and `b`, and `a-slave`. The administrator is `admin`. */
  static async start(more: readonly string[] = []): Promise<DashboardCluster> {
    const home = makeDirectory();
    const secret = join(home, 'secret');
    const password = join(home, 'password');
    writeFileSync(secret, 'a secret of the cluster, long enough\n', { mode: 0o600 });
    writeFileSync(password, `${PASSWORD}\n`, { mode: 0o600 });
    const nameServer = startCli(['nameserver', '--listen', '127.0.0.1:0', '--secret-file', secret]);
    nameServer.stderr?.resume();
    const lines = createInterface({ input: nameServer.stdout as NodeJS.ReadableStream });
    const [line] = (await once(lines, 'line')) as [string];
    const url = line.replace(/^ready /, '');
    const start = (name: string, set: string, role: string): Promise<BrokerProcess> =>
      BrokerProcess.start(join(home, name), [
        ...['--name', name, '--broker-set', set, '--role', role, '--replication', 'async'],
        ...['--name-server', url, '--secret-file', secret, '--cluster', 'demo'],
        ...['--auth', ...(role === 'slave' ? [] : ['--admin-password-file', password])],
        ...(more.length > 0 ? more : SMALL),
      ]);
    const [a, b] = await Promise.all([start('a', 'a', 'master'), start('b', 'b', 'master')]);
    const slave = await start('a-slave', 'a', 'slave');
    const brokers = new Map([
      ['a', a],
      ['b', b],
      ['a-slave', slave],
    ]);
    return new DashboardCluster(url, brokers, home, nameServer);
  }

  private constructor(
    url: string,
    brokers: ReadonlyMap<string, BrokerProcess>,
    home: string,
    nameServer: ChildProcess,
  ) {
    this.url = url;
    this.brokers = brokers;
    this.#home = home;
    this.#nameServer = nameServer;
  }

  /** Of the name server. */
  get page(): string {
    return this.url.replace('ws:', 'http:');
  }

  async client(user = 'admin', password = PASSWORD): Promise<Client> {
    for (;;) {
      const client = await connect(this.url, {
        cluster: 'demo',
        credentials: { scheme: 'scram', user, password },
      });
      if (client.broker.brokerSets?.length === 2) {
        return client;
      }
      await client.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.brokers.values()].map((broker) => broker.kill()));
    this.#nameServer.kill('SIGKILL');
    removeDirectory(this.#home);
  }
}
