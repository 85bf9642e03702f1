/**
 * Each kind of bad neighbour beside each kind of good one, on one listener thread: the good one gets done
 * what it came for. Bounds are generous; how long it takes says `npm run test:neighbours`.
 */
import { describe, expect, test } from 'vitest';
import { BAD_NEIGHBOURS } from './bad.js';
import { GOOD_NEIGHBOURS } from './good.js';
import { openPlace } from './place.js';

/** So much is done at least, and for so long: a bad one has gone round its ring by then. */
const ROUNDS = 20;
const LEAST_MS = 300;
/** For each thing that is done; alone it takes a millisecond or two. */
const LIMIT_MS = 10_000;

describe.each(BAD_NEIGHBOURS)('beside $name', (bad) => {
  test('the good neighbours get done what they came for', async () => {
    const place = await openPlace(bad.limits);
    try {
      const acts = await Promise.all(GOOD_NEIGHBOURS.map((good) => good.start(place)));
      const stop = await bad.start(place);
      const slowest = await Promise.all(
        acts.map(async (act) => {
          let longest = 0;
          const began = performance.now();
          for (let round = 0; round < ROUNDS || performance.now() - began < LEAST_MS; round++) {
            const started = performance.now();
            await act();
            longest = Math.max(longest, performance.now() - started);
          }
          return longest;
        }),
      );
      await stop();
      for (const ms of slowest) {
        expect(ms).toBeLessThan(LIMIT_MS);
      }
    } finally {
      await place.close();
    }
  });
});
