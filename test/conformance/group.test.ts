/** Members of a group: who gets which queue, and what becomes of them when one goes. */

import { expect, test } from 'vitest';
import type { Client, ConsumedMessage, Consumer } from '../../broker/index.js';
import { Deferred } from '../../native-free/client/abort.js';
import { describeEach, EACH_AND_CLUSTER, numbers, sendNumbers, take } from './rig.js';

/** Waits until a consumer holds exactly `count` queues, looked at whenever its queues change. */
class Holder {
  readonly consumer: Consumer;
  readonly #watchers = new Set<() => void>();

  constructor(client: Client, group: string, topic: string) {
    const changed = () => {
      // The consumer's own view is updated around these calls.
      setImmediate(() => {
        for (const watcher of [...this.#watchers]) {
          watcher();
        }
      });
    };
    this.consumer = client.consumer({
      group,
      topic,
      revokeGraceMs: 20,
      onAssigned: changed,
      onRevoked: changed,
    });
  }

  holds(count: number): Promise<number[]> {
    return new Promise((resolve) => {
      const look = () => {
        const ids = this.consumer.queues.map((queue) => queue.queueId);
        if (ids.length !== count) {
          return;
        }
        this.#watchers.delete(look);
        resolve(ids);
      };
      this.#watchers.add(look);
      look();
    });
  }
}

describeEach('members of a group', EACH_AND_CLUSTER, (rig) => {
  test('share the queues; every message goes to one of them', async () => {
    const { client, topic } = await rig.topic({ queues: 4 });
    const clients = [client, await rig.client()];
    const group = rig.name('g');
    const holders = clients.map((each) => new Holder(each, group, topic));
    const seen: string[] = [];
    let finish!: () => void;
    const all = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const loops = holders.map(({ consumer }) =>
      consumer.run((message) => {
        seen.push(message.text());
        if (seen.length === 400) {
          finish();
        }
      }),
    );
    const [first, second] = await Promise.all(holders.map((holder) => holder.holds(2)));
    expect([...(first as number[]), ...(second as number[])].sort()).toEqual([0, 1, 2, 3]);
    const producer = client.producer();
    for (const queueId of [0, 1, 2, 3]) {
      const messages = numbers(100, queueId * 100).map((body) => ({ topic, body }));
      await producer.sendBatch(messages, { queueId });
    }
    await all;
    await Promise.all(holders.map(({ consumer }) => consumer.close()));
    await Promise.all(loops);
    expect(seen.sort((a, b) => Number(a) - Number(b))).toEqual(numbers(400));
    expect((await client.admin().describeGroup(group)).queues.map((queue) => queue.lag)).toEqual([
      0, 0, 0, 0,
    ]);
  });

  test('a member that leaves hands over without loss and without repeating what was acked', async () => {
    const { client, topic } = await rig.topic({ queues: 2 });
    const other = await rig.client();
    const group = rig.name('g');
    const producer = client.producer();
    for (const queueId of [0, 1]) {
      await producer.sendBatch(
        numbers(50).map((body) => ({ topic, body })),
        { queueId },
      );
    }
    const leaving = new Holder(client, group, topic);
    const staying = new Holder(other, group, topic);
    const acked = new Map<string, number>();
    const note = (message: ConsumedMessage) => {
      const key = `${message.queueId}/${message.offset}`;
      acked.set(key, (acked.get(key) ?? 0) + 1);
    };
    const left = new Deferred<void>();
    const all = new Deferred<void>();
    // The one that leaves is there first, and has nothing in hand when the other comes: so neither reads what
    // is the other's.
    const loop = leaving.consumer[Symbol.asyncIterator]();
    const first = (await loop.next()).value as ConsumedMessage;
    await leaving.holds(2);
    if (await first.ack()) {
      note(first);
    }
    const stayed = staying.consumer.run(async (message) => {
      await left.promise;
      note(message);
      if (acked.size === 100) {
        all.resolve();
      }
    });
    await Promise.all([leaving.holds(1), staying.holds(1)]);
    for (;;) {
      const message = (await loop.next()).value as ConsumedMessage;
      if (message.offset === 20) {
        break;
      }
      if (await message.ack()) {
        note(message);
      }
    }
    await loop.return?.();
    left.resolve();
    await staying.holds(2);
    await all.promise;
    expect(Math.max(...acked.values())).toBe(1);
    await staying.consumer.close();
    await stayed;
  });

  test('a closed client leaves as well; members beyond the queues wait for one', async () => {
    const { client, topic } = await rig.topic({ queues: 1 });
    const group = rig.name('g');
    const second = await rig.client();
    const holders = [new Holder(client, group, topic), new Holder(second, group, topic)] as const;
    const loops = holders.map(({ consumer }) => consumer[Symbol.asyncIterator]());
    const first = loops[0]?.next();
    await holders[0].holds(1);
    const next = loops[1]?.next();
    expect(await holders[1].consumer.assigned).toEqual([]);
    await sendNumbers(second, topic, 1);
    expect((await first)?.value?.text()).toBe('0');
    await client.close();
    expect((await next)?.value?.text()).toBe('0');
    expect((await second.admin().describeGroup(group)).members).toBe(1);
  });

  test('each group gets everything, and knows its own offsets', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 30);
    const groups = [rig.name('g'), rig.name('g'), rig.name('g')];
    const received = await Promise.all(
      groups.map((group, i) => take(client.consumer({ group, topic }), 10 * (i + 1))),
    );
    expect(received.map((messages) => messages.length)).toEqual([10, 20, 30]);
    const lags = groups.map(async (group) => (await client.admin().describeGroup(group)).queues[0]?.lag);
    expect(await Promise.all(lags)).toEqual([20, 10, 0]);
  });

  test('an ack for a queue that has gone says so', async () => {
    const { client, topic } = await rig.topic();
    await sendNumbers(client, topic, 2);
    const consumer = client.consumer({ group: rig.name('g'), topic });
    const loop = consumer[Symbol.asyncIterator]();
    const message = (await loop.next()).value;
    await loop.return?.();
    expect(await message?.ack()).toBe(false);
  });
});

describeEach(
  'groups at their limit',
  EACH_AND_CLUSTER,
  (rig) => {
    test('one more is told so, whoever meets it, and a deleted one makes room', async () => {
      const { client, topic } = await rig.topic({ queues: 1 });
      const admin = client.admin();
      await admin.createGroup({ group: 'a' });
      await admin.createGroup({ group: 'b' });
      await expect(admin.createGroup({ group: 'c' })).rejects.toMatchObject({ code: 'TOO_MANY_GROUPS' });
      const refused = client.consumer({ group: 'c', topic });
      await expect(refused[Symbol.asyncIterator]().next()).rejects.toMatchObject({
        code: 'TOO_MANY_GROUPS',
        retryable: false,
      });
      await admin.deleteGroup('b');
      await sendNumbers(client, topic, 1);
      const loop = client.consumer({ group: 'c', topic })[Symbol.asyncIterator]();
      const second = client.consumer({ group: 'c', topic })[Symbol.asyncIterator]();
      expect((await loop.next()).value?.text()).toBe('0');
      await expect(second.next()).rejects.toMatchObject({ code: 'TOO_MANY_MEMBERS' });
      await expect(admin.deleteGroup('c')).rejects.toMatchObject({ code: 'GROUP_BUSY' });
      // Nothing was acked: with its last member the group is gone.
      await loop.return?.();
      await expect(admin.deleteGroup('c')).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' });
    });
  },
  { maxGroups: 2, maxMembersPerGroup: 1 },
);
