/** The dashboard that a broker serves, in a real browser. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, type BrokerListener, type Client, openBroker } from '../../broker/index.js';
import { BUNDLE_DIR, bundleDashboard } from '../../tools/dashboard/bundle.js';
import { AUDIENCE, ISSUER, makeKey, makeToken } from '../access/token-maker.js';
import { launchChromium } from './chromium.js';
import { Viewer } from './dashboard-rig.js';

const key = makeKey();
let names: string[];
let browser: Browser;
let dataDir: string;
let keyDir: string;
let broker: Broker;
let client: Client;
let open: BrokerListener;
let guarded: BrokerListener;

const httpOf = ({ url }: BrokerListener): string => url.replace('ws:', 'http:');

beforeAll(async () => {
  names = await bundleDashboard();
  browser = await launchChromium();
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-dashboard-'));
  broker = await openBroker({
    dataDir,
    flush: 'async',
    ringBytes: 16 * 1024 * 1024,
    memoryRingBytes: 32 * 1024 * 1024,
  });
  client = broker.client();
  open = await broker.listen({ port: 0, threads: 1 });
  keyDir = mkdtempSync(join(tmpdir(), 'ringmq-dashboard-keys-'));
  const keyFile = join(keyDir, 'issuer.pem');
  writeFileSync(keyFile, key.publicKey.export({ type: 'spki', format: 'pem' }));
  const jwt = { keyFile, issuer: ISSUER, audience: AUDIENCE };
  guarded = await broker.listen({ port: 0, threads: 1, auth: true, jwt });
  const admin = client.admin();
  await admin.createTopic({ topic: 'orders/eu', queues: 4 });
  await admin.createTopic({ topic: 'secret', queues: 1 });
  await admin.createUser({ user: 'keeper', password: 'a password', roles: ['admin'] });
  await admin.createUser({ user: 'reader', password: 'another one' });
  await admin.grant({ to: 'reader', right: 'subscribe', resource: 'topic:orders/*' });
  await admin.grant({ to: 'reader', right: 'subscribe', resource: 'group:billing' });
  const producer = client.producer();
  for (let i = 0; i < 40; i++) {
    await producer.send({
      topic: 'orders/eu',
      body: JSON.stringify({ order: i, paid: i % 2 === 0 }),
      tag: i % 2 === 0 ? 'paid' : 'open',
      keys: [`o-${i}`],
      properties: { region: 'eu' },
    });
  }
  const consumer = client.consumer({ group: 'billing', topic: 'orders/eu', from: 'earliest' });
  let taken = 0;
  for await (const message of consumer) {
    await message.ack();
    if (++taken === 15) {
      break;
    }
  }
});

afterAll(async () => {
  await browser?.close();
  await broker?.close();
  for (const dir of [dataDir, keyDir].filter((each) => each !== undefined)) {
    rmSync(dir, { recursive: true, force: true });
  }
});

describe('its files', () => {
  it('have at most 150 KB together, compressed with gzip', () => {
    const all = ['index.html', ...names.map((name) => `assets/${name}`)].map((name) =>
      gzipSync(readFileSync(join(BUNDLE_DIR, name)), { level: 9 }),
    );
    expect(all.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(150_000);
  });

  it('are the same whenever they are made', async () => {
    expect([await bundleDashboard(), await bundleDashboard()]).toEqual([names, names]);
  });

  it('come compressed, by names that say what is in them, and only once', async () => {
    const page = await fetch(`${httpOf(open)}/`);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
    const html = await page.text();
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|onclick|https?:\/\//);
    const again = await fetch(`${httpOf(open)}/`, {
      headers: { 'If-None-Match': page.headers.get('etag') ?? '' },
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
    for (const name of names) {
      const file = await fetch(`${httpOf(open)}/assets/${name}`, { headers: { 'Accept-Encoding': 'gzip' } });
      expect(file.headers.get('content-encoding')).toBe('gzip');
      expect(file.headers.get('cache-control')).toContain('immutable');
      expect(Buffer.from(await file.arrayBuffer())).toEqual(readFileSync(join(BUNDLE_DIR, 'assets', name)));
    }
    expect((await fetch(`${httpOf(open)}/assets/../index.html`)).status).toBe(404);
    expect((await fetch(`${httpOf(open)}/assets/none.js`)).status).toBe(404);
  });
});

describe('with nobody who has to log in', () => {
  it('shows how it stands, the topics, a topic, and groups with their lag', async () => {
    const viewer = await Viewer.open(browser, httpOf(open));
    const { page } = viewer;
    await viewer.heading('Overview');
    await viewer.sees('All is well');
    await viewer.sees(/\d topics?, 1 group/);
    await viewer.go('Topics');
    await page.getByRole('link', { name: 'orders/eu' }).click();
    await viewer.heading('orders/eu');
    expect(new URL(page.url()).hash).toBe('#/topics/orders%2Feu');
    await page.getByRole('table', { name: 'Queues' }).getByText('sound').first().waitFor();
    expect(await page.getByRole('definition').first().textContent()).toBe('40');
    await viewer.go('Groups');
    const row = page.getByRole('row', { name: /billing/ });
    await row.getByText('25').waitFor();
    await row.getByRole('link').click();
    await viewer.sees('25 messages');
    await viewer.close();
  });
});

describe('where users log in', () => {
  it('refuses a wrong password with its sentence, and lets the right one in', async () => {
    const viewer = await Viewer.open(browser, httpOf(guarded));
    await viewer.logIn('keeper', 'not it');
    await viewer.page.getByRole('alert').getByText('NOT_AUTHENTICATED').waitFor();
    await viewer.logIn('keeper', 'a password');
    await viewer.heading('Overview');
    await viewer.sees('All is well');
    await viewer.close();
  });

  it('takes a token, and offers what that gives', async () => {
    const viewer = await Viewer.open(browser, httpOf(guarded));
    const { page } = viewer;
    await viewer.button('By token').click();
    const token = await makeToken(key, { claims: { sub: 'shop', grants: ['publish:topic:orders/eu'] } });
    await page.getByLabel('Token', { exact: false }).fill(token);
    await viewer.button('Log in').click();
    await page.getByRole('banner').getByText('shop', { exact: true }).waitFor();
    await viewer.go('Topics');
    await page.getByRole('link', { name: 'orders/eu' }).click();
    await viewer.button('Publish').waitFor();
    expect(await viewer.button('Delete').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'messages' }).count()).toBe(0);
    await viewer.close();
  });

  it('offers a user nothing that it may not do, and shows it nothing that it may not see', async () => {
    const viewer = await Viewer.open(browser, httpOf(guarded));
    const { page } = viewer;
    await viewer.logIn('reader', 'another one');
    await viewer.sees('How brokers do is shown to who may manage the cluster.');
    const links = await page
      .getByRole('navigation', { name: 'Pages' })
      .getByRole('listitem')
      .allTextContents();
    expect(links.map((text) => text.replace(/.$/, ''))).toEqual(['Overview', 'Topics', 'Groups']);
    await viewer.go('Topics');
    await page.getByRole('link', { name: 'orders/eu' }).waitFor();
    expect(await page.getByRole('link', { name: 'secret' }).count()).toBe(0);
    await page.getByRole('link', { name: 'orders/eu' }).click();
    await page.getByRole('link', { name: 'messages' }).waitFor();
    expect(await viewer.button('Delete').count()).toBe(0);
    expect(await viewer.button('Publish').count()).toBe(0);
    await viewer.close();
  });
});
