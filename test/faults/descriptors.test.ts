/** Files that a broker has open: none when it is closed, none that retention has deleted. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { attach } from '../../broker/index.js';
import { PERSIST_WORD, segmentName } from '../../engine/log/index.js';
import { WORD } from '../../engine/ring/index.js';
import { makeDirectory, readSome, removeDirectory, sendNumbers, withBroker } from './small-broker.js';

const TOPIC = 'orders';
const FDS = '/proc/self/fd';
const WAIT = { timeout: 100_000 };

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

/** What this process has open below `dir`. */
function openIn(dir: string): string[] {
  return readdirSync(FDS)
    .map((fd) => {
      try {
        return readlinkSync(`${FDS}/${fd}`);
      } catch {
        return ''; // The one that lists them.
      }
    })
    .filter((path) => path.startsWith(`${dir}/`))
    .map((path) => path.slice(dir.length + 1))
    .sort();
}

describe.skipIf(!existsSync(FDS))('descriptors', () => {
  it('are given back by each close of a broker, and of a client of it', async () => {
    const dataDir = `${directory}/closed`;
    for (let round = 0; round < 3; round++) {
      await withBroker(dataDir, async ({ broker, client }) => {
        if (round === 0) {
          await client.admin().createTopic({ topic: TOPIC, queues: 1 });
        }
        await sendNumbers(client, TOPIC, round * 300, (round + 1) * 300);
        await readSome(client, TOPIC, (round + 1) * 300);
        for (let times = 0; times < 6; times++) {
          const attached = await attach(broker.handle());
          await readSome(attached, TOPIC, 100);
          await attached.close();
        }
        // The broker's own, and maybe those of a checkpoint under way.
        expect(openIn(`${dataDir}/queues`).length).toBeLessThan(6);
      });
      expect(openIn(dataDir)).toEqual([]);
    }
  });

  it('of segments that retention has taken are not kept by who reads nothing more', async () => {
    const dataDir = `${directory}/taken`;
    await withBroker(dataDir, async ({ broker, client }) => {
      await client.admin().createTopic({ topic: TOPIC, queues: 1 });
      await sendNumbers(client, TOPIC, 0, 300);
      const [reader, left] = await Promise.all([attach(broker.handle()), attach(broker.handle())]);
      const consumer = reader.consumer({ group: 'at-the-end', topic: TOPIC });
      const messages = consumer[Symbol.asyncIterator]();
      for (let count = 0; count < 300; count++) {
        await (await messages.next()).value?.ack();
      }
      const next = messages.next();
      const first = `log/${segmentName(0)}`;
      const opened = () => openIn(dataDir).filter((path) => path === first).length;
      const before = opened();
      expect(before).toBeGreaterThan(0);
      // Who has left its group needs no segment at all.
      await readSome(left, TOPIC, 10);
      await vi.waitFor(() => expect(opened()).toBe(before), WAIT);
      // What retention says first. The log is idle: nobody reads, nothing wakes a thread but its own
      // interval.
      Atomics.store(
        new Int32Array(broker.handle().log.ring.control),
        WORD.spare + PERSIST_WORD.oldestSegment,
        1,
      );
      await vi.waitFor(() => expect(opened()).toBe(0), WAIT);
      await sendNumbers(client, TOPIC, 300, 301);
      expect((await next).value?.offset).toBe(300);
      await Promise.all([reader.close(), left.close()]);
    });
  });
});
