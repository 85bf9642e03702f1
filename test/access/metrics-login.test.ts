/** `GET /metrics` where it asks who wants to know. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { AUDIENCE, ISSUER, makeKey, makeToken } from './token-maker.js';

const key = makeKey('one');
let dir: string;
let broker: Broker;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-metrics-login-'));
  writeFileSync(join(dir, 'admin'), 'first-password\n');
  writeFileSync(join(dir, 'keys.json'), JSON.stringify({ keys: [key.jwk] }));
  broker = await openBroker({
    flush: 'async',
    ringBytes: 16 * 1024 * 1024,
    memoryRingBytes: 32 * 1024 * 1024,
    segmentBytes: 16 * 1024 * 1024,
    dataDir: join(dir, 'data'),
  });
});
afterAll(async () => {
  await broker?.close();
  rmSync(dir, { recursive: true, force: true });
});

describe.for(LISTENERS)('metrics over %s', (listener) => {
  test('are for who may manage the cluster, by password or token', async () => {
    const jwt = { keyFile: join(dir, 'keys.json'), issuer: ISSUER, audience: AUDIENCE };
    const login = { auth: true, adminPasswordFile: join(dir, 'admin'), jwt, metricsAuth: true };
    const { url, close } = await broker.listen({ port: 0, listener, threads: 1, ...login });
    const get = async (authorization?: string): Promise<[number, boolean]> => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const answer = await fetch(`${url.replace('ws:', 'http:')}/metrics`, { headers });
      return [answer.status, (await answer.text()).includes('# TYPE ringmq_')];
    };
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;
    const bearer = async (roles: string[]): Promise<string> =>
      `Bearer ${await makeToken(key, { header: { kid: 'one' }, claims: { roles } })}`;
    expect(await get()).toEqual([401, false]);
    expect(await get(basic('admin:wrong'))).toEqual([401, false]);
    expect(await get(basic('admin:first-password'))).toEqual([200, true]);
    expect(await get(await bearer(['admin']))).toEqual([200, true]);
    expect(await get(await bearer([]))).toEqual([403, false]);
    await close();
  });

  test('need auth for that', async () => {
    await expect(broker.listen({ port: 0, listener, metricsAuth: true })).rejects.toMatchObject({
      code: 'BAD_CONFIG',
    });
  });
});
