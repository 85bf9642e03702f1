/** The dashboard in a host's own server, and what it lets in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dashboard } from '../../broker/dashboard.js';
import { type Broker, type Client, openBroker } from '../../broker/index.js';
import { bundleDashboard } from '../../tools/dashboard/bundle.js';
import { launchChromium } from './chromium.js';
import { Viewer } from './dashboard-rig.js';

let browser: Browser;
let dataDir: string;
let broker: Broker;
let client: Client;
let server: Server;
let port: number;

beforeAll(async () => {
  [browser] = await Promise.all([launchChromium(), bundleDashboard()]);
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-dashboard-'));
  const rings = { ringBytes: 16 * 1024 * 1024, memoryRingBytes: 32 * 1024 * 1024 };
  broker = await openBroker({ dataDir, flush: 'async', ...rings });
  client = broker.client();
  await client.admin().createTopic({ topic: 'orders', queues: 2 });
  await client.producer().send({
    topic: 'orders',
    body: new Uint8Array([0, 255, 1]),
    keys: ['bytes'],
    // As bytes travel to the page.
    properties: { $bytes: 'not in base64' },
  });
  const full = dashboard(client, { path: '/ringmq' });
  const careful = dashboard(client, { path: '/look', readOnly: true });
  server = createServer((incoming, response) => {
    if (incoming.url?.startsWith('/look')) {
      careful(incoming, response);
    } else {
      full(incoming, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
  await broker?.close();
  if (dataDir !== undefined) {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

it('works without a socket of the broker: all goes through the client that was given', async () => {
  const viewer = await Viewer.open(browser, `http://127.0.0.1:${port}/ringmq`);
  const { page } = viewer;
  await viewer.heading('Overview');
  await viewer.sees('All is well');
  expect(new URL(page.url()).pathname).toBe('/ringmq/');
  await viewer.go('Topics');
  await viewer.button('Create topic').click();
  await viewer.dialog.getByLabel('Name').fill('made');
  await viewer.dialog.getByRole('button', { name: 'Create' }).click();
  await viewer.heading('made');
  expect((await client.admin().describeTopic('made')).queues).toBe(4);
  await viewer.button('Publish').click();
  await viewer.dialog.getByLabel('Body').fill('from a page');
  await viewer.dialog.getByRole('button', { name: 'Publish' }).click();
  await viewer.sees(/Stored in queue/);
  expect((await client.peek({ topic: 'made' }))[0]?.text()).toBe('from a page');
  await page.goto(`http://127.0.0.1:${port}/ringmq/#/topics/orders/messages`);
  await page.getByRole('row', { name: /bytes/ }).click();
  await page.getByRole('region', { name: 'Body' }).getByText('00 ff 01').waitFor();
  await viewer.sees('not in base64');
  await viewer.close();
});

it('read-only, it offers no change', async () => {
  const viewer = await Viewer.open(browser, `http://127.0.0.1:${port}/look/`);
  await viewer.go('Topics');
  await viewer.page.getByRole('link', { name: 'orders' }).click();
  await viewer.heading('orders');
  await viewer.page.getByRole('table', { name: 'Queues' }).getByText('sound').first().waitFor();
  expect(await viewer.button('Publish').count()).toBe(0);
  expect(await viewer.button('Delete').count()).toBe(0);
  await viewer.close();
});

describe('its calls', () => {
  const PAGE = { 'content-type': 'application/json' };

  interface Answer {
    status: number | undefined;
    text: string;
  }

  function post(path: string, body: string, headers: Record<string, string> = PAGE): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asking = request(
        { port, host: '127.0.0.1', path, method: 'POST', headers },
        (response: IncomingMessage) => {
          let text = '';
          response.setEncoding('utf8').on('data', (piece: string) => {
            text += piece;
          });
          response.on('end', () => resolve({ status: response.statusCode, text }));
        },
      );
      asking.on('error', reject);
      asking.end(body);
    });
  }

  const listing = JSON.stringify({ call: 'admin', args: ['listTopics'] });

  it('are answered to the page alone', async () => {
    expect((await post('/ringmq/call', listing)).text).toContain('"orders"');
    const own = { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' };
    expect((await post('/ringmq/call', listing, { ...PAGE, ...own })).status).toBe(200);
    for (const headers of [
      { 'content-type': 'text/plain' },
      { ...PAGE, origin: 'http://elsewhere.example' },
      { ...PAGE, origin: 'null' },
      { ...PAGE, 'sec-fetch-site': 'cross-site' },
      { ...PAGE, 'sec-fetch-site': 'same-site' },
      // A page whose domain was made to lead here.
      { ...PAGE, host: `elsewhere.example:${port}`, origin: `http://elsewhere.example:${port}` },
    ]) {
      const { status, text } = await post('/ringmq/call', listing, headers as Record<string, string>);
      expect([status, text.includes('orders')], JSON.stringify(headers)).toEqual([403, false]);
    }
  });

  it.each([
    [
      'where it is read-only',
      '/look/call',
      { call: 'admin', args: ['deleteTopic', 'orders'] },
      'NOT_ALLOWED',
    ],
    [
      'where it is read-only',
      '/look/call',
      { call: 'admin', args: ['growTopic', { topic: 'orders', queues: 9 }] },
      'NOT_ALLOWED',
    ],
    [
      'where it is read-only',
      '/look/call',
      { call: 'admin', args: ['setTopicRetention', { topic: 'orders', retentionMs: 1_000 }] },
      'NOT_ALLOWED',
    ],
    ['where it is read-only', '/look/call', { call: 'control', args: [{}, 'promote', {}] }, 'NOT_ALLOWED'],
    ['where it is read-only', '/look/call', { call: 'publish', args: [{ topic: 'orders' }] }, 'NOT_ALLOWED'],
    ['of the client', '/ringmq/call', { call: 'admin', args: ['toString'] }, 'NOT_SUPPORTED'],
    ['of the broker', '/ringmq/call', { call: 'control', args: [{}, 'join', {}] }, 'NOT_SUPPORTED'],
    ['of the desk', '/ringmq/call', { call: 'constructor', args: [] }, 'BAD_REQUEST'],
    ['without arguments', '/ringmq/call', { call: 'where' }, 'BAD_REQUEST'],
    ['of nothing', '/ringmq/call', null, 'BAD_REQUEST'],
  ])('do nothing that is not meant for them: %s (%s %j)', async (_what, path, call, code) => {
    expect((await post(path, JSON.stringify(call))).text).toContain(`"code":"${code}"`);
    expect((await client.admin().describeTopic('orders')).queues).toBe(2);
  });

  it('have a limit', async () => {
    const { text } = await post('/ringmq/call', `"${'x'.repeat(9 * 1024 * 1024)}"`).catch(() => ({
      text: 'cut',
    }));
    expect(text === 'cut' || text.includes('BAD_REQUEST')).toBe(true);
  });

  it('options that there are not are refused', () => {
    expect(() => dashboard(client, { path: 'ringmq' })).toThrow(/path begins with/);
    expect(() => dashboard(client, { readonly: true } as never)).toThrow(/no option 'readonly'/);
    expect(() => dashboard({} as Client)).toThrow(/client/);
  });
});
