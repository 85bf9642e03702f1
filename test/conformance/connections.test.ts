/** Who is connected: lists that are sorted, filtered and paged by the broker, ends of connections, clients of a topic. */
import { expect, test } from 'vitest';
import { connect } from '../../broker/index.js';
import { until } from '../replica/nodes.js';
import { describeEach, EACH_AND_CLUSTER } from './rig.js';

/** Asks until no thread was too busy to answer in time. */
async function heardFromAll<T extends { silentThreads: number }>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer.silentThreads === 0) {
      return answer;
    }
  }
}

describeEach('connections', EACH_AND_CLUSTER, (rig) => {
  test('are listed with what went over them, and who produces and consumes', async () => {
    const client = await rig.client();
    const admin = client.admin();
    const [topic, group] = [rig.name('t'), rig.name('g')];
    await admin.createTopic({ topic, queues: 1 });
    await client.producer().sendBatch([1, 2, 3].map((n) => ({ topic, body: `${n}` })));
    const consumer = client.consumer({ topic, group });
    for (let got = 0; got < 3; ) {
      got += (await consumer.poll({ max: 3, waitMs: 100_000 })).length;
    }
    const { connections, complete } = await heardFromAll(() => admin.listConnections({ filter: group }));
    expect(complete).toBe(true);
    expect(connections.length).toBeGreaterThan(0);
    for (const connection of connections) {
      expect(connection.id).toMatch(/^[0-9a-f]{8}-\d+-\d+$/);
      expect(connection.consumers).toEqual([{ group, topic }]);
      expect(connection).toMatchObject({ kind: 'client', user: null, consumerCount: 1 });
    }
    const sum = (read: (connection: (typeof connections)[number]) => number): number =>
      connections.reduce((total, connection) => total + read(connection), 0);
    expect(sum(({ messagesIn }) => messagesIn)).toBe(3);
    expect(sum(({ messagesOut }) => messagesOut)).toBe(3);
    expect(sum(({ bytesIn }) => bytesIn)).toBeGreaterThan(3 * 32);
    expect(sum(({ bytesOut }) => bytesOut)).toBeGreaterThan(3 * 32);
    expect(connections.flatMap(({ producers }) => producers)).toContainEqual({ topic });
    const { clients } = await heardFromAll(() => admin.topicClients(topic));
    expect(clients.map(({ id }) => id).sort()).toEqual(connections.map(({ id }) => id).sort());
    expect(clients.some(({ produces }) => produces)).toBe(true);
    expect(clients[0]?.groups).toEqual([group]);
    await expect(admin.topicClients('not-there')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' });
  });

  test('come page by page in the order asked for, each of them once', async () => {
    const clients = await Promise.all([rig.client(), rig.client(), rig.client(), rig.client()]);
    const admin = (clients[0] as (typeof clients)[number]).admin();
    await Promise.all(clients.map((client) => client.admin().listTopics()));
    for (const sort of ['openedTime', '-openedTime'] as const) {
      const seen: { id: string; openedTime: number }[] = [];
      let cursor: string | null = null;
      const pageFrom = (from: string | null) =>
        heardFromAll(() => admin.listConnections({ sort, cursor: from, limit: 2 }));
      do {
        const page = await pageFrom(cursor);
        expect(page.connections.length).toBeLessThanOrEqual(2);
        seen.push(...page.connections);
        cursor = page.cursor;
      } while (cursor !== null);
      expect(seen.length).toBeGreaterThanOrEqual(4);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
      const times = seen.map(({ openedTime }) => (sort === 'openedTime' ? openedTime : -openedTime));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    await expect(admin.listConnections({ cursor: 'nonsense' })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });

  test('that are not there cannot be closed', async () => {
    const admin = (await rig.client()).admin();
    await expect(admin.closeConnection('00000000-1-1')).rejects.toMatchObject({
      code: 'CONNECTION_NOT_FOUND',
    });
  });
});

describeEach('a connection that is closed', [{ name: 'ws', flush: 'sync' }], (rig) => {
  test('is told why, comes back under another id, and goes on', async () => {
    const admin = (await rig.client()).admin();
    const topic = rig.name('t');
    await admin.createTopic({ topic, queues: 1 });
    const reasons: unknown[] = [];
    const client = await connect(`ws://127.0.0.1:${rig.backEnd.port}`, {
      name: 'to-be-closed',
      reconnectMinMs: 5,
      reconnectMaxMs: 20,
      onConnection: (state, reason) => {
        if (state === 'disconnected') {
          reasons.push(reason);
        }
      },
    });
    await client.producer().send({ topic, body: 'before' });
    const found = async (): Promise<string[]> =>
      (await heardFromAll(() => admin.listConnections({ filter: 'TO-BE-closed' }))).connections.map(
        ({ id }) => id,
      );
    const [id = ''] = await found();
    const closed = (): Promise<string> =>
      admin.closeConnection(id).then(
        () => 'closed',
        ({ code }) => code,
      );
    // A thread that is too busy to say so in time closes it all the same.
    expect(['closed', 'TIMEOUT']).toContain(await closed());
    await until(() => reasons.length > 0);
    expect(reasons).toMatchObject([{ code: 'CONNECTION_CLOSED' }]);
    await client.producer().send({ topic, body: 'after' });
    const [next] = await found();
    expect(next).not.toBe(id);
    await until(async () => (await closed()) === 'CONNECTION_NOT_FOUND');
    await client.close();
  });
});
