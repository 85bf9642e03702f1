/** The dashboard before hostile contents, clumsy hands, and brokers that are slow or gone. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, type BrokerListener, type Client, openBroker } from '../../broker/index.js';
import { bundleDashboard } from '../../tools/dashboard/bundle.js';
import { violations } from './axe.js';
import { launchChromium } from './chromium.js';
import { Viewer } from './dashboard-rig.js';

const SCRIPT = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;
/** Ends in a character of three bytes, so that a limit cuts one somewhere. */
const LARGE = '語'.repeat(1_398_000);
/** A machine that does much else is waited for. */
const LONG = { timeout: 60_000 };
/** Each is allowed, and each is something else to somebody. */
const NAMES = ['..', '.', 'a/../b', '/', 'overview', 'constructor', '__proto__', `${'A0._/-'.repeat(21)}z`];

let browser: Browser;
let dataDir: string;
let broker: Broker;
let client: Client;
let open: BrokerListener;
let guarded: BrokerListener;

const httpOf = ({ url }: BrokerListener): string => url.replace('ws:', 'http:');

beforeAll(async () => {
  [browser] = await Promise.all([launchChromium(), bundleDashboard()]);
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-dashboard-'));
  const rings = { ringBytes: 32 * 1024 * 1024, memoryRingBytes: 32 * 1024 * 1024 };
  broker = await openBroker({ dataDir, flush: 'async', ...rings });
  client = broker.client();
  open = await broker.listen({ port: 0, threads: 1 });
  guarded = await broker.listen({ port: 0, threads: 1, auth: true });
  const admin = client.admin();
  for (const topic of ['orders', 'large', ...NAMES]) {
    await admin.createTopic({ topic, queues: 1 });
  }
  await admin.createUser({ user: 'keeper', password: 'a password', roles: ['admin'] });
});

