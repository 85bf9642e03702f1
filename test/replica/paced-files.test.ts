import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { PacedFiles } from '../../engine/thread/paced-files.js';

it('old log rests between its pieces while new log comes, and not while there is none', async () => {
  let end = 5;
  const read = (_position: number, length: number) => Promise.resolve(length);
  const paced = new PacedFiles({ start: () => 3, read }, () => end);
  expect(paced.start()).toBe(3);
  const target = new Uint8Array(9);
  expect(await paced.read(3, 9, target)).toBe(9);
  let done = 0;
  const count = (): number => ++done;
  void paced.read(3, 9, target).then(count);
  await nextTurn();
  expect(done).toBe(1);
  end++;
  const resting = paced.read(3, 9, target).then(count);
  await Promise.resolve().then(() => {});
  expect(done).toBe(1);
  expect(await resting).toBe(2);
});
