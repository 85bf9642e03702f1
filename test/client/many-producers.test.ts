/** A program that makes a producer for each request, and forgets it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { ERRORS } from '../../native-free/wire/index.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client | undefined;

afterEach(async () => {
  await client?.close({ signal: AbortSignal.abort() }).catch(() => {});
  client = undefined;
});

async function setUp(): Promise<{ broker: ScriptedBroker; client: Client }> {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory);
  return { broker, client };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How many of them are there still, when as many as may go are gone. */
async function survivors(references: readonly WeakRef<object>[], expected: number): Promise<number> {
  let count = references.length;
  for (let round = 0; round < 200 && count > expected; round++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collect();
    count = references.filter((reference) => reference.deref() !== undefined).length;
  }
  return count;
}

test('one after the other they have one id, and numbers that go on', async () => {
  const { broker, client } = await setUp();
  for (let i = 0; i < 100; i++) {
    await client.producer().send({ topic: 't', body: 'x' });
  }
  const { batches } = broker.link;
  expect(new Set(batches.map(({ producerId }) => producerId)).size).toBe(1);
  expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, i) => i + 1));
});

test('at once they have as many ids as are at work', async () => {
  const { broker, client } = await setUp();
  for (let round = 0; round < 5; round++) {
    await Promise.all(Array.from({ length: 50 }, () => client.producer().send({ topic: 't', body: 'x' })));
  }
  const { batches } = broker.link;
  expect(batches).toHaveLength(250);
  expect(new Set(batches.map(({ producerId }) => producerId)).size).toBe(50);
  expect(new Set(batches.map(({ producerId, sequence }) => `${producerId}/${sequence}`)).size).toBe(250);
});

test('those that are forgotten go, and what they were made of; so do consumers that read no more', async () => {
  const { client } = await setUp();
  const references: WeakRef<object>[] = [];
  for (let i = 0; i < 200; i++) {
    const producer = client.producer();
    await producer.send({ topic: 't', body: 'x' });
    references.push(new WeakRef(producer), new WeakRef(client.consumer({ group: 'g', topic: 't' })));
  }
  // One may still lie in a register of this function.
  expect(await survivors(references, 2)).toBeLessThanOrEqual(2);
});

test('one with messages under way, or with failures that nobody knows of, stays', async () => {
  const { broker, client } = await setUp();
  await client.producer().send({ topic: 't', body: 'x' });
  broker.autoAck = false;
  const write = () => {
    client.producer().write({ topic: 't', body: 'refused' });
  };
  write();
  await broker.until(() => broker.link.batches.length === 2);
  await survivors([new WeakRef({})], 0);
  broker.link.ack(broker.link.batches.slice(1), { status: ERRORS.MESSAGE_TOO_LARGE.wire });
  await survivors([new WeakRef({})], 0);
  await expect(client.close()).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
});