afterAll(async () => {
  await browser?.close();
  await broker?.close();
  if (dataDir !== undefined) {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

const bodyOf = (page: Page) => page.getByRole('region', { name: 'Body' });

async function saved(page: Page, name: string): Promise<Buffer> {
  const button = page.getByRole('button', { name, exact: true });
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return readFileSync(await download.path());
}

it.each(NAMES)('a topic may be called %s', async (topic) => {
  const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics`);
  const { page } = viewer;
  await page.getByRole('link', { name: topic, exact: true }).last().click();
  await viewer.heading(topic);
  await page.getByRole('table', { name: 'Queues' }).getByText('sound').waitFor();
  await page.reload();
  await viewer.heading(topic);
  await page.getByRole('link', { name: 'messages' }).click();
  await viewer.sees('0 shown');
  await page.goBack();
  await page.getByRole('table', { name: 'Queues' }).getByText('sound').waitFor();
  await page.goBack();
  await viewer.heading('Topics');
  await viewer.close();
});

describe('messages', () => {
  it('are never markup, whatever is in them', async () => {
    await client.producer().send({
      topic: 'orders',
      body: SCRIPT,
      tag: '<b>tag</b>',
      keys: ['<i>key</i>', '\u202Eyek'],
      shardingKey: '<u>sharding</u>',
      properties: Object.fromEntries([
        ['<s>name</s>', SCRIPT],
        ['constructor', 'too'],
      ]),
    });
    const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics/orders/messages`);
    const { page } = viewer;
    await page.getByRole('row', { name: /<i>key<\/i>/ }).click();
    for (const text of ['<b>tag</b>', '<u>sharding</u>', '<s>name</s>', 'too']) {
      await page.getByText(text, { exact: true }).first().waitFor();
    }
    expect(await bodyOf(page).textContent()).toBe(SCRIPT);
    expect(await page.locator('#content').locator('img, script, b:has-text("tag"), i, u, s').count()).toBe(0);
    expect(await page.title()).toBe('orders · RingMQ');
    expect(await violations(page)).toEqual([]);
    await viewer.close();
  });

  it('of JSON are shown number by number as they were sent', async () => {
    const body = '{"id":12345678901234567890,"price":1.10,"a":[],"b":{},"a":[{"x":"}, ]"}]}';
    await client.producer().send({ topic: 'orders', body, keys: ['exact'] });
    const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics/orders/messages`);
    const { page } = viewer;
    await page.getByRole('row', { name: /exact/ }).click();
    await expect
      .poll(() => bodyOf(page).textContent(), LONG)
      .toBe(
        [
          '{',
          '  "id": 12345678901234567890,',
          '  "price": 1.10,',
          '  "a": [],',
          '  "b": {},',
          '  "a": [',
          '    {',
          '      "x": "}, ]"',
          '    }',
          '  ]',
          '}',
        ].join('\n'),
      );
    await viewer.close();
  });

  it('that nest without end are text', async () => {
    const body = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    await client.producer().send({ topic: 'orders', body, keys: ['deep'] });
    const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics/orders/messages`);
    await viewer.page.getByRole('row', { name: /deep/ }).click();
    await bodyOf(viewer.page).waitFor();
    expect(await viewer.button('JSON').count()).toBe(0);
    await viewer.close();
  });

  it('of 4 MiB are shown in part, and saved and exported whole', async () => {
    await client.producer().send({ topic: 'large', body: LARGE, keys: ['large'] });
    const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics/large/messages`);
    const { page } = viewer;
    await page.getByRole('row', { name: /large 語+/ }).click();
    await viewer.sees('The first 64.0 KiB are shown.');
    expect(await bodyOf(page).textContent()).toMatch(/^語+$/);
    expect((await saved(page, 'Save')).toString('utf8') === LARGE).toBe(true);
    const [line = ''] = (await saved(page, 'NDJSON')).toString('utf8').split('\n');
    expect((JSON.parse(line) as { body: string }).body === LARGE).toBe(true);
    await viewer.close();
  });

  it('that are looked for are those that are exported', async () => {
    const producer = client.producer();
    for (const key of ['wanted', 'other', 'wanted']) {
      await producer.send({
        topic: 'orders',
        body: new Uint8Array([0, 255]),
        keys: [key],
        properties: { region: 'eu' },
      });
    }
    const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics/orders/messages`);
    const { page } = viewer;
    await page.getByLabel('Look for').selectOption({ label: 'By key' });
    expect(await viewer.button('CSV').isDisabled()).toBe(true);
    await page.getByLabel('Key', { exact: true }).fill('wanted');
    const [head = '', ...lines] = (await saved(page, 'CSV')).toString('utf8').trimEnd().split('\r\n');
    expect(head.split(',').slice(-4)).toEqual(['properties', 'messageId', 'encoding', 'body']);
    expect(lines.map((line) => line.split(',').at(-1))).toEqual(['AP8=', 'AP8=']);
    expect(lines[0]).toContain('"{""region"":""eu""}"');
    await viewer.close();
  });
});

