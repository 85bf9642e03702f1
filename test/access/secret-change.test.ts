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

test('node by node, no link is refused; who has the old one alone is, once it is gone', async () => {
  const dir = directory();
  const secretOf = (name: string): SecretOf => new SecretOf(join(dir, `${name}.secret`));
  const [ofNs, ofMaster, ofSlave, ofLate] = ['ns', 'a', 'slave', 'late'].map(secretOf) as [
    SecretOf,
    SecretOf,
    SecretOf,
    SecretOf,
  ];
  const warnings: string[] = [];
  const onWarning = (message: string): number => warnings.push(message);
  const ns = await openNameServer({ port: 0, listener: 'ws', auth: true, secretFile: ofNs.path, onWarning });
  onTestFinished(() => ns.close());
  ofNs.renew = () => ns.renewSecret();
  const open = async (name: string, secret: SecretOf, options: object = {}): Promise<Broker> => {
    const place = { name, brokerSet: 'a', nameServers: [ns.url], secretFile: secret.path };
    const broker = await openBroker({ ...SMALL, dataDir: join(dir, name), ...place, onWarning, ...options });
    onTestFinished(() => broker.close());
    secret.renew = () => broker.renewSecret();
    return broker;
  };
  const master = await open('a', ofMaster, { replication: 'async' });
  const { url } = await master.listen({ port: 0, listener: 'ws', auth: true });
  const slave = async (name: string, secret: SecretOf): Promise<ReplicationEvent[]> => {
    const events: ReplicationEvent[] = [];
    const onReplication = (event: ReplicationEvent): number => events.push(event);
    await open(name, secret, { role: 'slave', master: url, onReplication });
    await until(() => events.some(({ event }) => event === 'following'));
    return events;
  };
  const [events, ofLateOne] = await Promise.all([slave('slave', ofSlave), slave('late', ofLate)]);
  const admin = master.client().admin();

  /** Its link is made anew, with what both have by now. */
  const followsAgain = async (): Promise<void> => {
    const { connections } = await admin.listConnections();
    const link = connections.find(({ name }) => name === 'slave') as { id: string };
    events.length = 0;
    await admin.closeConnection(link.id);
    await until(() => events.some(({ event }) => event === 'following'));
    expect(events.filter(({ event }) => event === 'lost')).not.toContainEqual(
      expect.objectContaining({ code: 'NOT_AUTHENTICATED' }),
    );
  };
  /** What a node that has these says at the name server and at the master, as brokers do. */
  const tried = async (...lines: string[]): Promise<string[]> => {
    const secrets = new ClusterSecrets(lines.map((line) => Buffer.from(line)) as [Buffer, ...Buffer[]]);
    const routes = await setRoutes({ nameServers: [ns.url], secrets, cluster: 'default', set: 'a' });
    const asked = ask(url, 'standing', {}, 2_000, brokerUser(secrets), undefined);
    return [routes.length === 1 ? 'a route' : 'none', await codeOf(asked)];
  };
  const fine = ['a route', 'done'];

  const all = [ofNs, ofMaster, ofSlave];
  const steps = [[OLD, NEW], [NEW, OLD], [NEW]];
  let before = [OLD];
  for (const step of steps) {
    for (const node of all) {
      node.is(...step);
      if (node !== ofNs) {
        await followsAgain();
      }
      // Those that were told already, and those that were not yet.
      expect([await tried(...before), await tried(...step)]).toEqual([fine, fine]);
    }
    before = step;
  }
  expect(await tried(NEW)).toEqual(fine);
  expect(await tried(OLD)).toEqual(['none', 'NOT_AUTHENTICATED']);
  const late = brokerUser(new ClusterSecrets([Buffer.from(OLD)]));
  await expect(ask(ns.url, 'route', {}, 2_000, late, undefined)).rejects.toThrow(
    'does not know the secret of this cluster',
  );

  // A link that stood from before on was proved by what is taken no more.
  await until(() => ofLateOne.some((event) => event.event === 'lost' && event.code === 'NOT_AUTHENTICATED'));
  ofLateOne.length = 0;
  ofLate.is(NEW);
  await until(() => ofLateOne.some(({ event }) => event === 'following'));
  ofLate.is('too short');
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
