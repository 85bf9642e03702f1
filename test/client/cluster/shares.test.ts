/** Members of a group over a cluster: their shares of the whole topic are even, and every way to read sees all sets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Consumer } from '../../../native-free/client/index.js';
import { Cluster, until } from './cluster.js';

const cluster = new Cluster();
beforeAll(async () => {
  await cluster.open(['a', 'b', 'c']);
});
afterEach(() => cluster.closeClients());
afterAll(() => cluster.close());

/** Queues by name, as the consumer holds them. */
function held(consumer: Consumer): string[] {
  return consumer.queues.map(({ brokerSet, queueId }) => `${brokerSet}/${queueId}`).sort();
}

async function settled(consumers: readonly Consumer[], queues: number): Promise<void> {
  await until(() => {
    const shares = consumers.map((consumer) => held(consumer));
    const counts = shares.map(({ length }) => length);
    return (
      new Set(shares.flat()).size === queues &&
      shares.flat().length === queues &&
      Math.max(...counts) - Math.min(...counts) <= 1
    );
  });
}

describe('members of a group', () => {
  it('have shares that differ by one queue at most over all sets, as they come and go', async () => {
    const client = await cluster.client();
    // One queue at each set: even shares of each set alone would give the first member everything.
    for (const [queues, most] of [
      [1, 5],
      [5, 4],
    ] as const) {
      const topic = await cluster.topic(client, queues);
      const group = cluster.name('group');
      const members: Consumer[] = [];
      for (let count = 1; count <= most; count++) {
        const other = await cluster.client();
        const consumer = other.consumer({ group, topic, revokeGraceMs: 0 });
        members.push(consumer);
        await consumer.assigned;
        await settled(members, queues * 3);
      }
      const before = members.map(held);
      expect((await client.admin().describeGroup(group)).members).toBe(most);
      while (members.length > 1) {
        await members.splice(members.length > 2 ? 1 : 0, 1)[0]?.close();
        await settled(members, queues * 3);
      }
      expect(held(members[0] as Consumer)).toEqual([...new Set(before.flat())].sort());
      await members[0]?.close();
    }
  });

  it('that come later than there are queues take none from those who have one', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 1);
    const group = cluster.name('group');
    const first = [1, 2, 3].map(() => client.consumer({ group, topic }));
    for (const consumer of first) {
      await consumer.assigned;
    }
    await settled(first, 3);
    const before = first.map(held);
    const late = client.consumer({ group, topic });
    expect(await late.assigned).toEqual([]);
    expect(first.map(held)).toEqual(before);
  });
});

