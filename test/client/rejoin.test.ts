/** What a consumer keeps over a lost connection, and what it must not. */
import { afterEach, describe, expect, test } from 'vitest';
import {
  type Client,
  type Consumer,
  createClient,
  type MessageBatch,
} from '../../native-free/client/internal.js';
import { stampedBatch } from './batches.js';
import { ScriptedBroker, type ScriptedLink } from './scripted-broker.js';

/** Generations of one run of the broker are this far from those of the next. */
const RUN = 2 ** 32;

let client: Client | undefined;

afterEach(async () => {
  await client?.close();
  client = undefined;
});

function texts(prefix: string, count: number) {
  return Array.from({ length: count }, (_, i) => ({ topic: 't', body: `${prefix}${i}` }));
}

interface InHand {
  broker: ScriptedBroker;
  consumer: Consumer;
  batches: AsyncIterableIterator<MessageBatch, undefined, undefined>;
  /** old0 to old4, of queue 0, not acked. */
  batch: MessageBatch;
}

/** A consumer of queues 0 and 1 with one batch in its hands, whose connection was then lost and stands again. */
async function rejoined(
  generation: number,
  onRejoin: (broker: ScriptedBroker, link: ScriptedLink) => void,
): Promise<InHand> {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5 });
  const consumer = client.consumer({ group: 'g', topic: 't', commitIntervalMs: 5 });
  const batches = consumer.batches();
  const next = batches.next();
  await broker.until(() => broker.link.credits.length === 1);
  const queues = [0, 1].map((queueId) => ({ queueId, generation: generation + queueId, offset: 0 }));
  broker.link.event(1, { event: 'assign', queues });
  broker.link.deliver(1, [stampedBatch(texts('old', 5))]);
  const batch = (await next).value as MessageBatch;
  broker.methods['join'] = (_, link) => {
    onRejoin(broker, link);
    return { memberId: 'm-1', topic: broker.topics.get('t') };
  };
  broker.link.cut();
  await broker.until(() => broker.called('join').length === 2 && broker.link.credits.length === 1);
  return { broker, consumer, batches, batch };
}

function assign(link: ScriptedLink, generation: number, offset = 0, queueIds = [0, 1]): void {
  const queues = queueIds.map((queueId) => ({ queueId, generation: generation + queueId, offset }));
  link.event(1, { event: 'assign', queues });
}

async function expectAllNew({ broker, batches, batch }: InHand): Promise<void> {
  expect(await batch.ack()).toBe(false);
  broker.link.deliver(1, [stampedBatch(texts('new', 8))]);
  const fresh = (await batches.next()).value as MessageBatch;
  expect([...fresh].map((message) => message.text())).toEqual(texts('new', 8).map(({ body }) => body));
  expect(fresh.baseOffset).toBe(0);
}

describe('a queue of which something was handed out begins anew', () => {
  test('when its topic was deleted and created again', async () => {
    const held = await rejoined(5, (broker) => {
      broker.topics.set('t', { topic: 't', topicId: 8, queues: 4, memory: false, createdTime: 1 });
    });
    assign(held.broker.link, 9);
    await expectAllNew(held);
  });

  test('also if the assignment comes together with the answer to the join', async () => {
    const held = await rejoined(5, (broker, link) => {
      broker.topics.set('t', { topic: 't', topicId: 8, queues: 4, memory: false, createdTime: 1 });
      // Before whoever waits for the answer has a turn.
      queueMicrotask(() => assign(link, 9));
    });
    await expectAllNew(held);
  });

  test('when the broker was started anew: its memory is empty, its disk may have lost the end', async () => {
    const held = await rejoined(3 * RUN + 5, () => {});
    assign(held.broker.link, 4 * RUN + 1);
    await expectAllNew(held);
  });
});

test('within one run of the broker the consumer goes on where it was', async () => {
  const { broker, batches, batch } = await rejoined(3 * RUN + 5, () => {});
  assign(broker.link, 3 * RUN + 9);
  broker.link.deliver(1, [stampedBatch(texts('old', 8))]);
  const rest = (await batches.next()).value as MessageBatch;
  expect([...rest].map((message) => message.text())).toEqual(['old5', 'old6', 'old7']);
  expect(await batch.ack()).toBe(true);
  await broker.until(() => broker.called('commit').length === 1);
  expect(broker.called('commit')[0]).toMatchObject({ offsets: [{ queueId: 0, offset: 5 }] });
});

test('a queue that is not given back is lost with the first assignment', async () => {
  const { broker, consumer, batch } = await rejoined(5, () => {});
  assign(broker.link, 9, 0, [1]);
  expect(consumer.queues.map(({ queueId }) => queueId)).toEqual([1]);
  expect(await batch.ack()).toBe(false);
});

test('all queues are lost with an assignment of none', async () => {
  const { broker, consumer, batch } = await rejoined(5, () => {});
  assign(broker.link, 9, 0, []);
  expect(consumer.queues).toEqual([]);
  expect(await batch.ack()).toBe(false);
});

test('a reader in no group says where it was, and goes on there', async () => {
  const broker = new ScriptedBroker();
  client = await createClient(broker.factory, { reconnectMinMs: 1, reconnectMaxMs: 5 });
  const consumer = client.consumer({ group: 'all', topic: 't', broadcast: true });
  const loop = consumer[Symbol.asyncIterator]();
  const next = loop.next();
  await broker.until(() => broker.link.credits.length === 1);
  expect(broker.called('join')[0]).toMatchObject({ group: null, memberId: null, positions: null });
  broker.link.event(1, { event: 'assign', queues: [{ queueId: 0, generation: 3 * RUN + 5, offset: 0 }] });
  broker.link.deliver(1, [stampedBatch(texts('old', 5))]);
  expect((await next).value?.text()).toBe('old0');
  broker.link.cut();
  await broker.until(() => broker.called('join').length === 2 && broker.link.credits.length === 1);
  expect(broker.called('join')[1]).toMatchObject({
    group: null,
    positions: { topicId: 7, queues: [{ queueId: 0, generation: 3 * RUN + 5, offset: 5 }] },
  });
  broker.link.event(1, { event: 'assign', queues: [{ queueId: 0, generation: 3 * RUN + 8, offset: 5 }] });
  broker.link.deliver(1, [stampedBatch(texts('old', 8))]);
  const seen: (string | undefined)[] = [];
  for (let i = 0; i < 7; i++) {
    seen.push((await loop.next()).value?.text());
  }
  // The batch in hand first, then what follows it.
  expect(seen).toEqual(['old1', 'old2', 'old3', 'old4', 'old5', 'old6', 'old7']);
  expect(broker.called('commit')).toEqual([]);
});
