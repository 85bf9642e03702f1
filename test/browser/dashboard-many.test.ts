/** A dashboard over a thousand topics, a thousand groups and ten thousand queues. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';
import { bundleDashboard } from '../../tools/dashboard/bundle.js';
import { launchChromium } from './chromium.js';
import { Viewer } from './dashboard-rig.js';

const TOPICS = 1_000;
const QUEUES = 9_000;
/** Of however many there are, so many are drawn at most. */
const MAX_DRAWN = 100;

let browser: Browser;
let dataDir: string;
let broker: Broker;
let url: string;

beforeAll(async () => {
  [browser] = await Promise.all([launchChromium(), bundleDashboard()]);
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-dashboard-'));
  const rings = { ringBytes: 16 * 1024 * 1024, memoryRingBytes: 32 * 1024 * 1024 };
  broker = await openBroker({ dataDir, flush: 'async', maxQueues: 16_384, ...rings });
  url = (await broker.listen({ port: 0, threads: 1 })).url.replace('ws:', 'http:');
  const admin = broker.client().admin();
  await admin.createTopic({ topic: 'a-wide-one', queues: QUEUES });
  const names = Array.from({ length: TOPICS }, (_, i) => `topic-${String(i).padStart(4, '0')}`);
  for (let at = 0; at < names.length; at += 100) {
    await Promise.all(names.slice(at, at + 100).map((topic) => admin.createTopic({ topic, queues: 1 })));
    await Promise.all(
      names.slice(at, at + 100).map((name) => admin.createGroup({ group: name.replace('topic', 'group') })),
    );
  }
});

afterAll(async () => {
  await browser?.close();
  await broker?.close();
  if (dataDir !== undefined) {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

it('lists all of them and draws what is looked at, and finds one by its name', async () => {
  const viewer = await Viewer.open(browser, url);
  const { page } = viewer;
  await viewer.heading('Overview');
  await viewer.go('Topics');
  const table = page.getByRole('table', { name: 'Topics' });
  await table.getByRole('link', { name: 'topic-0000' }).waitFor();
  expect(await table.getByRole('row').count()).toBeLessThan(MAX_DRAWN);
  const body = table.getByRole('rowgroup').last();
  await body.focus();
  // What is not there yet comes as one goes on.
  while ((await table.getByRole('link', { name: 'topic-0999' }).count()) === 0) {
    await body.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.waitForTimeout(20);
  }
  expect(await table.getByRole('row').count()).toBeLessThan(MAX_DRAWN);
  expect(Number(await table.getAttribute('aria-rowcount'))).toBeGreaterThan(TOPICS);
  await page.getByLabel('Filter by name').fill('0777');
  await table.getByRole('link', { name: 'topic-0777' }).waitFor();
  await viewer.sees('1 in all');
  await viewer.close();
});

it('finds one of a thousand groups in their list, and from anywhere', async () => {
  const viewer = await Viewer.open(browser, `${url}/#/groups`);
  const { page } = viewer;
  const table = page.getByRole('table', { name: 'Groups' });
  await table.getByRole('link', { name: 'group-0000' }).waitFor();
  expect(await table.getByRole('row').count()).toBeLessThan(MAX_DRAWN);
  // However it is written.
  await page.getByLabel('Filter by name').fill('GROUP-0999');
  await table.getByRole('link', { name: 'group-0999' }).waitFor();
  await viewer.sees('1 in all');
  await viewer.button('Find /').click();
  await viewer.dialog.getByRole('combobox').fill('p-0888');
  await viewer.dialog.getByRole('option', { name: /group-0888/ }).click();
  await viewer.heading('group-0888');
  await viewer.close();
});

it('has one of nine thousand queues written, to look at its messages', async () => {
  const viewer = await Viewer.open(browser, `${url}/#/topics/a-wide-one/messages`);
  const { page } = viewer;
  await page.getByLabel('Queue', { exact: true }).fill('9001');
  expect(await viewer.button('Look').isDisabled()).toBe(true);
  await page.getByLabel('Queue', { exact: true }).fill('8999');
  await viewer.button('Look').click();
  await viewer.sees('0 shown');
  await viewer.close();
});

it('shows a topic of nine thousand queues, and draws what is looked at', async () => {
  const viewer = await Viewer.open(browser, `${url}/#/topics/a-wide-one`);
  const { page } = viewer;
  await viewer.heading('a-wide-one');
  await viewer.sees('9,000 in all');
  const table = page.getByRole('table', { name: 'Queues' });
  expect(await table.getByRole('row').count()).toBeLessThan(MAX_DRAWN);
  await table
    .getByRole('rowgroup')
    .last()
    .evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await table.getByRole('row', { name: /^8999 / }).waitFor();
  expect(await table.getByRole('row').count()).toBeLessThan(MAX_DRAWN);
  await viewer.close();
});
