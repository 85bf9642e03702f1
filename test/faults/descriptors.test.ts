/** Files that a broker has open: none when it is closed, none that retention has deleted. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attach } from '../../broker/index.js';
import { makeDirectory, readSome, removeDirectory, sendNumbers, withBroker } from './small-broker.js';

const TOPIC = 'orders';
const FDS = '/proc/self/fd';

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
        if (round === 0) await client.admin().createTopic({ topic: TOPIC, queues: 1 });
        await sendNumbers(client, TOPIC, round * 300, (round + 1) * 300);
        await readSome(client, TOPIC, (round + 1) * 300);
        const before = openIn(`${dataDir}/queues`);
        expect(before).not.toEqual([]);
        const attached = await attach(broker.handle());
        await readSome(attached, TOPIC, 300);
        await attached.close();
        expect(openIn(`${dataDir}/queues`)).toEqual(before);
      });
      expect(openIn(dataDir)).toEqual([]);
    }
  });
});
