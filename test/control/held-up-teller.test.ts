/** What is said while acks of groups cannot be put into the log. */
import { expect, it } from 'vitest';
import { HeldUpTeller } from '../../engine/control/held-up-teller.js';
import { RingMQError } from '../../native-free/wire/index.js';

const steps = (...given: [RingMQError | null, number][]): string[] => {
  const said: string[] = [];
  const teller = new HeldUpTeller((line) => said.push(line));
  for (const [heldUpBy, nowMs] of given) {
    teller.step(heldUpBy, nowMs);
  }
  return said;
};
const slaves = new RingMQError('NOT_ENOUGH_REPLICAS');
const disk = new RingMQError('DISK_FULL');

it('is nothing while the slaves of a new master are on their way', () => {
  expect(steps([slaves, 100], [slaves, 9_000], [null, 10_000], [slaves, 11_000], [null, 12_000])).toEqual([]);
});

it('is once that slaves are missing, and once that they are there', () => {
  const said = steps([slaves, 0], [slaves, 10_000], [slaves, 60_000], [null, 61_000], [null, 62_000]);
  expect(said).toHaveLength(2);
  expect(said[0]).toContain('slaves');
});

it('is at once that a disk is full', () => {
  const said = steps([disk, 0], [disk, 250], [null, 500]);
  expect(said).toHaveLength(2);
  expect(said[0]).toContain(disk.message);
});
