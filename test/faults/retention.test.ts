/** Old segments go by size and by age; what is left keeps its offsets; who was overtaken goes on where the queue now begins. */
import { readdirSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PERSIST_WORD } from '../../engine/log/index.js';
import type { EngineOptions } from '../../engine/options.js';
import { WORD } from '../../engine/ring/index.js';
import type { Client, ConsumedMessage } from '../../native-free/client/index.js';
import { mapLog } from './log-map.js';
import {
  bodyOf,
  makeDirectory,
  numberOf,
  readSome,
  readTo,
  removeDirectory,
  SMALL,
  type SmallBroker,
  sendNumbers,
  withBroker,
} from './small-broker.js';

const TOPIC = 'orders';
const KEPT_BYTES = 3 * SMALL.segmentBytes;
const WAIT = { timeout: 100_000, interval: 20 };

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

function segments(dataDir: string): string[] {
  return readdirSync(`${dataDir}/log`)
    .filter((name) => name.endsWith('.seg'))
    .sort();
}

/** Messages without a gap, each at its offset, from `least` or later. */
function expectRun(messages: ConsumedMessage[], least: number): void {
  const begin = messages[0]?.offset as number;
  expect(begin).toBeGreaterThanOrEqual(least);
  expect(messages.map(({ offset }) => offset)).toEqual(messages.map((_message, i) => begin + i));
  expect(messages.map(numberOf)).toEqual(messages.map(({ offset }) => offset));
}

async function stateOf(client: Client): Promise<{ minOffset: number; maxOffset: number }> {
  const { queueStates } = await client.admin().describeTopic(TOPIC);
  const { minOffset, maxOffset } = queueStates[0] as { minOffset: number; maxOffset: number };
  return { minOffset, maxOffset };
}

/** Waits until what is kept is no more than it should be, so that nothing more goes while nothing is written. */
async function retained(dataDir: string, small: SmallBroker): Promise<void> {
  await vi.waitFor(async () => {
    // One more lies ready ahead.
    expect(segments(dataDir).length).toBeLessThanOrEqual(KEPT_BYTES / SMALL.segmentBytes + 1);
    const { queueStates, retention } = await small.client.admin().describeTopic(TOPIC);
    expect(queueStates[0]?.minOffset).toBeGreaterThan(0);
    // The flush may be behind, and take another segment when it comes to the end.
    expect(retention?.logBytes).toBeLessThanOrEqual(KEPT_BYTES);
  }, WAIT);
}

