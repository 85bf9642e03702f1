/** `meta/` was lost and is back from a copy: its epoch is behind that of the log. */
import { cpSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeDirectory, readSome, removeDirectory, sendNumbers, withBroker } from './small-broker.js';

const TOPIC = 'orders';
const CHECKPOINT = ['checkpoint', 'queues/tables'];
let dataDir: string;
beforeEach(() => {
  dataDir = makeDirectory();
});
afterEach(() => removeDirectory(dataDir));

/** A log of several epochs beside a `meta/` that has seen only the first; the epoch of the last opening. */
async function restoreMeta(): Promise<number> {
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: TOPIC, queues: 1 });
  });
  cpSync(`${dataDir}/meta`, `${dataDir}/copy`, { recursive: true });
  let epoch = 0;
  for (let opening = 0; opening < 3; opening++) {
    await withBroker(dataDir, async ({ broker, client }) => {
      epoch = broker.handle().epoch;
      await sendNumbers(client, TOPIC, opening * 10, opening * 10 + 10);
    });
  }
  rmSync(`${dataDir}/meta`, { recursive: true });
  cpSync(`${dataDir}/copy`, `${dataDir}/meta`, { recursive: true });
  return epoch;
}

it('keeps what is acked from then on, over a kill', async () => {
  await restoreMeta();
  // As a kill leaves it that comes before the next checkpoint.
  for (const file of CHECKPOINT) {
    cpSync(`${dataDir}/${file}`, `${dataDir}/copy/${file}`);
  }
  await withBroker(dataDir, async ({ client }) => sendNumbers(client, TOPIC, 30, 40), { flush: 'sync' });
  for (const file of CHECKPOINT) {
    cpSync(`${dataDir}/copy/${file}`, `${dataDir}/${file}`);
  }
  await withBroker(dataDir, async (small) => {
    const { queueStates } = await small.client.admin().describeTopic(TOPIC);
    expect(queueStates[0]?.maxOffset).toBe(40);
    expect(await readSome(small.client, TOPIC, 40)).toHaveLength(40);
  });
});

it('says what comes after a log that was lost, and its checkpoint with it, so that a restart hears of it', async () => {
  await restoreMeta();
  await withBroker(dataDir, async () => {});
  for (const file of [...CHECKPOINT, 'log']) {
    rmSync(`${dataDir}/${file}`, { recursive: true });
  }
  const killed = `${dataDir}-killed`;
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: 'late', queues: 1 });
    await client.admin().createGroup({ group: 'later' });
    // As a kill leaves it: the log has what was acked, and no checkpoint follows.
    cpSync(dataDir, killed, { recursive: true });
    rmSync(`${killed}/LOCK`);
  });
  await withBroker(killed, async ({ client }) => {
    const topics = await client.admin().listTopics();
    expect(topics.map(({ topic }) => topic)).toEqual(['late', TOPIC]);
    expect((await client.admin().describeGroup('later')).group).toBe('later');
  });
  removeDirectory(killed);
});

it.for([
  { lost: 'nothing else', files: [] },
  { lost: 'the tables, too', files: ['queues/tables'] },
  { lost: 'the tables and the log, too', files: ['queues/tables', 'log'] },
])('takes an epoch that no batch and no checkpoint has; lost is $lost', async ({ files }) => {
  const epoch = await restoreMeta();
  for (const file of files) {
    rmSync(`${dataDir}/${file}`, { recursive: true });
  }
  await withBroker(dataDir, async ({ broker }) => expect(broker.handle().epoch).toBe(epoch + 1));
  await withBroker(dataDir, async ({ broker }) => expect(broker.handle().epoch).toBe(epoch + 2));
});
