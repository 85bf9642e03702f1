/** One AbortSignal for very many calls. */
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

const CALLS = 10_000;
let client: Client;
let broker: ScriptedBroker;
const warnings: Error[] = [];
const onWarning = (warning: Error) => void warnings.push(warning);

beforeEach(async () => {
  warnings.length = 0;
  process.on('warning', onWarning);
  broker = new ScriptedBroker();
  broker.autoAck = false;
  // Not answered.
  broker.methods['listTopics'] = () => undefined;
  client = await createClient(broker.factory, {});
});

afterEach(async () => {
  await client.close({ signal: AbortSignal.abort() }).catch(() => {});
  process.off('warning', onWarning);
});

function callsWith(signal: AbortSignal): Promise<unknown>[] {
  const producer = client.producer({ bufferBytes: 64 * 1024 * 1024 });
  const admin = client.admin();
  const consumer = client.consumer({ group: 'g', topic: 't' });
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < CALLS; i++) {
    calls.push(producer.send({ topic: 't', body: 'x' }, { signal }));
  }
  // Fewer than may be under way, or what consumers say when they leave would have to wait for their answers.
  for (let i = 0; i < 500; i++) {
    calls.push(admin.listTopics({ signal }));
  }
  for (let i = 0; i < 100; i++) {
    calls.push(producer.flush({ signal }));
    const other = client.consumer({ group: `g${i}`, topic: 't' });
    calls.push(
      other.batches({ signal }).next(),
      client.consumer({ group: `p${i}`, topic: 't' }).poll({ waitMs: 60_000, signal }),
    );
  }
  calls.push(consumer.run(() => {}, { signal }));
  return calls;
}

test('no warning, and no listener is left, when the calls are given up', async () => {
  const stop = new AbortController();
  const calls = callsWith(stop.signal);
  await setImmediate();
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort();
  const results = await Promise.allSettled(calls);
  const codes = new Set(results.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok')));
  expect(codes).toEqual(new Set(['ABORTED']));
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  await setImmediate();
  expect(warnings).toEqual([]);
});

test('nor when they end by themselves', async () => {
  const { signal } = new AbortController();
  const producer = client.producer();
  const sends = Array.from({ length: CALLS }, () => producer.send({ topic: 't', body: 'x' }, { signal }));
  broker.methods['listTopics'] = () => ({ topics: [] });
  const lists = Array.from({ length: CALLS }, () => client.admin().listTopics({ signal }));
  broker.onBatch = (batch, link) => broker.later(link, () => link.ack([batch]));
  await Promise.all([...sends, ...lists]);
  await setImmediate();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  expect(warnings).toEqual([]);
});
