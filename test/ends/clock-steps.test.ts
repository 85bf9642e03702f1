/** A step of the wall clock moves time stamps, and nothing else. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConsumedMessage } from '../../native-free/client/index.js';
import {
  bodyOf,
  makeDirectory,
  numberOf,
  readSome,
  removeDirectory,
  smallProducer,
  withBroker,
} from '../faults/small-broker.js';

const HOUR = 3_600_000;
const YEARS_10 = 10 * 365 * 24 * HOUR;

const realNow = Date.now;
/** How far the wall clock of this process is off. */
let offMs = 0;
let directory = '';

beforeEach(() => {
  directory = makeDirectory();
  offMs = 0;
  // Before the broker is opened: it keeps the function, not the name.
  vi.spyOn(Date, 'now').mockImplementation(() => realNow.call(Date) + offMs);
});
afterEach(() => {
  vi.restoreAllMocks();
  removeDirectory(directory);
});

describe.each([
  ['an hour ahead', HOUR],
  ['an hour back', -HOUR],
  ['ten years ahead', YEARS_10],
])('a step of %s', (_name, step) => {
  it('takes no message of a memory topic from a consumer that is behind', async () => {
    await withBroker(directory, async ({ client }) => {
      await client.admin().createTopic({ topic: 'm', queues: 1, memory: true });
      const got: number[] = [];
      const consumer = client.consumer({ group: 'g', topic: 'm', windowBytes: 64 * 1024 });
      const producer = smallProducer(client);
      let reads = (): void => {};
      const isReading = new Promise<void>((resolve) => {
        reads = resolve;
      });
      const reading = (async () => {
        for await (const message of consumer) {
          reads();
          got.push(numberOf(message));
          await message.ack();
          if (got.length === 50) {
            offMs += step;
          }
          if (got.length === 400) {
            break;
          }
        }
      })();
      await consumer.assigned;
      await producer.send({ topic: 'm', body: bodyOf(0) });
      await isReading;
      for (let number = 1; number < 400; number++) {
        if (!producer.write({ topic: 'm', body: bodyOf(number) })) {
          await producer.ready();
        }
      }
      await producer.flush();
      await reading;
      expect(got).toEqual(Array.from({ length: 400 }, (_, number) => number));
    });
  });

  it('does not hold up a queue that changes hands', async () => {
    await withBroker(directory, async ({ broker, client }) => {
      await client.admin().createTopic({ topic: 't', queues: 2 });
      const first = client.consumer({ group: 'g', topic: 't' });
      const firstLoop = first.batches();
      void firstLoop.next();
      await first.assigned;
      const second = broker.client().consumer({ group: 'g', topic: 't' });
      const secondLoop = second.batches();
      const next = secondLoop.next();
      offMs += step;
      await second.assigned;
      await client.producer().sendBatch([0, 1].map((key) => ({ topic: 't', body: String(key) })));
      await Promise.all([first.close(), second.close()]);
      await next.catch(() => {});
    });
  });
});

describe('one message of a clock ten years ahead', () => {
  it('leaves the next ones their time, also after a restart, and a search by time', async () => {
    await withBroker(directory, async ({ client }) => {
      await client.admin().createTopic({ topic: 't', queues: 1 });
      const producer = client.producer();
      const before = realNow.call(Date);
      await producer.send({ topic: 't', body: 'before' });
      offMs = YEARS_10;
      await producer.send({ topic: 't', body: 'ahead' });
      offMs = 0;
      await new Promise((resolve) => setTimeout(resolve, 5));
      const between = realNow.call(Date);
      await producer.send({ topic: 't', body: 'after' });
      const messages = await readSome(client, 't', 3);
      const times = messages.map((message: ConsumedMessage) => message.storeTime);
      expect(times[0]).toBeGreaterThanOrEqual(before);
      expect(times[1]).toBeGreaterThan(before + YEARS_10 / 2);
      expect(times[2]).toBeGreaterThanOrEqual(between);
      expect(times[2]).toBeLessThanOrEqual(realNow.call(Date));
    });
    await withBroker(directory, async ({ client }) => {
      const sentAt = realNow.call(Date);
      await client.producer().send({ topic: 't', body: 'restarted' });
      const [last] = (await readSome(client, 't', 4)).slice(3);
      expect(last?.storeTime).toBeGreaterThanOrEqual(sentAt);
      expect(last?.storeTime).toBeLessThanOrEqual(realNow.call(Date));
      const admin = client.admin();
      await readSome(client, 't', 1, 'g');
      const startAt = async (time: number): Promise<string> => {
        await admin.resetOffset({ group: 'g', topic: 't', to: { time } });
        return JSON.stringify(await admin.describeGroup('g'));
      };
      expect(await startAt(sentAt)).toContain('"committedOffset":3');
      expect(await startAt(sentAt + HOUR)).toContain('"committedOffset":4');
      expect(await startAt(sentAt - HOUR)).toContain('"committedOffset":0');
    });
  });
});
