import { describe, expect, test } from 'vitest';
import { MAX_PAGE_BYTES, Page } from '../../engine/control/page.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { ControlHarness, failing, withTopic } from './control-harness.js';

describe('requests at the edge', () => {
  test.each([
    ['createTopic', {}, 'topic'],
    ['createTopic', { topic: 'a', queues: '4', memory: false }, 'createTopic: queues must be a number'],
    ['createTopic', { topic: 'a', memory: 'no' }, 'createTopic: memory must be a boolean'],
    ['createTopic', null, 'createTopic: its parameters must be an object'],
    ['join', { consumer: 0, group: 'g', topic: 'orders', from: 'earliest' }, 'consumer'],
    ['join', { consumer: 1, group: 'g', topic: 'orders', from: 'yesterday' }, "expected 'earliest'"],
    ['join', { consumer: 1, group: 'g', topic: 'orders', from: { offset: -1 } }, 'from'],
    ['commit', { consumer: 1, offsets: [{ queueId: 0, generation: 1, offset: 1.5 }] }, 'offsets.0.offset'],
    ['commit', { consumer: 1, offsets: 'all' }, 'offsets'],
    [
      'commit',
      { consumer: 1, offsets: [{ queueId: 0, generation: 1, offset: 1 }, null] },
      'offsets.1.queueId',
    ],
    ['released', { consumer: 1, queues: Array.from({ length: 16_385 }, () => ({})) }, 'queues'],
    ['released', { consumer: 1, queues: [{ queueId: 0, generation: -1 }] }, 'queues.0.generation'],
    ['released', { consumer: 1, queues: 7 }, 'queues'],
    ['resetOffset', { group: 'g', topic: 'orders', to: { time: Number.NaN } }, 'to'],
  ])('%s %j is BAD_REQUEST and says which parameter', async (method, params, text) => {
    const harness = await withTopic();
    await expect(harness.raw(method, params, 'c')).rejects.toThrow(failing('BAD_REQUEST', text));
  });

  test('unknown methods are not supported, unknown keys are ignored, absent ones have defaults', async () => {
    const harness = await withTopic();
    for (const method of ['truncateTopic', 'constructor', '__proto__', '']) {
      await expect(harness.raw(method, {})).rejects.toThrow(failing('NOT_SUPPORTED'));
    }
    const params = { consumer: 1, group: 'g', topic: 'orders', from: 'latest', shoeSize: 43 };
    expect(await harness.raw('join', params, 'c')).toMatchObject({ topic: { topicId: 1 } });
    await expect(harness.raw('join', params)).rejects.toThrow(failing('BAD_REQUEST'));
  });

  test('after close there is no broker', async () => {
    const harness = await withTopic();
    harness.plane.close();
    await expect(harness.call('listTopics', {})).rejects.toThrow(failing('BROKER_CLOSED'));
  });

  test('a defect is INTERNAL, and of our class', async () => {
    const harness = new ControlHarness();
    harness.openFault = new TypeError('boom');
    const failure = await harness
      .call('createTopic', { topic: 'a', queues: 1, memory: false })
      .catch((e) => e);
    expect(isRingMQError(failure)).toBe(true);
    expect(failure).toMatchObject({ code: 'INTERNAL', cause: harness.openFault });
    harness.openFault = null;
    expect(await harness.call('createTopic', { topic: 'a', queues: 64, memory: false })).toBeDefined();
  });
});

