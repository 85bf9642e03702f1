/** Every page of the dashboard over a cluster: for everybody, by keyboard, read-only, in Chinese, as its pictures show, and when brokers die. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../native-free/client/index.js';
import { violations } from './axe.js';
import { ClusterViewer } from './cluster-viewer.js';
import type { DashboardCluster } from './dashboard-cluster.js';
import { Viewer } from './dashboard-rig.js';
import { DIALOGS, titlesInSource } from './dialogs.js';

const IMAGES = fileURLToPath(new URL('../../../docs/images', import.meta.url));

/** The pictures are made anew. */
const IS_KEPT = process.env['RINGMQ_UPDATE_DOCS'] === '1';
/** What the brokers keep a sample of every ten seconds is to be a line in them. */
const FLOW_MS = 150_000;

let rig: ClusterViewer;
let cluster: DashboardCluster;
let client: Client;
let viewer: Viewer;

/** Messages of an even flow, for pictures with something in them: this takes as long as it is told to, and says nothing meanwhile. */
async function flow(ms: number): Promise<void> {
  const producer = client.producer();
  const consumer = client.consumer({ group: 'billing', topic: 'orders' });
  const reading = consumer.run(() => undefined);
  const until = performance.now() + ms;
  for (let i = 0; performance.now() < until; i++) {
    const sent = Array.from({ length: 4 + (i % 3) }, (_, at) => {
      const order = 100 + 6 * i + at;
      return ['placed', 'paid', 'shipped'].map((tag) => ({
        topic: 'orders',
        body: JSON.stringify({ order, state: tag, amount: 3 * order, currency: 'EUR' }),
        tag,
        keys: [`o-${order}`],
        properties: { region: 'eu' },
        shardingKey: `customer-${order % 40}`,
      }));
    });
    await producer.sendBatch(sent.flat());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await consumer.close();
  await reading;
}

beforeAll(async () => {
  rig = await ClusterViewer.start();
  ({ cluster, client, viewer } = rig);
  const admin = client.admin();
  await Promise.all([
    admin.createGroup({ group: 'billing' }),
    admin.createGroup({ group: 'idle' }).then(() => admin.pauseGroup({ group: 'idle' })),
    admin.createRole({ role: 'readers' }),
    admin.createUser({ user: 'anna', password: 'a password' }),
  ]);
});

afterAll(() => rig?.close());

describe('for everybody', () => {
  const PAGES = [
    '#/overview',
    '#/cluster',
    '#/topics',
    '#/topics/orders',
    '#/topics/orders/messages',
    '#/topics/orders/clients',
    '#/topics/orders/groups',
    '#/groups',
    '#/groups/billing',
    '#/clients',
    '#/users',
    '#/users/roles',
    '#/users/test',
    '#/audit',
    '#/configuration',
  ];

  it('no page has what axe calls a violation, by day and by night', async () => {
    const { page } = viewer;
    const found: string[] = [];
    for (const hash of PAGES) {
      await page.goto(`${cluster.page}/${hash}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.waiting').waitFor({ state: 'detached' });
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme });
        found.push(...(await violations(page)).map((each) => `${hash} ${colorScheme} ${each}`));
      }
    }
    expect(found).toEqual([]);
  });

  it('the keyboard leads everywhere, and a name that is written in part', async () => {
    const { page } = viewer;
    await page.keyboard.press('Escape');
    await page.locator('body').click({ position: { x: 700, y: 780 } });
    // The second key of two is to follow soon, which a machine that stops for a while may not let it.
    do {
      await page.keyboard.press('g');
      await page.keyboard.press('t');
    } while ((await page.evaluate(() => location.hash)) !== '#/topics');
    await viewer.heading('Topics');
    await page.keyboard.press('/');
    await viewer.dialog.getByRole('combobox').fill('bill');
    await viewer.dialog.getByRole('option', { name: /billing/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Enter');
    await viewer.heading('billing');
    await page.keyboard.press('?');
    await viewer.dialog.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await viewer.dialog.waitFor({ state: 'detached' });
  });

  it('no dialog is left out of what is looked at here', () => {
    expect([...new Set(DIALOGS.map(({ title }) => title))].sort()).toEqual(titlesInSource());
  });

  it('every dialog is opened and left by keyboard, which is then where it was, and axe finds nothing', {
    timeout: 300_000,
  }, async () => {
    const { page } = viewer;
    const found: string[] = [];
    let here = '';
    for (const [i, { hash, button, heading, row }] of DIALOGS.entries()) {
      if (hash !== here) {
        await page.goto(`${cluster.page}/${hash}`);
        here = hash;
      }
      const within = row === undefined ? page : page.getByRole('row', { name: row });
      await within.getByRole('button', { name: button, exact: true }).first().press('Enter');
      await viewer.dialog.getByRole('heading', { name: heading, exact: true }).waitFor();
      await viewer.dialog.locator('.waiting').waitFor({ state: 'detached' });
      for (const key of ['', 'Tab', 'Shift+Tab', 'Shift+Tab']) {
        if (key !== '') {
          await page.keyboard.press(key);
        }
        const isWithin = await page.evaluate(
          () =>
            document.activeElement === document.body || document.activeElement?.closest('dialog') !== null,
        );
        expect(isWithin, `${heading} after ${key}`).toBe(true);
      }
      // They are made of the same parts: half of them by day, half by night.
      const colorScheme = i % 2 === 0 ? 'light' : 'dark';
      await page.emulateMedia({ colorScheme });
      found.push(...(await violations(page, 'dialog')).map((each) => `${heading} ${colorScheme} ${each}`));
      await page.keyboard.press('Escape');
      // Not only closed: what was open knows of it.
      await page.locator('dialog').waitFor({ state: 'detached' });
      expect(await page.evaluate(() => document.activeElement?.textContent), heading).toBe(button);
    }
    expect(found).toEqual([]);
  });

  it('a group is resumed by keyboard, and so is the own password changed, which takes the one before', async () => {
    const { page } = viewer;
    await page.goto(`${cluster.page}/#/groups/idle`);
    await viewer.button('Resume').focus();
    await page.keyboard.press('Enter');
    await viewer.dialog.getByRole('button', { name: 'Resume' }).focus();
    await page.keyboard.press('Enter');
    await viewer.button('Pause').waitFor();
    const admin = client.admin();
    expect((await admin.describeGroup('idle')).paused).toBe(false);

    await admin.createUser({ user: 'chief', password: 'a password', roles: ['admin'] });
    const context = page.context().browser();
    const own = await Viewer.open(context as Browser, `${cluster.page}/#/users`);
    await own.logIn('chief', 'a password');
    const row = own.page.getByRole('row', { name: /^chief/ });
    for (const [before, ends] of [
      ['a wrong one', false],
      ['a password', true],
    ] as const) {
      await row.getByRole('button', { name: 'Password' }).focus();
      await own.page.keyboard.press('Enter');
      await own.dialog.getByLabel('Password until now').focus();
      await own.page.keyboard.type(before);
      await own.page.keyboard.press('Tab');
      await own.page.keyboard.type('another one');
      await own.page.keyboard.press('Enter');
      if (!ends) {
        await own.dialog.getByText('NOT_AUTHENTICATED').waitFor();
        await own.page.keyboard.press('Escape');
        await own.dialog.waitFor({ state: 'detached' });
      }
    }
    // The page goes on with it.
    await own.sees('Done.');
    await own.button('Log in').waitFor({ state: 'detached' });
    await own.page.reload();
    await own.logIn('chief', 'another one');
    await own.heading('Users');
    // Somebody else's doing ends it.
    await admin.setPassword('chief', 'a third one');
    await own.button('Log in').waitFor();
    await own.close();
  });

  it('read-only offers nothing that changes anything', async () => {
    const { page } = viewer;
    await viewer.button('Read-only').click();
    for (const [hash, actions] of [
      ['#/topics', ['Create topic']],
      ['#/topics/orders', ['Publish', 'Grow', 'Retention', 'Delete']],
      ['#/groups/billing', ['Reset offsets', 'Pause', 'Delete']],
      ['#/users', ['Create user', 'Limits', 'Password']],
      ['#/clients', ['Disconnect']],
      ['#/cluster', ['Promote']],
    ] as const) {
      await page.goto(`${cluster.page}/${hash}`);
      await page.locator('.row, .node').first().waitFor();
      for (const action of actions) {
        expect(await viewer.button(action).count(), `${hash} ${action}`).toBe(0);
      }
    }
    await viewer.button('Read-only').click();
    await viewer.button('Promote').waitFor();
  });

  it('every text is there in Chinese', async () => {
    const { page } = viewer;
    await viewer.button('中文').click();
    await viewer.heading('集群');
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
    await page.getByRole('link', { name: '主题' }).click();
    await viewer.heading('主题');
    await viewer.button('English').click();
    await viewer.heading('Topics');
  });
});

it('is as its pictures show', { timeout: FLOW_MS + 120_000 }, async () => {
  mkdirSync(IMAGES, { recursive: true });
  const { page } = viewer;
  const shoot = async (hash: string, name: string, ready: () => Promise<unknown>): Promise<void> => {
    await page.goto(`${cluster.page}/${hash}`);
    await ready();
    // So that nothing is pointed at.
    await page.mouse.move(700, 795);
    const image = await page.screenshot(IS_KEPT ? { path: `${IMAGES}/${name}.png` } : {});
    // Fonts of other machines make others of them.
    expect(image.length).toBeLessThan(IS_KEPT ? 150_000 : 400_000);
  };
  await page.emulateMedia({ colorScheme: 'light' });
  if (IS_KEPT) {
    await flow(FLOW_MS);
  }
  await shoot('#/overview', 'dashboard-overview', async () => {
    // Which of them, that depends on how long the brokers are there.
    await viewer.sees(IS_KEPT ? 'last 24 h' : /^(last 24 h|since this page was opened)$/);
    // Two looks make a rate.
    await page.locator('.figure').filter({ hasText: 'Messages in' }).getByText(/\d\/s/).first().waitFor();
  });
  await shoot('#/cluster', 'dashboard-cluster', () => viewer.sees('in sync'));
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot('#/topics/orders/messages', 'dashboard-messages', async () => {
    await page.getByLabel('Look for').selectOption('key');
    await page.getByLabel('Key', { exact: true }).fill(IS_KEPT ? 'o-700' : 'o-7');
    await page.keyboard.press('Enter');
    const row = page.getByRole('row', { name: / o-7/ });
    await row.last().waitFor();
    await page
      .getByRole('row', { name: /placed|paid/ })
      .first()
      .click();
    await viewer.sees('Consumed by');
  });
  await page.emulateMedia({ colorScheme: 'light' });
});

describe('a slave', () => {
  it('has connections of its own to look at', async () => {
    const { page } = viewer;
    await page.goto(`${cluster.page}/#/clients`);
    await page.getByLabel('Node').selectOption({ label: 'a-slave' });
    const rows = page.getByRole('table', { name: 'Clients' }).getByRole('row');
    await rows.filter({ hasText: 'a-slave' }).first().waitFor();
    await rows.filter({ hasText: 'ringmq dashboard' }).first().waitFor();
    // Those of the masters stay until these are there.
    await rows.getByText('b', { exact: true }).first().waitFor({ state: 'detached' });
  });
});

describe('when brokers die', () => {
  it('says which does not answer, and goes on with the others', async () => {
    const { page } = viewer;
    await page.goto(`${cluster.page}/#/overview`);
    await viewer.sees('All is well');
    await cluster.brokers.get('b')?.kill();
    await page
      .getByRole('list', { name: /Problems/ })
      .getByText(/does not answer/)
      .first()
      .waitFor();
    await viewer.go('Topics');
    await page.getByRole('link', { name: 'orders' }).click();
    // What is shown is not all.
    await viewer.sees('Does not answer: b.');
    await page.getByRole('table', { name: 'Queues' }).getByText('sound').first().waitFor();
  });

  it('a slave is promoted, after it is said what that will do', async () => {
    const { page } = viewer;
    await cluster.brokers.get('a')?.kill();
    await viewer.go('Cluster');
    const slave = page.locator('.node').filter({ hasText: 'a-slave' });
    await slave.getByRole('button', { name: 'Promote' }).focus();
    await page.keyboard.press('Enter');
    await viewer.dialog.getByText('a-slave becomes the master of set a').waitFor();
    await viewer.dialog.getByLabel(/even where another broker/).focus();
    await page.keyboard.press('Space');
    await viewer.dialog.getByRole('button', { name: 'Promote' }).focus();
    await page.keyboard.press('Enter');
    await viewer.sees(/a-slave is the master now, of epoch/);
    await slave.getByText('master', { exact: true }).waitFor();
    await page.goto(`${cluster.page}/#/topics/orders`);
    await page.getByRole('table', { name: 'Queues' }).getByText('sound').first().waitFor();
  });
});