describe('reading', () => {
  it('in each form sees the messages of all sets, fairly', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 2);
    const producer = client.producer();
    const bodies = Array.from({ length: 300 }, (_, i) => String(i));
    await producer.sendBatch(bodies.map((body) => ({ topic, body, shardingKey: body })));
    const forms: Record<string, (consumer: Consumer, seen: string[]) => Promise<void>> = {
      batches: async (consumer, seen) => {
        for await (const batch of consumer.batches()) {
          seen.push(...[...batch].map((message) => `${batch.brokerSet} ${message.text()}`));
          await batch.ack();
          if (seen.length === bodies.length) {
            break;
          }
        }
      },
      gathered: async (consumer, seen) => {
        for await (const batch of consumer.batches({ maxMessages: 20, maxWaitMs: 50 })) {
          seen.push(...[...batch].map((message) => `${batch.brokerSet} ${message.text()}`));
          await batch.ack();
          if (seen.length === bodies.length) {
            break;
          }
        }
      },
      run: async (consumer, seen) => {
        await consumer.run(
          (message) => {
            seen.push(`${message.brokerSet} ${message.text()}`);
            if (seen.length === bodies.length) {
              void consumer.close();
            }
          },
          { concurrency: 4, order: 'key' },
        );
      },
      poll: async (consumer, seen) => {
        while (seen.length < bodies.length) {
          for (const message of await consumer.poll({ max: 50, waitMs: 5_000 })) {
            seen.push(`${message.brokerSet} ${message.text()}`);
            await message.ack();
          }
        }
      },
    };
    for (const [form, read] of Object.entries(forms)) {
      for (const broadcast of [false, true]) {
        const consumer = client.consumer({ group: cluster.name('group'), topic, broadcast });
        const seen: string[] = [];
        await read(consumer, seen);
        expect(seen.map((line) => line.split(' ')[1]).sort(), form).toEqual([...bodies].sort());
        expect(new Set(seen.map((line) => line.split(' ')[0])), form).toEqual(new Set(['a', 'b', 'c']));
        await consumer.close();
      }
    }
  });

  it('goes on elsewhere with a queue of one set, pauses one set, and says where it is', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 1);
    const producer = client.producer();
    for (const brokerSet of ['a', 'b', 'c']) {
      await producer.sendBatch(
        [
          { topic, body: `${brokerSet}0` },
          { topic, body: `${brokerSet}1` },
        ],
        {
          queueId: 0,
          brokerSet,
        },
      );
    }
    const consumer = client.consumer({ group: cluster.name('group'), topic });
    const next = async (count: number): Promise<string[]> => {
      const texts: string[] = [];
      while (texts.length < count) {
        texts.push(...(await consumer.poll({ waitMs: 5_000 })).map((message) => message.text()));
      }
      return texts.sort();
    };
    expect(await next(6)).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1']);
    await expect(consumer.seek('earliest', { queueId: 0 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' });
    await consumer.seek({ offset: 1 }, { brokerSet: 'b', queueId: 0 });
    expect(await next(1)).toEqual(['b1']);
    consumer.pause({ brokerSet: 'a' });
    for (const brokerSet of ['a', 'c']) {
      await producer.send({ topic, body: `${brokerSet}2` }, { queueId: 0, brokerSet });
    }
    expect(await next(1)).toEqual(['c2']);
    expect(await consumer.poll({ waitMs: 50 })).toEqual([]);
    consumer.resume();
    expect(await next(1)).toEqual(['a2']);
    expect(
      consumer
        .position()
        .map(({ brokerSet, offset }) => `${brokerSet} ${offset}`)
        .sort(),
    ).toEqual(['a 3', 'b 2', 'c 3']);
    expect((await consumer.stats()).queues.map(({ brokerSet }) => brokerSet).sort()).toEqual(['a', 'b', 'c']);
    expect((await client.get({ topic, brokerSet: 'c', queueId: 0, offset: 2 }))?.text()).toBe('c2');
    await expect(client.get({ topic, queueId: 0, offset: 2 })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
    const places = (await client.peek({ topic, max: 100 })).map((message) => message.brokerSet);
    expect(new Set(places)).toEqual(new Set(['a', 'b', 'c']));
  });
});

describe('a topic of named sets', () => {
  it('lies in those alone, and a set that comes later has the others', async () => {
    const client = await cluster.client();
    const topic = cluster.name('topic');
    const info = await client.admin().createTopic({ topic, queues: 2, sets: ['a', 'c'] });
    expect(info.parts?.map(({ brokerSet }) => brokerSet)).toEqual(['a', 'c']);
    const sets = new Set<string | undefined>();
    const producer = client.producer();
    for (let i = 0; i < 4; i++) {
      sets.add((await producer.send({ topic, body: 'x' })).brokerSet);
    }
    expect(sets).toEqual(new Set(['a', 'c']));
    await expect(client.admin().createTopic({ topic: `${topic}x`, sets: ['z'] })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });

  it('a set that joins the cluster gets the topics of all, and a consumer reads from it too', async () => {
    const client = await cluster.client();
    const topic = await cluster.topic(client, 1);
    const consumer = client.consumer({ group: cluster.name('group'), topic });
    expect(await consumer.assigned).toHaveLength(3);
    const producer = client.producer();
    await producer.send({ topic, body: 'before' });
    expect(await consumer.poll({ waitMs: 60_000 })).toHaveLength(1);
    await cluster.add('d');
    await until(() => consumer.queues.length === 4);
    // A producer that was there before spreads over it as well.
    const sets = new Set<string | undefined>();
    await until(async () => {
      sets.add((await producer.send({ topic, body: 'x' })).brokerSet);
      return sets.size === 4;
    });
    await producer.send({ topic, body: 'to d' }, { queueId: 0, brokerSet: 'd' });
    const texts: string[] = [];
    while (!texts.includes('d to d')) {
      const messages = await consumer.poll({ waitMs: 5_000 });
      texts.push(...messages.map((message) => `${message.brokerSet} ${message.text()}`));
    }
  });
});
