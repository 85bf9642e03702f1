/**
 * The dashboard in a tab of the background: it asks nothing while nobody looks, and shows what is as soon as
 * somebody does.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPCODE } from '../../native-free/wire/index.js';
import { OrdersDashboard } from './orders-dashboard.js';

interface Questions {
  /** So far. */
  asked: number;
  /** Of those not answered yet. */
  open: number;
}

/** In the page, before it begins: counts what it asks, and what is answered. */
function countQuestions({ request, response }: { request: number; response: number }): void {
  const questions: Questions = { asked: 0, open: 0 };
  const sockets = new WeakSet<WebSocket>();
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (this: WebSocket, data) {
    if (!sockets.has(this)) {
      sockets.add(this);
      this.addEventListener('message', ({ data: answer }) => {
        questions.open -= new Uint8Array(answer as ArrayBuffer)[0] === response ? 1 : 0;
      });
    }
    const { buffer, byteOffset } = data as Uint8Array<ArrayBuffer>;
    if (new Uint8Array(buffer, byteOffset)[0] === request) {
      questions.asked++;
      questions.open++;
    }
    send.call(this, data);
  };
  Object.assign(globalThis, { questions });
}

let orders: OrdersDashboard;

beforeAll(async () => {
  orders = await OrdersDashboard.start();
});

afterAll(async () => {
  await orders?.close();
});

describe('left in the background', () => {
  /** The tab is another one's, or this one's again. */
  const hide = (page: Page, isHidden: boolean): Promise<void> =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);

  it('for half an hour, it shows what is as soon as it is looked at again', async () => {
    const viewer = await orders.look();
    const { page } = viewer;
    await page.clock.install();
    await page.reload();
    await viewer.sees(/^\d+ topics?/);
    await hide(page, true);
    for (let minutes = 0; minutes < 30; minutes += 3) {
      await page.clock.fastForward('03:00');
    }
    await orders.client.admin().createTopic({ topic: 'made-meanwhile', queues: 1 });
    const topics = (await orders.client.admin().listTopics()).length;
    await hide(page, false);
    await viewer.sees(new RegExp(`^${topics} topics?`));
    await viewer.close();
  });

  it('it asks nothing, on no page, until it is shown again', async () => {
    const viewer = await orders.look();
    const { page } = viewer;
    await page.clock.install();
    await page.addInitScript(countQuestions, { request: OPCODE.request, response: OPCODE.response });
    await page.reload();
    const questions = (): Promise<Questions> =>
      page.evaluate(() => (globalThis as unknown as { questions: Questions }).questions);
    let askedWhenHidden = 0;
    for (const hash of [
      ...['overview', 'topics', 'topics/orders', 'topics/orders/messages', 'topics/orders/clients'],
      ...['groups', 'groups/billing', 'clients', 'users', 'audit', 'configuration'],
    ]) {
      await page.goto(`${orders.url}/#/${hash}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.locator('.waiting').waitFor({ state: 'detached' });
      await hide(page, true);
      // What it was asking then is answered, and what it asks because of that, once it is drawn.
      let asked = -1;
      await expect
        .poll(async () => {
          const before = asked;
          await page.clock.fastForward(500);
          const { open, asked: now } = await questions();
          asked = now;
          return open === 0 && now === before;
        })
        .toBe(true);
      await page.clock.fastForward('02:00');
      expect((await questions()).asked, hash).toBe(asked);
      askedWhenHidden = asked;
      await hide(page, false);
    }
    // What it has asked for being shown is not awaited: nothing comes behind it before that is answered.
    await expect
      .poll(async () => {
        await page.clock.fastForward('02:00');
        return (await questions()).asked;
      })
      .toBeGreaterThan(askedWhenHidden);
    await viewer.close();
  });

  it('it is connected again when it is looked at, though its connection died meanwhile', async () => {
    const listener = await orders.broker.listen({ port: 0, threads: 1 });
    const viewer = await orders.look(listener.url.replace('ws:', 'http:'));
    const { page } = viewer;
    await page.clock.install();
    await page.reload();
    await viewer.sees(/^\d+ topics?/);
    await hide(page, true);
    await listener.close();
    await viewer.sees('Not connected.');
    await page.clock.fastForward('30:00');
    await orders.broker.listen({ port: listener.port, threads: 1 });
    await orders.client.admin().createTopic({ topic: 'made-while-away', queues: 1 });
    const topics = (await orders.client.admin().listTopics()).length;
    await hide(page, false);
    await viewer.sees(new RegExp(`^${topics} topics?`));
    await page.getByText('Not connected.').waitFor({ state: 'detached' });
    await viewer.close();
  });
});