/** What a consumer is told of what is gone. */
interface Told {
  type: string;
  queueId: number | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

/** Retention may go on while somebody reads, who is told of one stretch in pieces then. */
function stretchesOf(told: readonly Told[]): Told[] {
  const stretches: Told[] = [];
  for (const piece of told) {
    const last = stretches.at(-1);
    if (last !== undefined && last.to === piece.from) {
      last.to = piece.to;
    } else {
      stretches.push({ ...piece });
    }
  }
  return stretches;
}

/** The first message that a group at `from` is given; what it is told is gone are pieces of all up to that. */
async function firstAfter(client: Client, group: string, from: number): Promise<number> {
  const told: Told[] = [];
  const consumer = client.consumer({
    group,
    topic: TOPIC,
    onWarning: ({ type, queueId, expired }) => told.push({ type, queueId, ...expired }),
  });
  let first = -1;
  for await (const { offset } of consumer) {
    first = offset;
    break;
  }
  const ends = told.map(({ to }) => to as number);
  expect(told).toEqual(ends.map((to, i) => ({ type: 'expired', queueId: 0, from: ends[i - 1] ?? from, to })));
  expect(ends.at(-1) ?? from).toBe(first);
  return first;
}

describe('by size', () => {
  const options: EngineOptions = { retentionBytes: KEPT_BYTES };

  it('the oldest go, and offsets stay through restarts', async () => {
    const dataDir = `${directory}/size`;
    await withBroker(
      dataDir,
      async (small) => {
        const { client, warnings } = small;
        await client.admin().createTopic({ topic: TOPIC, queues: 1 });
        await sendNumbers(client, TOPIC, 0, 600);
        await retained(dataDir, small);
        const { minOffset, maxOffset } = await stateOf(client);
        expect(maxOffset).toBe(600);
        // More may go while it reads.
        expectRun(await readTo(client, TOPIC, 599), minOffset);
        // A reader on a slow machine may be told that it is late.
        expect(warnings.filter(({ message }) => !message.includes('unread messages'))).toEqual([]);
      },
      options,
    );
    expect(segments(dataDir)[0]).not.toMatch(/^0+\.seg$/);
    const first = mapLog(dataDir).batches[0]?.baseOffset ?? 0;
    expect(first).toBeGreaterThan(0);
    await withBroker(
      dataDir,
      async ({ client, warnings }) => {
        expect(await stateOf(client)).toEqual({ minOffset: first, maxOffset: 600 });
        await sendNumbers(client, TOPIC, 600, 610);
        const messages = await readTo(client, TOPIC, 609);
        expectRun(messages, first);
        expect(messages[0]?.offset).toBe(first);
        expect(warnings).toEqual([]);
      },
      // Without retention: nothing must go before it is looked at.
      {},
    );
  });

  it('a reader that is overtaken goes on at the first message that is left', async () => {
    const dataDir = `${directory}/slow`;
    await withBroker(
      dataDir,
      async (small) => {
        const { client } = small;
        await client.admin().createTopic({ topic: TOPIC, queues: 1 });
        await sendNumbers(client, TOPIC, 0, 300);
        const told: Told[] = [];
        const consumer = client.consumer({
          group: 'slow',
          topic: TOPIC,
          windowBytes: 64 * 1024,
          onWarning: ({ type, queueId, expired }) => told.push({ type, queueId, ...expired }),
        });
        const messages = consumer[Symbol.asyncIterator]();
        const seen: number[] = [];
        const next = async () => {
          const { value } = await messages.next();
          if (value === undefined) {
            throw new Error('the consumer ended');
          }
          expect(value.text()).toBe(bodyOf(value.offset));
          seen.push(value.offset);
          await value.ack();
        };
        for (let i = 0; i < 5; i++) {
          await next();
        }
        await sendNumbers(client, TOPIC, 300, 1200);
        await retained(dataDir, small);
        while (seen.at(-1) !== 1199) {
          await next();
        }
        await consumer.close();
        // It has read on from what it had been sent before, and lost nothing but what it was told is gone.
        const skipped = seen.flatMap((to, i) => {
          const from = (seen[i - 1] ?? -1) + 1;
          return to === from ? [] : [{ type: 'expired', queueId: 0, from, to }];
        });
        expect(stretchesOf(told)).toEqual(skipped);
        expect(skipped[0]?.to).toBeGreaterThan(300);
        expect(skipped.at(-1)?.to).toBeLessThanOrEqual((await stateOf(client)).minOffset);
        // What it was not sent any more is counted, with what it was told.
        const [queue] = (await client.admin().describeGroup('slow')).queues;
        const expired = skipped.reduce((sum, { from, to }) => sum + to - from, 0);
        expect(queue).toMatchObject({ expired, lag: 0 });
      },
      options,
    );
  });

  it('unread messages that go are warned of before, counted, and told to the group and in the log after', async () => {
    const dataDir = `${directory}/unread`;
    const began = Date.now();
    await withBroker(
      dataDir,
      async (small) => {
        const { client, warnings } = small;
        const admin = client.admin();
        await admin.createTopic({ topic: TOPIC, queues: 1 });
        await sendNumbers(client, TOPIC, 0, 60);
        await readSome(client, TOPIC, 1, 'behind');
        await sendNumbers(client, TOPIC, 60, 160);
        await vi.waitFor(() => {
          const about = warnings.find(({ message }) => message.includes('about to lose'));
          expect(about?.details).toMatchObject({ group: 'behind', topic: TOPIC, queueId: 0, offset: 1 });
        }, WAIT);
        const { retention } = await admin.describeTopic(TOPIC);
        expect(retention).toMatchObject({ retentionMs: 0, retentionBytes: KEPT_BYTES });
        expect(retention?.logBytes).toBeGreaterThan(0.8 * KEPT_BYTES);
        expect(retention?.oldestTime).toBeGreaterThanOrEqual(began);
        expect(retention?.oldestTime).toBeLessThanOrEqual(Date.now());
        await sendNumbers(client, TOPIC, 160, 700);
        await retained(dataDir, small);
        const { minOffset } = await stateOf(client);
        const [queue] = (await admin.describeGroup('behind')).queues;
        expect(queue).toMatchObject({ committedOffset: 1, maxOffset: 700, memberId: null });
        expect((queue?.expired ?? 0) + (queue?.lag ?? 0)).toBe(699);
        expect(queue?.expired).toBeGreaterThanOrEqual(minOffset - 1);

        // One segment more may go, as what groups say is written, too.
        const first = await firstAfter(client, 'behind', 1);
        // Of no more than has gone since it is told again, mostly of nothing.
        await firstAfter(client, 'behind', first);
        expect(first).toBeGreaterThanOrEqual(1 + (queue?.expired ?? 0));
        const [after] = (await admin.describeGroup('behind')).queues;
        expect(after?.expired).toBeGreaterThanOrEqual(first - 1);
        expect((after?.expired ?? 0) + (after?.lag ?? 0)).toBe(699);
        await vi.waitFor(() => {
          const lost = warnings.filter(({ message }) => message.includes('has lost'));
          const counted = lost.map(
            ({ details }) => details as { group: string; topic: string; count: number },
          );
          expect(counted[0]).toMatchObject({ group: 'behind', topic: TOPIC });
          expect(Math.max(...counted.map(({ count }) => count))).toBeGreaterThanOrEqual(first - 1);
        }, WAIT);
      },
      options,
    );
  });

  it('a queue all of whose messages are gone goes on counting', async () => {
    const dataDir = `${directory}/quiet`;
    const work = async (small: SmallBroker) => {
      const { client } = small;
      await client.admin().createTopic({ topic: 'quiet', queues: 1 });
      await client.admin().createTopic({ topic: TOPIC, queues: 1 });
      await sendNumbers(client, 'quiet', 0, 10);
      await sendNumbers(client, TOPIC, 0, 600);
      await retained(dataDir, small);
    };
    await withBroker(dataDir, work, options);
    await withBroker(
      dataDir,
      async ({ client }) => {
        const { queueStates } = await client.admin().describeTopic('quiet');
        expect(queueStates[0]).toMatchObject({ minOffset: 10, maxOffset: 10 });
        await sendNumbers(client, 'quiet', 10, 12);
        expect((await readSome(client, 'quiet', 2)).map(({ offset }) => offset)).toEqual([10, 11]);
      },
      options,
    );
  });

  it.each([{ lost: ['tables'] }, { lost: ['tables', 'checkpoint'] }])(
    'also after these were lost: $lost',
    async ({ lost }) => {
      const dataDir = `${directory}/quiet-${lost.length}`;
      await withBroker(
        dataDir,
        async (small) => {
          const { client } = small;
          await client.admin().createTopic({ topic: 'quiet', queues: 2 });
          await client.admin().createTopic({ topic: TOPIC, queues: 1 });
          await sendNumbers(client, 'quiet', 0, 10, 1);
          await readSome(client, 'quiet', 10, 'reader');
          await sendNumbers(client, TOPIC, 0, 600);
          await retained(dataDir, small);
        },
        options,
      );
      for (const name of lost) {
        rmSync(`${dataDir}/${name === 'tables' ? 'queues/tables' : name}`);
      }
      // Once more: what was made anew is lost, too, before anything was sent.
      for (let round = 0; round < 2; round++) {
        await withBroker(dataDir, async ({ client }) => {
          const { queueStates } = await client.admin().describeTopic('quiet');
          expect(queueStates).toMatchObject([
            { minOffset: 0, maxOffset: 0 },
            { minOffset: 10, maxOffset: 10 },
          ]);
        });
        rmSync(`${dataDir}/queues/tables`);
      }
      await withBroker(dataDir, async ({ client }) => {
        await sendNumbers(client, 'quiet', 10, 12, 1);
        // The group that had read all gets what is new.
        const read = await readSome(client, 'quiet', 2, 'reader');
        expect(read.map(({ offset }) => offset)).toEqual([10, 11]);
        await sendNumbers(client, 'quiet', 0, 100, 1);
        expect((await readSome(client, 'quiet', 102)).map(({ offset }) => offset)).toEqual(
          Array.from({ length: 102 }, (_, i) => 10 + i),
        );
      });
    },
  );
});

describe('what the tables do not know yet', () => {
  const LONG_AGO = new Date(0);

  it('is made up for at open: a crash came before the checkpoint that would have said so', async () => {
    const dataDir = `${directory}/stale`;
    await withBroker(dataDir, async ({ client }) => {
      await client.admin().createTopic({ topic: TOPIC, queues: 1 });
      await client.admin().createTopic({ topic: 'quiet', queues: 1 });
      await sendNumbers(client, 'quiet', 0, 5);
      await sendNumbers(client, TOPIC, 0, 600);
      await readSome(client, TOPIC, 1, 'g');
    });
    // As retention leaves it behind the last checkpoint of a log that is idle from then on.
    for (const name of segments(dataDir).slice(0, 4)) {
      rmSync(`${dataDir}/log/${name}`);
    }
    const first = mapLog(dataDir).batches[0]?.baseOffset ?? 0;
    expect(first).toBeGreaterThan(100);
    await withBroker(dataDir, async ({ client, warnings }) => {
      expect(await stateOf(client)).toEqual({ minOffset: first, maxOffset: 600 });
      const quiet = await client.admin().describeTopic('quiet');
      expect(quiet.queueStates[0]).toMatchObject({ minOffset: 5, maxOffset: 5 });
      expect(await client.admin().resetOffset({ group: 'g', topic: TOPIC, to: LONG_AGO })).toEqual([
        { queueId: 0, offset: first, before: 1 },
      ]);
      expectRun(await readTo(client, TOPIC, 599), first);
      expect(warnings).toEqual([]);
    });
  });

  it('is older than any time while the news of it is under way', async () => {
    const dataDir = `${directory}/under-way`;
    await withBroker(dataDir, async ({ broker, client }) => {
      await client.admin().createTopic({ topic: TOPIC, queues: 1 });
      await sendNumbers(client, TOPIC, 0, 600);
      await readSome(client, TOPIC, 1, 'g');
      const gone = segments(dataDir).slice(0, 4);
      // What retention does first, and last; the queues hear of it later.
      Atomics.store(
        new Int32Array(broker.handle().log.ring.control),
        WORD.spare + PERSIST_WORD.oldestSegment,
        gone.length,
      );
      for (const name of gone) {
        rmSync(`${dataDir}/log/${name}`);
      }
      expect((await stateOf(client)).minOffset).toBe(0);
      const [to] = await client.admin().resetOffset({ group: 'g', topic: TOPIC, to: LONG_AGO });
      expect(to?.offset).toBeGreaterThan(100);
      expect(to?.offset).toBeLessThan(600);
    });
  });
});

describe('by age', () => {
  it('whole segments go once their last message is old enough, never the one in use', async () => {
    const dataDir = `${directory}/age`;
    await withBroker(
      dataDir,
      async ({ client }) => {
        await client.admin().createTopic({ topic: TOPIC, queues: 1 });
        await sendNumbers(client, TOPIC, 0, 400);
        await vi.waitFor(() => expect(segments(dataDir).length).toBeLessThanOrEqual(2), WAIT);
        await vi.waitFor(async () => expect((await stateOf(client)).minOffset).toBeGreaterThan(300), WAIT);
        const { minOffset } = await stateOf(client);
        expectRun(await readTo(client, TOPIC, 399), minOffset);
      },
      { retentionMs: 200 },
    );
  });
});
