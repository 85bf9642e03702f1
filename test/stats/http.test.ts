/** Plain HTTP on the broker's port: health, readiness and metrics, on every listener. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, type BrokerListener, openBroker } from '../../broker/index.js';
import { LISTENERS } from '../transport/listeners.js';

describe.each(LISTENERS.map(([kind]) => kind))('HTTP on %s', (kind) => {
  let dataDir: string;
  let broker: Broker;
  let listener: BrokerListener;

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'ringmq-http-'));
    broker = await openBroker({ dataDir, name: 'asked' });
    listener = await broker.listen({ port: 0, listener: kind as 'uws' | 'ws', queueMetrics: true });
    const client = broker.client();
    await client.admin().createTopic({ topic: 'orders', queues: 2 });
    await client.producer().send({ topic: 'orders', body: 'x' }, { queueId: 1 });
  });

  afterAll(async () => {
    await broker.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const get = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`${listener.url.replace('ws:', 'http:')}${path}`, init);

  it('tells whether the broker is alive and takes sends', async () => {
    for (const path of ['/healthz', '/readyz', '/readyz?verbose']) {
      const answer = await get(path);
      expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
    }
  });

  it('gives metrics that Prometheus reads, of threads and queues', async () => {
    const answer = await get('/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    expect(text).toMatch(/^ringmq_messages_in_total\{thread="main",broker="asked"\} 1$/m);
    expect(text).toMatch(/^ringmq_topics\{broker="asked"\} 1$/m);
    expect(text).toMatch(/^ringmq_queue_next_offset\{topic="orders",queue="1",broker="asked"\} 1$/m);
    // Each name is declared once, and each line of it is a sample.
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(new Set(names).size).toBe(names.length);
    for (const line of text.split('\n').filter((row) => row !== '' && !row.startsWith('#'))) {
      expect(line).toMatch(/^ringmq_[a-z0-9_]+\{.*\} (\d|\d.*\d)$/);
    }
  });

  it('answers other paths and methods with an error', async () => {
    expect((await get('/nothing')).status).toBe(404);
    expect((await get('/metrics', { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await get('/metrics', { method: 'HEAD' })).status).toBe(200);
  });

  it('is for those who call this machine by its name, not for a page that rebinds its domain', async () => {
    const status = await new Promise((resolve, reject) => {
      request(
        { host: '127.0.0.1', port: listener.port, path: '/metrics', headers: { host: 'evil.example' } },
        (response) => resolve(response.resume().statusCode),
      )
        .once('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it('hundreds who ask at once are answered', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => get('/metrics')));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    expect(texts.every((text) => text.includes('ringmq_up_seconds'))).toBe(true);
  });
});