describe('what is gone', () => {
  it('is said where its page is open, and is there again when it is made anew', async () => {
    const admin = client.admin();
    await admin.createTopic({ topic: 'fleeting', queues: 1 });
    const viewer = await Viewer.open(browser, `${httpOf(open)}/#/topics/fleeting`);
    const { page } = viewer;
    await page.getByRole('table', { name: 'Queues' }).getByText('sound').waitFor();
    await admin.deleteTopic('fleeting');
    await page.getByRole('alert').getByText('TOPIC_NOT_FOUND').waitFor();
    await admin.createTopic({ topic: 'fleeting', queues: 2 });
    await viewer.sees('2 in all');
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await viewer.close();
  });

  it('of rights is said by the action, which is not offered again', async () => {
    const admin = client.admin();
    await admin.createUser({ user: 'clerk', password: 'of a clerk' });
    const change = { to: 'clerk', right: 'publish', resource: 'topic:orders' } as const;
    await admin.grant(change);
    const viewer = await Viewer.open(browser, `${httpOf(guarded)}/#/topics/orders`);
    await viewer.logIn('clerk', 'of a clerk');
    await viewer.button('Publish').click();
    await admin.revoke(change);
    // Whom the topic is not visible to is not told that it is there.
    const refused = viewer.dialog.getByRole('alert').getByText(/NOT_ALLOWED|TOPIC_NOT_FOUND/);
    // It holds for an open connection within a second: until then it is done, and the dialog closes.
    for (;;) {
      await viewer.dialog.getByLabel('Body').fill('too late');
      await viewer.dialog.getByRole('button', { name: 'Publish' }).click();
      await refused.or(viewer.page.locator('body:not(:has(dialog))')).waitFor();
      if ((await refused.count()) > 0) {
        break;
      }
      if ((await viewer.button('Publish').count()) === 0) {
        // The page has asked by itself meanwhile, as it does each minute.
        await viewer.close();
        return;
      }
      await viewer.button('Publish').click();
    }
    await viewer.button('Cancel').click();
    await viewer.button('Publish').waitFor({ state: 'detached' });
    await viewer.close();
  });

  it('of a login leads to another one, and says why, also from within a dialog', async () => {
    const admin = client.admin();
    await admin.createUser({ user: 'guest', password: 'of a guest', roles: ['admin'] });
    const viewer = await Viewer.open(browser, `${httpOf(guarded)}/#/topics`);
    const { page } = viewer;
    await viewer.logIn('guest', 'of a guest');
    await viewer.button('Create topic').click();
    await viewer.dialog.getByLabel('Name').fill('never');
    await admin.deleteUser('guest');
    await page.getByLabel('Password').waitFor();
    await page.getByRole('alert').getByText('NOT_AUTHENTICATED').waitFor();
    expect(await violations(page)).toEqual([]);
    await viewer.logIn('keeper', 'a password');
    await viewer.heading('Topics');
    await page.getByRole('button', { name: 'keeper', exact: true }).waitFor();
    expect(await page.getByText('Not connected.').count()).toBe(0);
    await viewer.close();
  });

  it('of a broker is said in the dialog that is open, which goes on when it is back', async () => {
    const listener = await broker.listen({ port: 0, threads: 1 });
    const viewer = await Viewer.open(browser, `${httpOf(listener)}/#/groups`);
    await viewer.button('Create group').click();
    await viewer.dialog.getByLabel('Name').fill('patient');
    const port = Number(new URL(listener.url).port);
    await listener.close();
    await viewer.sees('Not connected.');
    await viewer.dialog.getByRole('button', { name: 'Create' }).click();
    await viewer.dialog
      .getByRole('button', { name: 'Working…' })
      .or(viewer.dialog.getByRole('alert'))
      .waitFor();
    const again = await broker.listen({ port, threads: 1 });
    await expect
      .poll(async () => {
        const create = viewer.dialog.getByRole('button', { name: 'Create' });
        if ((await create.count()) > 0) {
          await create.click();
        }
        return viewer.page.getByRole('heading', { name: 'patient', level: 1 }).count();
      }, LONG)
      .toBe(1);
    expect((await client.admin().describeGroup('patient')).group).toBe('patient');
    await viewer.close();
    await again.close();
  });
});

it('a broker that is slow is waited for, and asked no more often than it answers', async () => {
  const page = await browser.newPage();
  let lateMs = 0;
  let waiting = 0;
  let mostWaiting = 0;
  await page.routeWebSocket(/./, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      if (String(message).includes('listConnections')) {
        mostWaiting = Math.max(mostWaiting, ++waiting);
      }
      server.send(message);
    });
    server.onMessage((message) => {
      setTimeout(() => {
        if (String(message).includes('silentThreads')) {
          waiting--;
        }
        socket.send(message);
      }, lateMs);
    });
  });
  await page.goto(httpOf(open));
  await page.getByText('All is well').waitFor({ timeout: 60_000 });
  // Slower than a list of connections is looked at.
  lateMs = 4_000;
  await page.goto(`${httpOf(open)}/#/clients`);
  await page
    .getByRole('row', { name: /ringmq dashboard/ })
    .first()
    .waitFor({ timeout: 60_000 });
  expect(mostWaiting).toBe(1);
  await page.close();
});

it('back, forward and reload lead where they say, from every page', async () => {
  const viewer = await Viewer.open(browser, httpOf(open));
  const { page } = viewer;
  const titles = ['Overview', 'Cluster', 'Topics', 'Groups', 'Clients', 'Users', 'Audit', 'Configuration'];
  for (const title of titles) {
    await viewer.go(title);
    await page.reload();
    await viewer.heading(title);
  }
  for (const title of titles.slice(0, -1).reverse()) {
    await page.goBack();
    await viewer.heading(title);
  }
  for (const title of titles.slice(1)) {
    await page.goForward();
    await viewer.heading(title);
  }
  await page.goto(`${httpOf(open)}/#/no/such/%E0%A4%A`);
  await viewer.heading('There is no such page');
  await viewer.close();
});
