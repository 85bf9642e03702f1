/** What a name server answers over HTTP: routes, brokers and topics, as it says them over WebSocket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { NAME_SERVER_ANSWERS } from '../../broker/api/name-server-api.js';
import { openBroker, openNameServer } from '../../broker/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { PATIENT, SMALL } from './api-rig.js';

describe.each(LISTENERS)('a name server over %s', (listener) => {
  it('tells its routes, brokers and topics, and nothing else', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ringmq-api-ns-'));
    const server = await openNameServer({ port: 0, listener });
    const broker = await openBroker({
      dataDir,
      ...SMALL,
      nameServers: [server.url],
      cluster: 'shop',
      name: 'a',
    });
    onTestFinished(async () => {
      await broker.close();
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    await broker.listen({ port: 0, listener: 'ws' });
    await broker.client().admin().createTopic({ topic: 'a/b', queues: 2 });
    const ask = async (path: string, method = 'GET'): Promise<{ status: number; json: object }> => {
      const answer = await fetch(`http://127.0.0.1:${server.port}/api/v1${path}`, { method });
      return { status: answer.status, json: (await answer.json()) as object };
    };
    await expect.poll(async () => (await ask('/topics/a%2Fb/route')).status, PATIENT).toBe(200);
    const paths = {
      route: '/route?cluster=shop',
      topicRoute: '/topics/a%2Fb/route',
      topicChanges: '/topics',
      clusterStatus: '/brokers?limit=10',
    } as const;
    for (const [method, path] of Object.entries(paths)) {
      const { status, json } = await ask(path);
      expect(status, path).toBe(200);
      expect(NAME_SERVER_ANSWERS[method as keyof typeof paths].parse(json), path).toEqual(json);
    }
    expect(await ask('/topics/none/route')).toMatchObject({ status: 404, json: { code: 'TOPIC_NOT_FOUND' } });
    expect((await ask('/topics', 'POST')).status).toBe(405);
    expect((await ask('/groups')).status).toBe(404);
    const { json } = await ask('/openapi.json');
    expect(Object.keys((json as { paths: object }).paths)).toHaveLength(4);
  });
});