describe('topics', () => {
  test('are created, described, listed and told of', async () => {
    const harness = await withTopic(2);
    const memory = await harness.call('createTopic', { topic: 'live', queues: 1, memory: true });
    expect(memory).toEqual({ topic: 'live', topicId: 2, queues: 1, memory: true, createdTime: 1_000 });
    expect(harness.opened.map((topic) => [...topic.slots])).toEqual([[0, 1], [2]]);
    expect(harness.changes).toEqual(['orders 1', 'live 2']);
    expect((await harness.call('listTopics', {})).topics.map((topic) => topic.topic)).toEqual([
      'live',
      'orders',
    ]);
    expect(await harness.call('topicMetadata', { topic: 'live' })).toEqual(memory);
    expect(await harness.call('describeTopic', { topic: 'orders' })).toMatchObject({
      queueStates: [
        { queueId: 0, minOffset: 10, maxOffset: 100 },
        { queueId: 1, minOffset: 10, maxOffset: 100 },
      ],
    });
    expect(harness.plane.topicEntry(1)).toEqual({
      topicId: 1,
      topic: 'orders',
      queues: 2,
      memory: false,
      slots: Int32Array.of(0, 1),
      dead: false,
    });
    expect(harness.plane.topicEntry(9)).toBeUndefined();
  });

  test('cannot be made twice, oddly named, or with too many queues', async () => {
    const harness = await withTopic();
    const create = (topic: string, queues: number) =>
      harness.call('createTopic', { topic, queues, memory: false });
    await expect(create('orders', 4)).rejects.toThrow(failing('TOPIC_EXISTS'));
    await expect(create('%DLQ%g', 4)).rejects.toThrow(failing('BAD_ARGUMENT'));
    await expect(create('big', 16_385)).rejects.toThrow(failing('BAD_ARGUMENT', '16384'));
    await expect(create('big', 61)).rejects.toThrow(failing('TOO_MANY_QUEUES', '60'));
    await expect(harness.call('describeTopic', { topic: 'x' })).rejects.toThrow(
      failing('TOPIC_NOT_FOUND', "'x'"),
    );
    await expect(harness.call('deleteTopic', { topic: 'x' })).rejects.toThrow(failing('TOPIC_NOT_FOUND'));
    const [first, second] = await Promise.allSettled([create('twin', 1), create('twin', 1)]);
    expect([first?.status, second?.status]).toEqual(['fulfilled', 'rejected']);
  });

  test('have four queues on disk where nothing is said of them', async () => {
    const harness = await withTopic();
    expect(await harness.raw('createTopic', { topic: 'plain' })).toMatchObject({ queues: 4, memory: false });
  });

  test('are in the log before the answer', async () => {
    const harness = await withTopic();
    harness.open();
    expect(await harness.call('topicMetadata', { topic: 'orders' })).toMatchObject({ topicId: 1, queues: 4 });
    await harness.call('deleteTopic', { topic: 'orders' });
    harness.open();
    await expect(harness.call('topicMetadata', { topic: 'orders' })).rejects.toThrow(
      failing('TOPIC_NOT_FOUND'),
    );
  });

  test('deleted: members are ended, offsets gone; created again: a new id, and from the start', async () => {
    const harness = await withTopic();
    await harness.join('c');
    await harness.turn();
    expect(harness.assigned('c')).toHaveLength(4);
    await harness.call('deleteTopic', { topic: 'orders' });
    expect(harness.eventsOf('c').at(-1)).toMatchObject({ event: 'ended', code: 'TOPIC_NOT_FOUND' });
    expect((await harness.call('listGroups', {})).groups).toEqual([]);
    expect(harness.plane.topicEntry(1)).toBeUndefined();
    const again = await harness.call('createTopic', { topic: 'orders', queues: 4, memory: false });
    expect(again.topicId).toBe(2);
    harness.queue = { minOffset: 0, maxOffset: 0 };
    await harness.join('c');
    await harness.turn();
    expect(harness.assigned('c').map((queue) => queue.offset)).toEqual([0, 0, 0, 0]);
    expect(harness.changes).toEqual(['orders 1', 'orders 1', 'orders 2']);
  });

  test("a deleted topic's slots are free only when its queues are closed", async () => {
    const harness = await withTopic(64);
    harness.holdClose = true;
    const deleted = harness.call('deleteTopic', { topic: 'orders' });
    const created = harness.call('createTopic', { topic: 'next', queues: 64, memory: false });
    await harness.turn();
    expect(harness.opened).toHaveLength(1);
    harness.closing[0]?.done();
    await deleted;
    expect((await created).topicId).toBe(2);
  });

  test('a full disk refuses a topic and leaves nothing behind', async () => {
    const harness = await withTopic();
    harness.log.full = true;
    const create = () => harness.call('createTopic', { topic: 'more', queues: 60, memory: false });
    await expect(create()).rejects.toThrow(failing('DISK_FULL'));
    await expect(harness.call('deleteTopic', { topic: 'orders' })).rejects.toThrow(failing('DISK_FULL'));
    expect((await harness.call('listTopics', {})).topics).toHaveLength(1);
    harness.log.makeRoom();
    expect(await create()).toMatchObject({ queues: 60 });
    expect(harness.fatal).toEqual([]);
  });

  test('a failed disk is told to the broker', async () => {
    const harness = await withTopic();
    harness.log.failed = true;
    const create = harness.call('createTopic', { topic: 'more', queues: 1, memory: false });
    await expect(create).rejects.toThrow(failing('DISK_FAILED'));
    expect(harness.fatal).toHaveLength(1);
  });
});

