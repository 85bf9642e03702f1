/** Logins by tokens over real brokers and both listeners: rights, what becomes of a token that expires, renewals. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, type Client, connect, openBroker } from '../../broker/index.js';
import type { Admin, ClientOptions, Producer, TokenSource } from '../../native-free/client/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { codeOf, connectTo, PATIENT } from './clients.js';
import { AUDIENCE, ISSUER, makeKey, makeToken, type TokenWishes } from './token-maker.js';

const SMALL = {
  flush: 'async',
  ringBytes: 16 * 1024 * 1024,
  memoryRingBytes: 32 * 1024 * 1024,
  segmentBytes: 16 * 1024 * 1024,
} as const;

const key = makeKey('one');
let dir: string;
let passwordFile: string;
let keyFile: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-tokens-'));
  passwordFile = join(dir, 'admin-password');
  writeFileSync(passwordFile, 'first-password\n');
  keyFile = join(dir, 'keys.json');
  writeFileSync(keyFile, JSON.stringify({ keys: [key.jwk] }));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const token = (wishes: TokenWishes = {}): Promise<string> =>
  makeToken(key, { ...wishes, header: { kid: 'one', ...wishes.header } });

describe.for(LISTENERS)('tokens over %s', (listener) => {
  let broker: Broker;
  let url: string;
  let admin: Admin;

  beforeAll(async () => {
    broker = await openBroker({ ...SMALL, dataDir: join(dir, `data-${listener}`) });
    const jwt = { keyFile, issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 0 };
    const listening = { port: 0, listener, threads: 1, auth: true, adminPasswordFile: passwordFile, jwt };
    ({ url } = await broker.listen(listening));
    admin = broker.client().admin();
    await admin.createTopic({ topic: 'orders', queues: 1 });
    await admin.createTopic({ topic: 'others', queues: 1 });
    await admin.createRole({ role: 'sellers' });
    await admin.grant({ to: 'sellers', right: 'publish', resource: 'topic:orders' });
    await admin.createUser({ user: 'bert', password: 'bert-password' });
    await admin.grant({ to: 'bert', right: 'publish', resource: 'topic:others' });
  });
  afterAll(() => broker?.close());

  async function connectBy(source: TokenSource, options: ClientOptions = {}): Promise<Client> {
    return connectTo(url, { reconnectMinMs: 1, ...options, credentials: { scheme: 'jwt', token: source } });
  }

  async function sendUntil(client: Client, holds: () => boolean): Promise<void> {
    const producer = client.producer();
    await expect
      .poll(
        async () => {
          await producer.send({ topic: 'orders', body: 'x' });
          return holds();
        },
        { ...PATIENT, interval: 100 },
      )
      .toBe(true);
  }

  const send = (client: Client, topic: string): Promise<string> =>
    codeOf(client.producer().send({ topic, body: 'x' }, {}));

  test('give the roles and rights that they name, and no others', async () => {
    const byRole = await connectBy(await token({ claims: { roles: ['sellers', 'no-such-role'] } }));
    expect(await send(byRole, 'orders')).toBe('done');
    expect(await send(byRole, 'others')).toBe('NOT_ALLOWED');
    const byGrant = await connectBy(await token({ claims: { grants: 'publish:topic:oth*' } }));
    expect(await send(byGrant, 'others')).toBe('done');
    expect(await codeOf(byGrant.admin().listUsers())).toBe('NOT_ALLOWED');
  });

  test('without rights have those of their user here, and need one', async () => {
    const client = await connectBy(await token({ claims: { sub: 'bert' } }));
    expect(await send(client, 'others')).toBe('done');
    expect(await send(client, 'orders')).toBe('NOT_ALLOWED');
    expect(await codeOf(connectBy(await token({ claims: { sub: 'nobody' } })))).toBe('NOT_AUTHENTICATED');
  });

  test('lose what is taken from their roles while they are connected', async () => {
    await admin.createRole({ role: 'guests' });
    await admin.grant({ to: 'guests', right: 'publish', resource: 'topic:others' });
    const client = await connectBy(await token({ claims: { roles: ['guests'] } }));
    expect(await send(client, 'others')).toBe('done');
    await admin.revoke({ to: 'guests', right: 'publish', resource: 'topic:others' });
    await expect.poll(() => send(client, 'others'), PATIENT).toBe('TOPIC_NOT_FOUND');
  });

  test('that are wrong are refused', async () => {
    expect(await codeOf(connectBy(await makeToken(makeKey('one'), { header: { kid: 'one' } })))).toBe(
      'NOT_AUTHENTICATED',
    );
    expect(await codeOf(connectBy(await token({ claims: { aud: 'shop' } })))).toBe('NOT_AUTHENTICATED');
    expect(await codeOf(connectBy(await token({ seconds: -5 })))).toBe('TOKEN_EXPIRED');
  });

  test('end their connection when they expire, and a client that has no other is over', async () => {
    const message = { topic: 'orders', body: 'x' };
    const sendBy = async (text: string): Promise<Producer> => {
      const producer = (await connectBy(text)).producer();
      await producer.send(message);
      return producer;
    };
    // On a busy machine a short one has expired before it is of use.
    for (let seconds = 2; ; seconds *= 2) {
      const using = sendBy(await token({ seconds, claims: { roles: ['sellers'] } }));
      if (seconds < 60 && (await codeOf(using)) === 'TOKEN_EXPIRED') {
        continue;
      }
      const producer = await using;
      await expect.poll(() => codeOf(producer.send(message)), PATIENT).toBe('TOKEN_EXPIRED');
      return;
    }
  });

  test('are renewed on the connection that stands', async () => {
    const statesOf = async (seconds: number): Promise<string[]> => {
      const states: string[] = [];
      let asked = 0;
      const source = async (): Promise<string> => {
        asked++;
        return token({ seconds, claims: { roles: ['sellers'] } });
      };
      const client = await connectBy(source, {
        onConnection: (state, reason) =>
          states.push(state === 'connected' ? state : String((reason as { code?: string }).code)),
      });
      await sendUntil(client, () => asked >= 4);
      return states;
    };
    let states = await statesOf(2);
    // A busy machine renews too late what is good for a moment: then one that lasts longer is.
    for (let seconds = 4; states[1] === 'TOKEN_EXPIRED' && seconds < 20; seconds *= 2) {
      states = await statesOf(seconds);
    }
    expect(states).toEqual(['connected']);
  });

  test('are got anew for another connection where they could not be renewed', async () => {
    const warnings: string[] = [];
    let asked = 0;
    let away = 0;
    let stands = false;
    // It is away for renewals: what a busy machine connects by after a token has expired is none.
    const source = (): Promise<string> => {
      asked++;
      return stands && away++ < 2
        ? Promise.reject(new Error('the issuer is away'))
        : token({ seconds: 2, claims: { roles: ['sellers'] } });
    };
    const client = await connectBy(source, {
      onWarning: (message) => warnings.push(message),
      onConnection: (state) => {
        stands = state === 'connected';
      },
    });
    await sendUntil(client, () => away >= 2 && asked >= 5);
    expect(warnings.join()).toContain('the token could not be renewed');
  });

  test('renew the login of their own user alone', async () => {
    let user = 'anna';
    const warnings: string[] = [];
    const client = await connectBy(
      () => token({ seconds: 2, claims: { sub: user, roles: user === 'anna' ? [] : ['admin'] } }),
      {
        onWarning: (message) => warnings.push(message),
        // Only over a connection that stands.
        onConnection: (state) => {
          user = state === 'connected' ? 'mallory' : 'anna';
        },
      },
    );
    await expect.poll(() => warnings.join(), PATIENT).toContain('BAD_ARGUMENT');
    expect(client.broker.brokerName).not.toBe('');
  });

  test('are believed by no client of a broker that does not look at them', async () => {
    const open = await broker.listen({ port: 0, listener, threads: 1 });
    expect(await codeOf(connect(open.url, { credentials: { scheme: 'jwt', token: await token() } }))).toBe(
      'NOT_AUTHENTICATED',
    );
    await open.close();
  });

  test('are not taken where nobody said whose', async () => {
    const other = await broker.listen({ port: 0, listener, threads: 1, auth: true });
    expect(await codeOf(connect(other.url, { credentials: { scheme: 'jwt', token: await token() } }))).toBe(
      'NOT_AUTHENTICATED',
    );
    await other.close();
  });
});

test.each([
  [{ scheme: 'jwt' }],
  [{ scheme: 'jwt', token: '' }],
  [{ scheme: 'jwt', token: 'secret-text' }],
  [{ scheme: 'jwt', token: 7 }],
  [{ scheme: 'jwt', token: 'a.b.c', user: 'anna' }],
  [{ scheme: 'scram', user: 'anna', password: 'x', token: 'a.b.c' }],
])('credentials that cannot be used are told without what is in them: %o', async (credentials) => {
  const error = await connect('ws://127.0.0.1:1', { credentials: credentials as never }).catch(
    (e: Error) => e,
  );
  expect(error).toMatchObject({ code: 'BAD_ARGUMENT' });
  expect(String(error)).not.toContain('secret-text');
});

test('a token that would pass in the clear is told of', async () => {
  const warnings: string[] = [];
  const signal = AbortSignal.timeout(1);
  await connect('ws://broker.invalid:9876', {
    credentials: { scheme: 'jwt', token: 'YQ.YQ.YQ' },
    onWarning: (message) => warnings.push(message),
    signal,
  }).catch(() => {});
  expect(warnings.join()).toContain('use a wss:// address');
});
