/** What name servers were started with: told by brokers to who manages the cluster, and by name servers to brokers alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openBroker, openNameServer } from '../../broker/index.js';
import { openNameServerAs } from '../../broker/name-server.js';
import { commandOptionsSchema } from '../../cli/command-options.js';
import { describeOptions } from '../../engine/option-info.js';
import { ask, userOf } from '../../native-free/client/internal.js';
import type { ConfiguredOption } from '../../native-free/wire/index.js';
import { SMALL } from '../cluster/small-rings.js';
import { codeOf, connectTo, errorOf, PATIENT } from './clients.js';

const as = (user: string) => ({ scheme: 'scram', user, password: `${user}-password` }) as const;

function rowOf(options: readonly ConfiguredOption[] | undefined, name: string): ConfiguredOption | undefined {
  return options?.find((each) => each.name === name);
}

/** Two name servers that know a secret, one of a command and one of a host's process, and their broker. */
async function openCluster() {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-ns-options-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const [secretFile, adminPasswordFile] = [join(dir, 'secret'), join(dir, 'password')];
  writeFileSync(secretFile, 'a secret of some length');
  writeFileSync(adminPasswordFile, 'admin-password');
  const levels: string[] = [];
  const ns = await openNameServerAs(
    { port: 0, listener: 'ws', secretFile, auth: true },
    {
      origins: { listener: 'flag' },
      log: {
        infos: describeOptions(commandOptionsSchema),
        values: { logLevel: 'info' },
        setLevel: (level) => levels.push(level),
      },
    },
  );
  onTestFinished(() => ns.close());
  const embedded = await openNameServer({ port: 0, listener: 'ws', secretFile });
  onTestFinished(() => embedded.close());
  const nameServers = [ns.url, embedded.url];
  const broker = await openBroker({ ...SMALL, dataDir: join(dir, 'a'), name: 'a', nameServers, secretFile });
  onTestFinished(() => broker.close());
  /** Of the broker; resolves once both name servers answer it. */
  const listen = async () => {
    const { url } = await broker.listen({ port: 0, listener: 'ws', auth: true, adminPasswordFile });
    const admin = (await connectTo(url, { credentials: as('admin') })).admin();
    await expect
      .poll(async () => (await admin.nameServerConfiguration()).map(({ failure }) => failure), PATIENT)
      .toEqual([null, null]);
    return { url, admin };
  };
  return { ns, embedded, nameServers, broker, listen, levels, secretFile };
}

test('a broker that does not listen yet says that name servers tell it nothing till then', async () => {
  const { broker, nameServers } = await openCluster();
  expect(await broker.client().admin().nameServerConfiguration()).toEqual(
    nameServers.map((nameServer) => ({
      nameServer,
      failure: expect.stringContaining('while it listens'),
      options: [],
    })),
  );
});

test('a broker tells the options of its name servers, and where each is from, without what is secret', async () => {
  const { listen, secretFile } = await openCluster();
  const { admin } = await listen();
  const [first, second] = await admin.nameServerConfiguration();
  expect(rowOf(first?.options, 'auth')).toMatchObject({ value: true, from: 'call', scope: 'nameServer' });
  expect(rowOf(first?.options, 'listener')).toMatchObject({ value: 'ws', from: 'flag' });
  expect(rowOf(first?.options, 'maxConnections')).toMatchObject({
    from: 'default',
    value: expect.any(Number),
  });
  // The file is named, and what is in it is not.
  expect(rowOf(first?.options, 'secretFile')).toMatchObject({ value: secretFile });
  expect(JSON.stringify(first)).not.toContain('a secret of some length');
  expect(rowOf(first?.options, 'logLevel')).toMatchObject({ value: 'info', scope: 'log' });
  expect(rowOf(second?.options, 'logLevel')).toBeUndefined();
});

test('a broker sets the log level of a name server that a command runs, and writes down who asked', async () => {
  const { ns, embedded, listen, levels } = await openCluster();
  const { admin } = await listen();
  await admin.setNameServerLogLevel(ns.url, 'debug');
  expect(levels).toEqual(['debug']);
  expect(rowOf((await admin.nameServerConfiguration())[0]?.options, 'logLevel')).toMatchObject({
    value: 'debug',
    from: 'call',
  });
  expect(await errorOf(admin.setNameServerLogLevel(embedded.url, 'debug'))).toMatch(
    /^NOT_SUPPORTED: .*opened this name server/,
  );
  expect(await codeOf(admin.setNameServerLogLevel('ws://127.0.0.1:1', 'debug'))).toBe('BAD_ARGUMENT');
  expect(levels).toEqual(['debug']);
  // An entry comes a moment after what it is about.
  await expect
    .poll(() => admin.listAudit({ action: 'setNameServerLogLevel' }), PATIENT)
    .toContainEqual(
      expect.objectContaining({
        user: 'admin',
        result: 'done',
        details: `nameServer ${ns.url}, level debug`,
      }),
    );
});

test('nobody is told but who manages the cluster, and by the broker alone', async () => {
  const { ns, embedded, listen, levels } = await openCluster();
  const { url, admin } = await listen();
  await admin.createUser({ user: 'shop', password: 'shop-password' });
  const shop = (await connectTo(url, { credentials: as('shop') })).admin();
  expect(await codeOf(shop.nameServerConfiguration())).toBe('NOT_ALLOWED');
  expect(await codeOf(shop.setNameServerLogLevel(ns.url, 'silent'))).toBe('NOT_ALLOWED');
  // Name servers know no rights: not even the administrator is told by one of them.
  for (const [each, user] of [
    [ns.url, userOf(as('admin'))],
    [embedded.url, userOf(as('shop'))],
    [embedded.url, undefined],
  ] as const) {
    expect(await codeOf(ask(each, 'configuration', {}, 60_000, user))).toBe('NOT_ALLOWED');
    expect(await codeOf(ask(each, 'setLogLevel', { level: 'silent' }, 60_000, user))).toBe('NOT_ALLOWED');
  }
  expect(levels).toEqual([]);
});

test('of a name server that is gone a broker says that it does not answer', async () => {
  const { ns, listen } = await openCluster();
  const { admin } = await listen();
  await ns.close();
  await expect
    .poll(async () => (await admin.nameServerConfiguration())[0]?.failure, PATIENT)
    .toContain('does not answer');
});

test('one without a secret tells everybody, as a broker does that lets everybody in', async () => {
  const ns = await openNameServer({ port: 0, listener: 'ws' });
  onTestFinished(() => ns.close());
  const { options } = (await ask(ns.url, 'configuration', {})) as { options: ConfiguredOption[] };
  expect(rowOf(options, 'port')).toMatchObject({ value: 0, from: 'call', default: 9800 });
});
