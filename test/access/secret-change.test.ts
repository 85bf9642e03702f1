/** The secret of a cluster is changed while it runs: node by node, over real links. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { brokerUser } from '../../broker/broker-login.js';
import { type Broker, openBroker, openNameServer, type ReplicationEvent } from '../../broker/index.js';
import { readSecrets } from '../../broker/secret-file.js';
import { setRoutes } from '../../broker/set-route.js';
import { ClusterSecrets } from '../../engine/access/cluster-secrets.js';
import { ask } from '../../native-free/client/internal.js';
import { SMALL } from '../cluster/small-rings.js';
import { codeOf } from './clients.js';

const OLD = 'the secret of before';
const NEW = 'the secret from now on';

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function directory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-secret-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A node's own file, and how the node is told to read it. */
class SecretOf {
  readonly path: string;
  renew = (): void => {};

  constructor(path: string) {
    this.path = path;
    this.is(OLD);
  }

  is(...lines: string[]): void {
    writeFileSync(this.path, lines.map((line) => `${line}\n`).join(''));
    this.renew();
  }
}

/** A name server, a master that listens, and slaves, each with a file of its own that has the secret. */
class SecretCluster {
  readonly warnings: string[] = [];
  readonly #onWarning = (message: string): number => this.warnings.push(message);
  readonly #dir = directory();
  readonly ofNs = this.secretOf('ns');
  readonly ofMaster = this.secretOf('a');
  #nsUrl = '';
  #master!: Broker;
  #url = '';

  async start(): Promise<void> {
    const ns = await openNameServer({
      ...{ port: 0, listener: 'ws', auth: true, secretFile: this.ofNs.path },
      onWarning: this.#onWarning,
    });
    onTestFinished(() => ns.close());
    this.ofNs.renew = () => ns.renewSecret();
    this.#nsUrl = ns.url;
    this.#master = await this.#open('a', this.ofMaster, { replication: 'async' });
    const { url } = await this.#master.listen({ port: 0, listener: 'ws', auth: true });
    this.#url = url;
  }

  secretOf(name: string): SecretOf {
    return new SecretOf(join(this.#dir, `${name}.secret`));
  }

  /** A slave that follows; its events so far, to which more come. */
  async slave(name: string, secret: SecretOf): Promise<ReplicationEvent[]> {
    const events: ReplicationEvent[] = [];
    const onReplication = (event: ReplicationEvent): number => events.push(event);
    await this.#open(name, secret, { role: 'slave', master: this.#url, onReplication });
    await follows(events);
    return events;
  }

  /** The link of a slave is made anew, with what both have by now. */
  async followsAgain(name: string, events: ReplicationEvent[]): Promise<void> {
    const admin = this.#master.client().admin();
    const { connections } = await admin.listConnections();
    const link = connections.find((connection) => connection.name === name) as { id: string };
    events.length = 0;
    await admin.closeConnection(link.id);
    await follows(events);
    expect(events.filter(({ event }) => event === 'lost')).not.toContainEqual(
      expect.objectContaining({ code: 'NOT_AUTHENTICATED' }),
    );
  }

  /** What a node that has these says at the name server and at the master, as brokers do. */
  async tried(...lines: string[]): Promise<string[]> {
    const secrets = secretsOf(...lines);
    const sought = { nameServers: [this.#nsUrl], secrets, cluster: 'default', set: 'a' };
    const routes = await setRoutes(sought, 1_000, 60_000);
    const asked = ask(this.#url, 'standing', {}, 60_000, brokerUser(secrets), undefined);
    return [routes.length === 1 ? 'a route' : 'none', await codeOf(asked)];
  }

  /** What the name server answers a broker that has these. */
  route(...lines: string[]): Promise<unknown> {
    return ask(this.#nsUrl, 'route', {}, 60_000, brokerUser(secretsOf(...lines)), undefined);
  }

  async #open(name: string, secret: SecretOf, options: object): Promise<Broker> {
    const broker = await openBroker({
      ...{ ...SMALL, dataDir: join(this.#dir, name), name, brokerSet: 'a', secretFile: secret.path },
      ...{ nameServers: [this.#nsUrl], onWarning: this.#onWarning },
      ...options,
    });
    onTestFinished(() => broker.close());
    secret.renew = () => broker.renewSecret();
    return broker;
  }
}

function follows(events: readonly ReplicationEvent[]): Promise<void> {
  return until(() => events.some(({ event }) => event === 'following'));
}

function secretsOf(...lines: string[]): ClusterSecrets {
  return new ClusterSecrets(lines.map((line) => Buffer.from(line)) as [Buffer, ...Buffer[]]);
}

test('node by node, no link is refused; who has the old one alone is, once it is gone', async () => {
  const cluster = new SecretCluster();
  await cluster.start();
  const [ofSlave, ofLate] = [cluster.secretOf('slave'), cluster.secretOf('late')];
  const [events, ofLateOne] = await Promise.all([
    cluster.slave('slave', ofSlave),
    cluster.slave('late', ofLate),
  ]);
  const fine = ['a route', 'done'];
  const steps = [[OLD, NEW], [NEW, OLD], [NEW]];
  let before = [OLD];
  for (const step of steps) {
    for (const node of [cluster.ofNs, cluster.ofMaster, ofSlave]) {
      node.is(...step);
      if (node !== cluster.ofNs) {
        await cluster.followsAgain('slave', events);
      }
      // Those that were told already, and those that were not yet.
      expect([await cluster.tried(...before), await cluster.tried(...step)]).toEqual([fine, fine]);
    }
    before = step;
  }
  expect(await cluster.tried(NEW)).toEqual(fine);
  expect(await cluster.tried(OLD)).toEqual(['none', 'NOT_AUTHENTICATED']);
  await expect(cluster.route(OLD)).rejects.toThrow('does not know the secret of this cluster');

  // A link that stood from before on was proved by what is taken no more.
  await until(() => ofLateOne.some((event) => event.event === 'lost' && event.code === 'NOT_AUTHENTICATED'));
  ofLateOne.length = 0;
  ofLate.is(NEW);
  await follows(ofLateOne);
  ofLate.is('too short');
  const { warnings } = cluster;
  expect(warnings.at(-1)).toContain("the cluster's secret stays as it was: the secret in");
  expect(warnings.filter((line) => line.includes('is another'))).toHaveLength(10);
});

test.each([
  ['one line', 'a secret of some length\n', 1],
  [
    'two, as Windows ends them, and an empty one',
    'a secret of some length\r\n\r\nand another, as long\r\n',
    2,
  ],
  [
    'bytes that are no text',
    Buffer.from([...'a secret of some length\nand another'].map((c) => c.charCodeAt(0)).concat(0)),
    1,
  ],
  ['three lines', 'a secret of some length\nand another, as long\nand a third one, too\n', 'has 3 lines'],
  ['a second one that is short', 'a secret of some length\nshort\n', 'has 5 bytes'],
  ['nothing', '', 'has 0 bytes'],
  ['a lot', 'x'.repeat(100_000), 'more than 8320 bytes'],
])('a secret file with %s', (_what, text, found) => {
  const path = join(directory(), 'secret');
  writeFileSync(path, text);
  if (typeof found === 'number') {
    expect(readSecrets(path)).toHaveLength(found);
  } else {
    expect(() => readSecrets(path)).toThrow(found);
  }
});
