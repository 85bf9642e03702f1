/** One damaged batch, and the consumers of its topic: the queue stops there, or is read on behind it; nothing else changes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  Client,
  ConsumerOptions,
  ConsumerWarning,
  DamagedQueue,
} from '../../native-free/client/index.js';
import { flipBit, mapLog, type StoredBatch } from './log-map.js';
import { makeDirectory, numberOf, removeDirectory, sendNumbers, withBroker } from './small-broker.js';

const TOPIC = 'orders';
const QUEUES = 8;
const COUNT = 60;
const BATCH_COUNT = 20;
const DAMAGED = 3;

let dataDir: string;
beforeEach(async () => {
  dataDir = makeDirectory();
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: TOPIC, queues: QUEUES });
    for (let at = 0; at < COUNT; at += BATCH_COUNT) {
      for (let queueId = 0; queueId < QUEUES; queueId++) {
        await sendNumbers(client, TOPIC, at, at + BATCH_COUNT, queueId);
      }
    }
  });
});
afterEach(() => removeDirectory(dataDir));

/** The second batch of queue 3. */
function victim(): StoredBatch {
  return mapLog(dataDir).batches.filter((batch) => batch.queueId === DAMAGED)[1] as StoredBatch;
}

/** Some members of one group, read until the group has handed out `count` messages, some of them maybe again as queues change hands: each queue's offsets, and what they were told. */
async function readByGroup(
  client: Client,
  members: number,
  count: number,
  options: Partial<ConsumerOptions>,
) {
  const seen = Array.from({ length: QUEUES }, () => new Set<number>());
  const warnings: ConsumerWarning[] = [];
  const consumers = Array.from({ length: members }, () =>
    client.consumer({
      group: 'g',
      topic: TOPIC,
      onWarning: (warning) => warnings.push(warning),
      ...options,
    }),
  );
  await Promise.all(
    consumers.map((consumer) =>
      consumer.run((message) => {
        expect(numberOf(message)).toBe(message.offset);
        seen[message.queueId]?.add(message.offset);
        if (seen.reduce((sum, { size }) => sum + size, 0) === count) {
          void Promise.all(consumers.map((each) => each.close()));
        }
      }),
    ),
  );
  return { seen: seen.map((offsets) => [...offsets].sort((a, b) => a - b)), warnings };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_x, i) => from + i);
}

describe.each([
  ['the body', 200, 'BAD_CHECKSUM'],
  ['the header', 41, 'LOG_CORRUPT'],
])('damage in %s', (_part, at, code) => {
  it('stops its queue there, and no other queue nor member', async () => {
    const { position, baseOffset } = victim();
    flipBit(dataDir, position + at);
    await withBroker(dataDir, async ({ client }) => {
      const readable = (QUEUES - 1) * COUNT + baseOffset;
      const { seen, warnings } = await readByGroup(client, 3, readable, {});
      expect(seen).toEqual(
        Array.from({ length: QUEUES }, (_, queueId) => range(0, queueId === DAMAGED ? baseOffset : COUNT)),
      );
      for (const warning of warnings) {
        expect(warning).toMatchObject({
          type: 'damage',
          topic: TOPIC,
          queueId: DAMAGED,
          error: { code, details: { offset: baseOffset, position } },
        });
      }
      const { queues } = await client.admin().describeGroup('g');
      expect(queues.map(({ committedOffset }) => committedOffset)).toEqual(
        Array.from({ length: QUEUES }, (_, queueId) => (queueId === DAMAGED ? baseOffset : COUNT)),
      );
    });
  });

  it("is passed over by a consumer that says 'skip', and told all the same", async () => {
    const { position, baseOffset, count } = victim();
    flipBit(dataDir, position + at);
    await withBroker(dataDir, async ({ client }) => {
      const { seen, warnings } = await readByGroup(client, 1, QUEUES * COUNT - count, { onDamage: 'skip' });
      const whole = range(0, COUNT);
      const readable = [...range(0, baseOffset), ...range(baseOffset + count, COUNT)];
      expect(seen).toEqual(
        Array.from({ length: QUEUES }, (_, queueId) => (queueId === DAMAGED ? readable : whole)),
      );
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatchObject({ type: 'damage', queueId: DAMAGED, error: { code } });
      // It is behind it for good.
      const { queues } = await client.admin().describeGroup('g');
      expect(queues.map(({ lag }) => lag)).toEqual(queues.map(() => 0));
    });
  });

  it('is passed over where a function says so, which is told the place', async () => {
    const { position, baseOffset, count } = victim();
    flipBit(dataDir, position + at);
    await withBroker(dataDir, async ({ client }) => {
      const decided: DamagedQueue[] = [];
      const { seen } = await readByGroup(client, 1, QUEUES * COUNT - count, {
        onDamage: (damage) => {
          decided.push(damage);
          return 'skip';
        },
      });
      expect(decided).toMatchObject([
        { topic: TOPIC, queueId: DAMAGED, offset: baseOffset, error: { code } },
      ]);
      expect(seen[DAMAGED]).toHaveLength(COUNT - count);
    });
  });
});
