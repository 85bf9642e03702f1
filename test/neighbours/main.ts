/** `npm run test:neighbours`: what the good neighbours' doings take beside each bad one and alone, as a table of p99s. */
import Table from 'cli-table3';
import { BAD_NEIGHBOURS } from './bad.js';
import { GOOD_NEIGHBOURS } from './good.js';
import { openPlace } from './place.js';

const SECONDS = Number(process.env['RINGMQ_NEIGHBOUR_SECONDS'] ?? 3);

/** Times of all that was done in `SECONDS`, ms, for each good neighbour. */
async function measure(bad: (typeof BAD_NEIGHBOURS)[number] | null): Promise<number[][]> {
  const place = await openPlace(bad?.limits);
  try {
    const acts = await Promise.all(GOOD_NEIGHBOURS.map((good) => good.start(place)));
    const stop = bad === null ? null : await bad.start(place);
    const end = performance.now() + SECONDS * 1000;
    const times = await Promise.all(
      acts.map(async (act) => {
        const mine: number[] = [];
        while (performance.now() < end) {
          const started = performance.now();
          await act();
          mine.push(performance.now() - started);
        }
        return mine.sort((a, b) => a - b);
      }),
    );
    await stop?.();
    return times;
  } finally {
    await place.close();
  }
}

function p99(times: readonly number[]): string {
  const value = times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? Number.NaN;
  return `${value.toFixed(1)} ms`;
}

const table = new Table({
  head: ['beside', ...GOOD_NEIGHBOURS.map(({ name }) => `${name}, p99`)],
  style: { head: [], border: [], compact: true },
});
for (const bad of [null, ...BAD_NEIGHBOURS]) {
  const times = await measure(bad);
  table.push([bad?.name ?? 'nobody', ...times.map(p99)]);
}
process.stdout.write(`${table.toString()}\n`);
