/** What the dashboard and the rules in deploy/ ask for is what a broker tells. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
let dataDir: string;
let broker: Broker;
let text = '';
let names: ReadonlySet<string>;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-metrics-'));
  broker = await openBroker({ dataDir, name: 'asked', flush: 'sync' });
  const client = broker.client();
  const admin = client.admin();
  await admin.createTopic({ topic: 'orders', queues: 1 });
  await admin.createTopic({ topic: 'refunds', queues: 1 });
  await client.producer().send({ topic: 'orders', body: 'x' });
  for (const topic of ['orders', 'refunds']) {
    await admin.createGroup({ group: 'billing', ifNotExists: true });
    await admin.resetOffset({ group: 'billing', topic, to: 'earliest' });
  }
  const listener = await broker.listen({ port: 0, listener: 'ws', groupMetrics: 1 });
  const url = listener.url.replace('ws:', 'http:');
  await (await fetch(`${url}/nothing`)).text();
  const answer = await fetch(`${url}/metrics`);
  text = await answer.text();
  names = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] as string));
});
afterAll(async () => {
  await broker?.close();
  rmSync(dataDir, { recursive: true, force: true });
});

it.each(['deploy/grafana/ringmq.json', 'deploy/prometheus/ringmq.rules.yml'])(
  'every metric that %s names is there',
  (file) => {
    const named = new Set(readFileSync(join(ROOT, file), 'utf8').match(/\bringmq_[a-z0-9_]+/g));
    expect(named.size).toBeGreaterThan(10);
    expect([...named].filter((name) => !names.has(name))).toEqual([]);
  },
);

it('the dashboard is one that can be loaded: each panel has its place, a data source and a question', () => {
  const { panels, uid } = JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/ringmq.json'), 'utf8')) as {
    uid: string;
    panels: { id: number; type: string; gridPos: { x: number; w: number }; targets?: { expr: string }[] }[];
  };
  expect(uid).toBe('ringmq');
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  for (const { type, targets = [], gridPos } of panels) {
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    expect(targets.length > 0).toBe(type !== 'row');
  }
});

it('groups have rows of their lag in messages and seconds, no more than are asked for', () => {
  expect(text).toMatch(
    /^ringmq_group_topic_lag_messages\{group="billing",topic="orders",broker="asked"\} 1$/m,
  );
  expect(text).toMatch(
    /^ringmq_group_topic_lag_seconds\{group="billing",topic="orders",broker="asked"\} [\d.]+$/m,
  );
  expect(text).not.toMatch(/topic="refunds"/);
  expect(text).toMatch(/^ringmq_group_metrics_complete\{broker="asked"\} 0$/m);
});

it('replication, logins and plain HTTP are told', () => {
  expect(text).toMatch(/^ringmq_master\{broker="asked"\} 1$/m);
  expect(text).toMatch(/^ringmq_takes_messages\{broker="asked"\} 1$/m);
  expect(text).toMatch(/^ringmq_logins_total\{result="failed",broker="asked"\} 0$/m);
  expect(text).toMatch(/^ringmq_http_requests_total\{thread="ringmq-listener-1",broker="asked"\} 1$/m);
});
