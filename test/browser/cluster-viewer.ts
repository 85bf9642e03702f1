/** A cluster with messages in it, and an administrator who looks at it in a browser. */
import type { Browser } from 'playwright-core';
import type { Client } from '../../native-free/client/index.js';
import { bundleDashboard } from '../../tools/dashboard/bundle.js';
import { launchChromium } from './chromium.js';
import { DashboardCluster, PASSWORD } from './dashboard-cluster.js';
import { Viewer } from './dashboard-rig.js';

export class ClusterViewer {
  readonly cluster: DashboardCluster;
  readonly client: Client;
  readonly viewer: Viewer;
  readonly #browser: Browser;

  /** With a topic `orders` of sixty messages. */
  static async start(): Promise<ClusterViewer> {
    const [, browser, cluster] = await Promise.all([
      bundleDashboard(),
      launchChromium(),
      DashboardCluster.start(),
    ]);
    const client = await cluster.client();
    await client.admin().createTopic({ topic: 'orders', queues: 2 });
    await client.producer().sendBatch(
      Array.from({ length: 60 }, (_, i) => ({
        topic: 'orders',
        body: JSON.stringify({ order: i, amount: i * 3, currency: 'EUR' }),
        tag: i % 3 === 0 ? 'open' : 'paid',
        keys: [`o-${i}`],
        properties: { region: 'eu' },
        shardingKey: `customer-${i}`,
      })),
    );
    const viewer = await Viewer.open(browser, cluster.page);
    await viewer.logIn('admin', PASSWORD);
    await viewer.heading('Overview');
    return new ClusterViewer(browser, cluster, client, viewer);
  }

  private constructor(browser: Browser, cluster: DashboardCluster, client: Client, viewer: Viewer) {
    this.#browser = browser;
    this.cluster = cluster;
    this.client = client;
    this.viewer = viewer;
  }

  async close(): Promise<void> {
    try {
      await this.viewer.close();
    } finally {
      await this.#browser.close();
      await this.client.close().catch(() => undefined);
      await this.cluster.close();
    }
  }
}
