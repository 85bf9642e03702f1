/** The pace of old log for a slave that catches up, by a clock of the test's own. */
import { expect, it } from 'vitest';
import { PacedFiles } from '../../engine/thread/paced-files.js';

const PIECE_BYTES = 512 * 1024;
/** What reading a piece takes, beside the rest. */
const READ_MS = 0.5;

/** Reads for so long while new log comes at `rate(pace)` bytes a second; the bytes a second that were read. */
class Run {
  #nowMs = 0;
  #end = 0;
  #read = 0;
  /** Of the piece before, in milliseconds. */
  restMs = 0;
  comes: (restMs: number) => number;
  readonly #files: PacedFiles;

  constructor(comes: (restMs: number) => number) {
    this.comes = comes;
    this.#files = new PacedFiles(
      {
        start: () => 3,
        read: (_position, length) => {
          this.#pass(READ_MS);
          this.restMs = 0;
          return Promise.resolve(length);
        },
      },
      {
        end: () => this.#end,
        now: () => this.#nowMs,
        rest: (ms) => {
          this.restMs = ms;
          this.#pass(ms);
          return Promise.resolve();
        },
      },
    );
    expect(this.#files.start()).toBe(3);
  }

  #pass(ms: number): void {
    this.#nowMs += ms;
    this.#end += (this.comes(this.restMs) * ms) / 1000;
  }

  async for(ms: number): Promise<number> {
    const [from, before] = [this.#nowMs, this.#read];
    while (this.#nowMs < from + ms) {
      this.#read += await this.#files.read(this.#read, PIECE_BYTES, new Uint8Array(0));
    }
    return ((this.#read - before) * 1000) / (this.#nowMs - from);
  }
}

it('old log does not rest while no new log comes', async () => {
  expect(await new Run(() => 0).for(1_000)).toBeGreaterThan(1e9);
});

it('a steady producer is caught up with: its slave is read to faster than it writes', async () => {
  for (const rate of [1e6, 50e6, 150e6]) {
    const run = new Run(() => rate);
    await run.for(500);
    const read = await run.for(60_000);
    expect(read).toBeGreaterThan(rate * 1.15);
    expect(read).toBeLessThan(220e6);
  }
});

it('new log that comes faster than the slave could come up with it is left the machine', async () => {
  const run = new Run(() => 250e6);
  expect(await run.for(60_000)).toBeLessThan(45e6);
  expect(await run.for(1_000)).toBeGreaterThan(30e6);
  // And caught up with when it comes slower, or no more.
  run.comes = () => 100e6;
  await run.for(500);
  expect(await run.for(10_000)).toBeGreaterThan(150e6);
  run.comes = () => 0;
  await run.for(500);
  expect(await run.for(1_000)).toBeGreaterThan(1e9);
});

it('writers that only write less because they are held up are seen to want more', async () => {
  const heldUp = (restMs: number): number => (restMs === 12 ? 250e6 : 140e6);
  const run = new Run(heldUp);
  expect(await run.for(60_000)).toBeLessThan(45e6);
  // Also where they begin after it has begun to catch up in earnest.
  const later = new Run(() => 50e6);
  expect(await later.for(10_000)).toBeGreaterThan(150e6);
  later.comes = heldUp;
  await later.for(5_000);
  expect(await later.for(60_000)).toBeLessThan(45e6);
});

it('the clock standing still, or the log having been cut, divides by nothing and waits no longer', async () => {
  const rests: number[] = [];
  let end = 1_000;
  const files = new PacedFiles(
    { start: () => 0, read: (_position, length) => Promise.resolve(length) },
    { end: () => end, now: () => 7, rest: (ms) => Promise.resolve(void rests.push(ms)) },
  );
  for (const next of [2_000, 500, 500, 3_000]) {
    end = next;
    await files.read(0, 9, new Uint8Array(9));
  }
  expect(rests).toEqual([12, 12]);
});
