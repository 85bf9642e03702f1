/** What is damaged in a master's files when a slave needs it, or when the master starts, and what is damaged on both sides. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSome, sendNumbers } from '../faults/small-broker.js';
import { until } from './nodes.js';
import { COUNT, place, RepairPair, repaired, type Side, spoil } from './repair-pair.js';

let pair: RepairPair;
beforeEach(() => {
  pair = new RepairPair();
});
afterEach(() => pair.remove());

/** A slave that begins now, and needs all of the log. */
async function beginAnew(): Promise<Side> {
  const late = pair.another('late');
  await pair.open(late);
  return late;
}

it('what keeps a slave from catching up is repaired from another slave, and is not sent to it before', async () => {
  await pair.fill();
  spoil(pair.a, place(pair.a, 10), 'header');
  spoil(pair.a, place(pair.a, 20), 'body');
  const late = await beginAnew();
  await until(() => repaired(pair.a) === 2);
  await until(() => pair.has(late));
  expect(await readSome(pair.client(late), 't', COUNT)).toHaveLength(COUNT);
  expect(pair.a.events.filter((event) => event === 'damage')).toHaveLength(2);
  expect(late.warnings.filter(({ message }) => message.startsWith('damage in the log'))).toEqual([]);
  await pair.close(late);
  await pair.expectSame();
});

it('what is damaged on both sides at the same place is said once by each, and all else goes on', async () => {
  await pair.fill();
  const at = place(pair.a, 10);
  spoil(pair.a, at, 'body');
  spoil(pair.s, at, 'header');
  await pair.meet(pair.a);
  await pair.meet(pair.s);
  const refused = (of: Side): number => of.events.filter((event) => event === 'notRepaired').length;
  await until(() => refused(pair.a) === 1 && refused(pair.s) === 1);
  // A slave that lacks it says what keeps it.
  const late = await beginAnew();
  await until(() => late.events.includes('cannotFollow'));
  const { queueStates } = await pair.client(pair.a).admin().describeTopic('t');
  expect(queueStates[0]?.damage?.map(({ position }) => position)).toEqual([at]);
  await sendNumbers(pair.client(pair.a), 't', COUNT, COUNT + 10);
  await pair.settled();
  expect([refused(pair.a), refused(pair.s), repaired(pair.a), repaired(pair.s)]).toEqual([1, 1, 0, 0]);
  for (const each of [pair.a, pair.s]) {
    expect((await pair.client(each).admin().stats()).log.damagedCount).toBe(1);
  }
});

it('a master that could not read some of its log at its start has it in its queues once a slave has sent it, with nobody starting it again', async () => {
  await pair.fill();
  await pair.close(pair.s);
  await pair.close(pair.a);
  // As after a crash before the first checkpoint.
  for (const file of ['checkpoint', 'queues/tables', 'meta/state']) {
    rmSync(`${pair.a.dataDir}/${file}`);
  }
  spoil(pair.a, place(pair.a, 10), 'header');
  spoil(pair.a, place(pair.a, 20), 'body');
  await pair.open(pair.a, { checkpointBytes: 64 * 1024 * 1024 });
  await pair.open(pair.s);
  await until(() => pair.a.events.includes('rebuild'));
  await until(
    async () => (await readSome(pair.client(pair.a), 't', COUNT, 'late').catch(() => []))[0]?.offset === 0,
  );
  const { queueStates } = await pair.client(pair.a).admin().describeTopic('t');
  expect(queueStates[0]?.damage).toBeUndefined();
  await pair.expectSame();
});
