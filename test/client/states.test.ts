/** Every call of a client whose broker is away, and of one that is closed: each comes to an end, with a code. */
import { afterEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client | undefined;

afterEach(async () => {
  await client?.close({ signal: AbortSignal.abort() }).catch(() => {});
  client = undefined;
});

/** Calls of things that were made while there was a connection. */
function callsOf(of: Client): Record<string, () => unknown> {
  const admin = of.admin();
  const producer = of.producer({ sendTimeoutMs: 100 });
  const consumer = () => of.consumer({ group: 'g', topic: 't' });
  const kept = consumer();
  return {
    listTopics: () => admin.listTopics(),
    describeTopic: () => admin.describeTopic('t'),
    createTopic: () => admin.createTopic({ topic: 'new' }),
    deleteTopic: () => admin.deleteTopic('t'),
    listGroups: () => admin.listGroups(),
    describeGroup: () => admin.describeGroup('g'),
    resetOffset: () => admin.resetOffset({ group: 'g', topic: 't', to: 'latest' }),
    stats: () => admin.stats(),
    peek: () => of.peek({ topic: 't' }),
    get: () => of.get({ topic: 't', queueId: 0, offset: 0 }),
    send: () => producer.send({ topic: 't', body: 'x' }),
    sendBatch: () => producer.sendBatch([{ topic: 't', body: 'x' }]),
    write: () => {
      producer.write({ topic: 't', body: 'x' });
      return producer.flush();
    },
    seek: () => kept.seek('latest'),
    consumerStats: () => kept.stats(),
  };
}

/** Its code, or `done`. */
async function endOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
    return 'done';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

test('while the broker is away each ends with the time it was given', async () => {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, {
    requestTimeoutMs: 100,
    reconnectMinMs: 1,
    reconnectMaxMs: 5,
  });
  const calls = callsOf(client);
  broker.isDown = true;
  broker.link.cut();
  for (const [name, call] of Object.entries(calls)) {
    expect(['TIMEOUT', 'CONNECTION_LOST'], name).toContain(await endOf(call));
  }
});

test('once the client is closed each says CLOSED', async () => {
  client = await createClient(new ScriptedBroker().factory, {});
  const calls = callsOf(client);
  await client.close();
  for (const [name, call] of Object.entries(calls)) {
    // Stats of a consumer that never read are known here.
    if (name !== 'consumerStats') {
      expect([name, await endOf(call)]).toEqual([name, 'CLOSED']);
    }
  }
});
