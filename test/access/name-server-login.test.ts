/** Name servers that ask for a login: a broker of the cluster says who may be told where the brokers are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Broker,
  type Client,
  connect,
  type NameServer,
  openBroker,
  openNameServer,
} from '../../broker/index.js';
import type { Credentials } from '../../native-free/client/index.js';
import { ask, userOf } from '../../native-free/client/internal.js';
import { PATIENT } from './clients.js';
import { AUDIENCE, ISSUER, makeKey, makeToken } from './token-maker.js';

const key = makeKey('one');
let dir: string;
let nameServer: NameServer;
let master: Broker;
let passwordFile: string;
const warnings: string[] = [];

const as = (user: string, password: string): Credentials => ({ scheme: 'scram', user, password });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-ns-login-'));
  const secretFile = join(dir, 'secret');
  writeFileSync(secretFile, 'a secret of this cluster');
  passwordFile = join(dir, 'admin');
  writeFileSync(passwordFile, 'first-password\n');
  const keyFile = join(dir, 'keys.json');
  writeFileSync(keyFile, JSON.stringify({ keys: [key.jwk] }));
  nameServer = await openNameServer({ port: 0, auth: true, secretFile });
  master = await openBroker({
    flush: 'async',
    ringBytes: 16 * 1024 * 1024,
    memoryRingBytes: 32 * 1024 * 1024,
    segmentBytes: 16 * 1024 * 1024,
    dataDir: join(dir, 'a'),
    name: 'a',
    secretFile,
    nameServers: [nameServer.url],
    onWarning: (message) => warnings.push(message),
  });
  const jwt = { keyFile, issuer: ISSUER, audience: AUDIENCE };
  await master.listen({ port: 0, auth: true, adminPasswordFile: passwordFile, jwt });
});
afterAll(async () => {
  await master?.close();
  await nameServer?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Does something over the cluster, which takes the route and a broker. */
async function workAs(credentials: Credentials | undefined): Promise<string> {
  let client: Client | undefined;
  try {
    client = await connect(nameServer.url, {
      connectTimeoutMs: 60_000,
      closeTimeoutMs: 100,
      ...(credentials === undefined ? {} : { credentials }),
    });
    await client.admin().listTopics();
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  } finally {
    await client?.close();
  }
}

describe('a name server with auth', () => {
  test('lets brokers in by the secret, and users as a broker of the cluster judges them', async () => {
    await expect.poll(() => workAs(as('admin', 'first-password')), PATIENT).toBe('done');
    expect(warnings.filter((line) => line.includes('name server'))).toEqual([]);
  });

  test('and by tokens that the broker takes', async () => {
    const claims = { roles: ['admin'] };
    const token = () => makeToken(key, { header: { kid: 'one' }, claims });
    expect(await workAs({ scheme: 'jwt', token })).toBe('done');
    const wrong = await makeToken(makeKey('one'), { header: { kid: 'one' }, claims });
    expect(await workAs({ scheme: 'jwt', token: wrong })).toBe('NOT_AUTHENTICATED');
  });

  test('takes a certificate for whoever shows it, and never for the name server itself', async () => {
    expect(await workAs({ scheme: 'certificate' })).toBe('NOT_AUTHENTICATED');
  });

  test('tells nothing to nobody, and not over HTTP either', async () => {
    expect(await workAs(undefined)).toBe('NOT_AUTHENTICATED');
    expect(await workAs(as('admin', 'wrong'))).toBe('NOT_AUTHENTICATED');
    expect(await workAs(as('nobody', 'wrong'))).toBe('NOT_AUTHENTICATED');
    const answer = await fetch(`${nameServer.url.replace('ws:', 'http:')}/api/v1/clusters`);
    expect(answer.status).toBe(403);
  });

  test('answers one question of a user, and one without auth does, too', async () => {
    const user = userOf(as('admin', 'first-password'));
    const status = (url: string): Promise<unknown> => ask(url, 'clusterStatus', {}, 60_000, user);
    expect(await status(nameServer.url)).toMatchObject({ cluster: 'default' });
    await expect(ask(nameServer.url, 'clusterStatus', {})).rejects.toMatchObject({
      code: 'NOT_AUTHENTICATED',
    });
    const open = await openNameServer({ port: 0 });
    expect(await status(open.url)).toMatchObject({ brokers: [] });
    await open.close();
  });

  test('needs the secret', async () => {
    await expect(openNameServer({ port: 0, auth: true })).rejects.toMatchObject({ code: 'BAD_CONFIG' });
  });

  test('without a broker that answers has clients try again', async () => {
    const secretFile = join(dir, 'secret');
    const lonely = await openNameServer({ port: 0, auth: true, secretFile });
    const tried = async (): Promise<string> => {
      const credentials = as('admin', 'first-password');
      return connect(lonely.url, { connectTimeoutMs: 300, credentials }).then(() => 'done', String);
    };
    // On a busy machine the time of one is over before it has an answer.
    await expect.poll(tried, PATIENT).toContain('name servers know no users');
    await lonely.close();
  });
});
