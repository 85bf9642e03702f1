/** A broker with a little on it, and a browser that looks at its dashboard. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { type Broker, type Client, type Consumer, openBroker } from '../../broker/index.js';
import { bundleDashboard } from '../../tools/dashboard/bundle.js';
import { launchChromium } from './chromium.js';
import { Viewer } from './dashboard-rig.js';

/** It has the topic `orders`, whose only queue a member of the group `billing` holds, which acks nothing. */
export class OrdersDashboard {
  readonly broker: Broker;
  readonly client: Client;
  readonly url: string;
  readonly #browser: Browser;
  readonly #dataDir: string;
  readonly #consumer: Consumer;

  static async start(): Promise<OrdersDashboard> {
    const [browser] = await Promise.all([launchChromium(), bundleDashboard()]);
    const dataDir = mkdtempSync(join(tmpdir(), 'ringmq-dashboard-'));
    const rings = { ringBytes: 16 * 1024 * 1024, memoryRingBytes: 32 * 1024 * 1024 };
    const broker = await openBroker({ dataDir, flush: 'async', ...rings });
    const client = broker.client();
    const url = (await broker.listen({ port: 0, threads: 1 })).url.replace('ws:', 'http:');
    await client.admin().createTopic({ topic: 'orders', queues: 1 });
    await client
      .producer()
      .sendBatch(Array.from({ length: 5 }, (_, i) => ({ topic: 'orders', body: `${i}` })));
    const consumer = client.consumer({ group: 'billing', topic: 'orders', from: 'earliest' });
    await consumer.poll({ max: 1, waitMs: 60_000 });
    return new OrdersDashboard({ browser, dataDir, broker, client, consumer, url });
  }

  private constructor(parts: {
    browser: Browser;
    dataDir: string;
    broker: Broker;
    client: Client;
    consumer: Consumer;
    url: string;
  }) {
    this.broker = parts.broker;
    this.client = parts.client;
    this.url = parts.url;
    this.#browser = parts.browser;
    this.#dataDir = parts.dataDir;
    this.#consumer = parts.consumer;
  }

  /** Someone who looks at the dashboard, or at another address. */
  look(url = this.url, options?: Parameters<typeof Viewer.open>[2]): Promise<Viewer> {
    return Viewer.open(this.#browser, url, options);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#consumer.close();
    await this.broker.close();
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
