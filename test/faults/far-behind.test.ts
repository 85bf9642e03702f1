/** A reader may be further behind than positions of the ring (Int32, in slots) can tell apart: it reads on all the same. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NodeDisk } from '../../engine/disk/index.js';
import { readCheckpoint, writeCheckpoint } from '../../engine/log/index.js';
import {
  makeDirectory,
  numberOf,
  readSome,
  removeDirectory,
  sendNumbers,
  withBroker,
} from './small-broker.js';

const TOPIC = 'orders';
const GIB = 2 ** 30;

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

// The sign of an Int32 difference turns at 128 GiB, and again at 256.
it.each([120, 130, 255, 260])('%i GiB', async (gib) => {
  const dataDir = `${directory}/${gib}`;
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: TOPIC, queues: 1 });
    await sendNumbers(client, TOPIC, 0, 5);
  });
  // As if so much had been written, and all of it but the first segment were of no interest.
  const disk = new NodeDisk();
  const checkpoint = readCheckpoint(disk, dataDir);
  if (checkpoint === null) {
    throw new Error('a clean close leaves a checkpoint');
  }
  writeCheckpoint(disk, dataDir, { ...checkpoint, flushed: gib * GIB });
  await withBroker(dataDir, async ({ client }) => {
    await sendNumbers(client, TOPIC, 5, 7);
    expect((await readSome(client, TOPIC, 7)).map(numberOf)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});
