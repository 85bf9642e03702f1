/** What the dashboard shows of time: a day of history, groups that are slow, stuck or paused, moments of a clock that is put forward. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TopicQueues } from '../../engine/control/topic-queues.js';
import { TopicShare } from '../../engine/group/topic-share.js';
import { type HistoryRing, Sampler } from '../../engine/stats/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { HISTORY_NAMES, HISTORY_STEP_MS } from '../../native-free/wire/index.js';
import { OrdersDashboard } from './orders-dashboard.js';

/** Twice what makes a member late. */
const LONG_MS = 120_000;

const { start } = Sampler.prototype;
const { unreadTime } = TopicQueues.prototype;
const { progress } = TopicShare.prototype;

let orders: OrdersDashboard;
let ring: HistoryRing;
/** What waits seems to have been stored so long ago, and the last commit so long. */
let waitsMs = 0;
let idleMs = 0;

beforeAll(async () => {
  // Nobody waits a day for samples, or minutes for a member to be late.
  Sampler.prototype.start = function (this: Sampler) {
    ring = this.ring;
  };
  TopicQueues.prototype.unreadTime = function (this: TopicQueues, ...args) {
    const time = unreadTime.apply(this, args);
    return time === null ? null : time - waitsMs;
  };
  TopicShare.prototype.progress = () => monotonicMs() - idleMs;
  orders = await OrdersDashboard.start();
});

afterAll(async () => {
  Sampler.prototype.start = start;
  TopicQueues.prototype.unreadTime = unreadTime;
  TopicShare.prototype.progress = progress;
  await orders?.close();
});

beforeEach(() => {
  waitsMs = 0;
  idleMs = 0;
});

/** Points that are drawn on the canvas of a chart. */
function drawn(page: Page, label: string): Promise<number> {
  return page.getByRole('img', { name: label }).evaluate((box) => {
    const canvas = box.querySelector('canvas') as HTMLCanvasElement;
    const { data } = (canvas.getContext('2d') as CanvasRenderingContext2D).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    return data.filter((value, i) => i % 4 === 3 && value > 0).length;
  });
}

describe('the charts', () => {
  it('show what the broker has kept of its last day, and when the disk is full', async () => {
    const now = Date.now();
    const GIB = 1024 ** 3;
    // Up to an hour from now: however long it takes to be looked at, there is a last one.
    for (let ago = 8_000; ago >= -360; ago--) {
      // A disk that loses a GiB an hour, and has 10 left.
      const diskFreeBytes = GIB * (10 + (ago * HISTORY_STEP_MS) / 3_600_000);
      const known = { messagesIn: 250, bytesIn: 4_096, messagesOut: 125, syncP50Ms: 2, syncP99Ms: 7 };
      const none = Object.fromEntries(HISTORY_NAMES.map((name) => [name, null])) as Record<
        (typeof HISTORY_NAMES)[number],
        null
      >;
      ring.put(now - ago * HISTORY_STEP_MS, { ...none, ...known, diskFreeBytes });
    }
    const viewer = await orders.look();
    const { page } = viewer;
    const rates = page.getByRole('region', { name: 'Messages a second' });
    await rates.getByText('last 24 h').waitFor();
    await rates.getByText('250/s', { exact: true }).waitFor();
    await rates.getByText('125/s', { exact: true }).waitFor();
    const flush = page.getByRole('region', { name: 'Flush latency' });
    await flush.getByText('2 ms', { exact: true }).waitFor();
    await flush.getByText('7 ms', { exact: true }).waitFor();
    await page.getByText(/^full in (9\.\d|10\.\d) h$/).waitFor();
    await viewer.sees(/At this pace it is full in/);
    for (const label of ['Messages a second', 'Bytes a second', 'Flush latency', 'Disk free over time']) {
      // Lines are drawn after what is written.
      await expect.poll(() => drawn(page, label), { message: label }).toBeGreaterThan(1_000);
    }
    await viewer.close();
  });
});

describe('a group', () => {
  it.each([
    ['slow', LONG_MS, 0],
    ['stuck', LONG_MS, LONG_MS],
  ])('is marked as %s where its member is', async (mark, waits, idle) => {
    waitsMs = waits;
    idleMs = idle;
    const viewer = await orders.look(`${orders.url}/#/groups`);
    const { page } = viewer;
    const row = page.getByRole('row', { name: /^billing/ });
    await row.getByText(mark, { exact: true }).waitFor();
    await row.getByText(/^\d+ min$/).waitFor();
    await row.getByRole('link').click();
    await page
      .getByRole('table', { name: 'Members' })
      .getByRole('row', { name: new RegExp(`${mark}$`) })
      .waitFor();
    await page.goto(`${orders.url}/#/topics/orders/groups`);
    await page
      .getByRole('row', { name: /^billing/ })
      .getByText(mark, { exact: true })
      .waitFor();
    await viewer.close();
  });

  it('is paused, which is seen, and resumed', async () => {
    const viewer = await orders.look(`${orders.url}/#/groups/billing`);
    const { page } = viewer;
    const state = page.getByRole('definition').filter({ hasText: /^(paused|reading|nobody reads)$/ });
    await viewer.button('Pause').click();
    await viewer.dialog.getByText(/Members of billing get nothing/).waitFor();
    await viewer.dialog.getByRole('button', { name: 'Pause' }).click();
    await viewer.dialog.waitFor({ state: 'detached' });
    await state.getByText('paused').waitFor();
    expect(await orders.client.admin().describeGroup('billing')).toMatchObject({ paused: true });
    expect(await viewer.button('Pause').count()).toBe(0);
    await viewer.button('Resume').click();
    await viewer.dialog.getByRole('button', { name: 'Resume' }).click();
    await viewer.dialog.waitFor({ state: 'detached' });
    await state.getByText('reading').waitFor();
    expect(await orders.client.admin().describeGroup('billing')).toMatchObject({ paused: false });
    await viewer.close();
  });
});

describe('moments', () => {
  it('are said exactly: of an hour that a clock change leaves out too', async () => {
    const viewer = await orders.look(`${orders.url}/#/topics/orders/messages`, {
      timezoneId: 'Europe/Berlin',
    });
    const { page } = viewer;
    await page.getByLabel('Look for').selectOption({ label: 'From a time' });
    await viewer.sees('Times are of this computer: Europe/Berlin.');
    await page.getByLabel('Time', { exact: true }).fill('2026-07-01T12:00:00');
    await viewer.sees('That is 2026-07-01T10:00:00.000Z.');
    // At two the clock was put to three.
    await page.getByLabel('Time', { exact: true }).fill('2026-03-29T02:30:00');
    await viewer.sees('That is 2026-03-29T01:30:00.000Z.');
    await viewer.close();
  });
});

describe('on a narrow screen', () => {
  it('nothing is wider than the screen, on any page', async () => {
    const viewer = await orders.look(orders.url, { width: 360 });
    const { page } = viewer;
    const wide: string[] = [];
    for (const hash of [
      'overview',
      'cluster',
      'topics',
      'topics/orders',
      'groups',
      'clients',
      'users',
      'audit',
      'configuration',
    ]) {
      await page.goto(`${orders.url}/#/${hash}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.waiting').waitFor({ state: 'detached' });
      const width = await page.evaluate(() => {
        const content = document.getElementById('content') as HTMLElement;
        return Math.max(document.documentElement.scrollWidth, content.scrollWidth);
      });
      if (width > 360) {
        wide.push(`${hash}: ${width}`);
      }
    }
    expect(wide).toEqual([]);
    await viewer.close();
  });
});
