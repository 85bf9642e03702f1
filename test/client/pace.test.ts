/** A broker or name server whose answers lead nowhere is not asked on and on at the speed of the wire. */
import { afterEach, expect, it } from 'vitest';
import { RouteKeeper } from '../../native-free/client/cluster/route-keeper.js';
import { Turns } from '../../native-free/client/cluster/turns.js';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { makeConnection } from '../../native-free/client/make-connection.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { ERRORS } from '../../native-free/wire/index.js';
import { ScriptedBroker } from './scripted-broker.js';

const TIMED_OUT = { status: 'rejected', reason: expect.objectContaining({ code: 'TIMEOUT' }) };

let client: Client | undefined;
afterEach(async () => {
  await client?.close({ signal: AbortSignal.abort() }).catch(() => {});
  client = undefined;
});

it.each([
  ['the same cursor each time', (asked: number) => String(Math.min(asked, 3))],
  ['cursors that go round', (asked: number) => String(asked % 7)],
])('a list whose pages have %s fails', async (_what, cursorOf) => {
  const broker = new ScriptedBroker();
  let asked = 0;
  broker.methods['listTopics'] = () => ({ topics: [], cursor: cursorOf(asked++), complete: false });
  client = await createClient(broker.factory);
  await expect(client.admin().listTopics()).rejects.toMatchObject({ code: 'BAD_FRAME' });
  expect(asked).toBeLessThan(32);
});

it('batches that the broker refuses under every id are sent again less and less often', async () => {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory);
  await client.producer().send({ topic: 't', body: 'first' });
  const producer = client.producer({ sendTimeoutMs: 1_500 });
  broker.autoAck = false;
  let refused = 0;
  broker.onBatch = (batch, link) => {
    refused++;
    broker.later(link, () => link.ack([batch], { status: ERRORS.SEQUENCE_UNKNOWN.wire }));
  };
  await expect(producer.send({ topic: 't', body: 'x' })).rejects.toMatchObject({
    retryable: expect.any(Boolean),
  });
  expect(refused).toBeLessThan(32);
});

it('a route is asked for at a pace, however often its name server says that it has changed', async () => {
  const broker = new ScriptedBroker();
  let asked = 0;
  broker.methods['route'] = (_params, link) => {
    asked++;
    link.event(0, { event: 'routeChanged', cluster: 'default', version: asked });
    return { cluster: 'default', version: asked, upMs: 1e6, sets: [] };
  };
  const connection = makeConnection(broker.factory, { onEvent: () => keeper.refresh() });
  await connection.open(undefined);
  const keeper = new RouteKeeper(connection, null, () => {});
  const began = monotonicMs();
  keeper.refresh();
  await broker.until(() => asked === 6);
  expect(monotonicMs() - began).toBeGreaterThan(200);
  keeper.close();
  connection.close(new Error('over') as never);
});

it('a route that is as it was is told to nobody, and topics are asked for at a pace', async () => {
  const broker = new ScriptedBroker();
  let version = 1;
  broker.methods['route'] = () => ({ cluster: 'default', version, upMs: 1e6, sets: [] });
  broker.methods['topicRoute'] = ({ topic }) => ({ cluster: 'default', version, topic, sets: [] });
  const connection = makeConnection(broker.factory, {});
  await connection.open(undefined);
  let changes = 0;
  const keeper = new RouteKeeper(connection, null, () => changes++);
  for (const next of [1, 1, 2, 2]) {
    version = next;
    await keeper.first(undefined);
  }
  expect(changes).toBe(2);
  const began = monotonicMs();
  const answers = await Promise.allSettled(
    Array.from({ length: 600 }, (_, i) => keeper.topicRoute(`t-${i}`)),
  );
  expect(monotonicMs() - began).toBeGreaterThan(300);
  // Each is waited for a second, and this thread may have been held for longer.
  const failures = answers.filter(({ status }) => status === 'rejected');
  expect(failures).toEqual(failures.map(() => TIMED_OUT));
  keeper.close();
  connection.close(new Error('over') as never);
});

it('turns are taken in order, so many at once', async () => {
  const turns = new Turns(2);
  const order: number[] = [];
  let underWay = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 9 }, async (_, i) => {
      await turns.take();
      most = Math.max(most, ++underWay);
      order.push(i);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      turns.give();
    }),
  );
  expect([most, underWay, order]).toEqual([2, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]]);
});
