import { expect, it } from 'vitest';
import { raceForLock } from './lock-race.js';

it('of four that start at once over a dead lock, one has it', async () => {
  expect(await raceForLock(200)).toMatchObject({ twoOwners: 0, noOwner: 0 });
});