describe('a topic that may be there already', () => {
  test('is the answer, whatever its queues, unless it is kept elsewhere', async () => {
    const harness = await withTopic(4);
    const ask = (queues: number, memory = false) =>
      harness.call('createTopic', { topic: 'orders', queues, memory, ifNotExists: true });
    expect(await ask(8)).toMatchObject({ topicId: 1, queues: 4 });
    await expect(ask(4, true)).rejects.toThrow(failing('TOPIC_EXISTS'));
    const made = await Promise.all(
      [1, 2].map(() =>
        harness.call('createTopic', { topic: 'new', queues: 1, memory: false, ifNotExists: true }),
      ),
    );
    expect(made[0]).toEqual(made[1]);
    expect(harness.opened).toHaveLength(2);
  });
});

describe('lists', () => {
  test('come page by page, sorted, each item once, with more pages than items are left', async () => {
    const harness = new ControlHarness();
    const names = ['b', 'a', 'e/1', 'c', 'd'];
    for (const topic of names) {
      await harness.call('createTopic', { topic, queues: 3, memory: false });
      await harness.call('createGroup', { group: topic });
    }
    expect((await harness.call('listTopics', { limit: 5 })).complete).toBe(true);
    const ask = {
      listTopics: async (page: object) => {
        const { topics, ...end } = await harness.call('listTopics', page);
        return { items: topics.map((each) => each.topic), ...end };
      },
      listGroups: async (page: object) => {
        const { groups, ...end } = await harness.call('listGroups', page);
        return { items: groups.map((each) => each.group), ...end };
      },
      describeTopic: async (page: object) => {
        const { queueStates, ...end } = await harness.call('describeTopic', { topic: 'a', ...page });
        return { items: queueStates.map((each) => each.queueId), ...end };
      },
      describeGroup: async (page: object) => {
        const { queues, ...end } = await harness.call('describeGroup', { group: 'e/1', ...page });
        return { items: queues.map((each) => `${each.topic} ${each.queueId}`), ...end };
      },
    };
    for (const topic of ['e/1', 'b']) {
      await harness.call('resetOffset', { group: 'e/1', topic, to: 'earliest' });
    }
    const all = {
      listTopics: [...names].sort(),
      listGroups: [...names].sort(),
      describeTopic: [0, 1, 2],
      describeGroup: ['b 0', 'b 1', 'b 2', 'e/1 0', 'e/1 1', 'e/1 2'],
    };
    for (const method of Object.keys(ask) as (keyof typeof ask)[]) {
      for (const limit of [1, 2, 3, 4, 100]) {
        const pages: unknown[][] = [];
        let cursor: string | null = null;
        do {
          const page: { items: unknown[]; cursor: string | null; complete: boolean } = await ask[method]({
            cursor,
            limit,
          });
          expect(page.complete).toBe(page.cursor === null);
          pages.push(page.items);
          cursor = page.cursor;
        } while (cursor !== null);
        expect(pages.flat()).toEqual(all[method]);
        expect(pages).toHaveLength(Math.ceil(all[method].length / limit));
      }
    }
  });

  test('go on behind what was deleted meanwhile, and take no cursor that no page gave', async () => {
    const harness = new ControlHarness();
    for (const topic of ['a', 'b', 'c']) {
      await harness.call('createTopic', { topic, queues: 2, memory: false });
    }
    const { cursor } = await harness.call('listTopics', { limit: 2 });
    await harness.call('deleteTopic', { topic: 'b' });
    expect((await harness.call('listTopics', { cursor })).topics.map((each) => each.topic)).toEqual(['c']);
    for (const bad of ['x', '-1', '1.5']) {
      await expect(harness.call('describeTopic', { topic: 'a', cursor: bad })).rejects.toThrow(
        failing('BAD_ARGUMENT', 'cursor'),
      );
    }
    await expect(harness.call('listTopics', { limit: 0 })).rejects.toThrow(failing('BAD_REQUEST', 'limit'));
  });

  test('end a page by its bytes', () => {
    const page = new Page<string>({ limit: 5_000 });
    while (!page.isFull) {
      page.add('x', 10_000);
    }
    expect(page.items.length).toBe(Math.ceil(MAX_PAGE_BYTES / 10_000));
  });
});
