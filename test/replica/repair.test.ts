/** Damage in one broker's files is made good from the other's, whichever finds it, and said; afterwards both logs are whole and the same. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BATCH_TYPE } from '../../native-free/wire/index.js';
import { readSome, sendNumbers } from '../faults/small-broker.js';
import { until } from './nodes.js';
import { batches, forgetTables, RepairPair, type Side, spoil } from './repair-pair.js';

const COUNT = 400;
let pair: RepairPair;
beforeEach(() => {
  pair = new RepairPair();
});
afterEach(() => pair.remove());

/** Both with some segments of messages, all but the newest in files alone; a group has read 7. */
async function fill(): Promise<void> {
  const client = await pair.open(pair.a);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await pair.open(pair.s);
  await sendNumbers(client, 't', 0, COUNT);
  await readSome(client, 't', 7, 'billing');
  await pair.settled();
}

/** A batch of messages so many from the first. */
function place(of: Side, number: number): number {
  return (batches(of)[number] as { position: number }).position;
}

/** A reader of that side comes upon the damage, and stops there. */
async function meet(of: Side): Promise<void> {
  const client = pair.client(of);
  const reader = client.consumer({ topic: 't', group: `reader-${++readers}`, onWarning: () => {} });
  await expect(
    (async () => {
      for await (const _ of reader) {
        // Up to there.
      }
    })(),
  ).rejects.toThrow();
  await reader.close();
}

let readers = 0;
const repaired = (of: Side): number => of.events.filter((event) => event === 'repaired').length;

it('what a recovery meets, of messages and of topics, in headers and bodies, on both sides at once', async () => {
  await fill();
  for (const each of [pair.s, pair.a]) {
    await pair.close(each);
  }
  const control = batches(pair.a, BATCH_TYPE.control).map(({ position }) => position);
  // The first begins the term; the second makes the topic.
  spoil(pair.a, control[1] as number, 'body');
  spoil(pair.a, place(pair.a, 10), 'header');
  spoil(pair.a, place(pair.a, 11), 'body');
  spoil(pair.s, place(pair.s, 20), 'body');
  spoil(pair.s, place(pair.s, 40), 'header');
  forgetTables(pair.a);
  forgetTables(pair.s);
  await pair.open(pair.a);
  await pair.open(pair.s);
  await until(() => repaired(pair.a) >= 2 && repaired(pair.s) >= 2);
  expect(pair.a.events).toContain('rebuild');
  // A slave does it by itself; a master does not end its connections for it, and has all again at its next start.
  await pair.close(pair.a);
  const client = await pair.open(pair.a);
  expect(await readSome(client, 't', COUNT)).toHaveLength(COUNT);
  const { queues } = await client.admin().describeGroup('billing');
  expect(queues.map(({ committedOffset }) => committedOffset)).toEqual([7]);
  await until(async () => (await readSome(pair.client(pair.s), 't', COUNT).catch(() => [])).length === COUNT);
  await pair.expectSame();
});

it('what a reader meets in a header, of the master and of the slave, while more is sent', async () => {
  await fill();
  const client = pair.client(pair.a);
  for (const each of [pair.a, pair.s]) {
    spoil(each, place(each, 10), 'header');
    const sending = sendNumbers(client, 't', COUNT, 2 * COUNT);
    await meet(each);
    await until(() => repaired(each) > 0);
    expect(await readSome(pair.client(each), 't', COUNT)).toHaveLength(COUNT);
    await until(async () => {
      const { queueStates } = await pair.client(each).admin().describeTopic('t');
      return (queueStates[0]?.damage ?? []).length === 0;
    });
    await sending;
  }
  await pair.expectSame();
});
