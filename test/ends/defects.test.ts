/** A defect in a session reaches the log of who opened the broker, on whichever thread it is. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { RareTeller } from '../../native-free/listener/rare-teller.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';

const HOST = fileURLToPath(new URL('./faulty-host.js', import.meta.url));
const PRELOAD = new URL('./faulty-session.js', import.meta.url).href;

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

it('sessions of listener threads, embedded clients and attached threads tell of it', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    PRELOAD,
    HOST,
    `${directory}/data`,
  ]);
  const told = JSON.parse(stdout) as string[];
  expect(told).toEqual(
    Array.from({ length: 3 }, () =>
      expect.stringMatching(/^a session failed: a defect of the session \(at .+\); .+report it$/),
    ),
  );
});

it('of one kind a line a minute is said, with how many were left out', () => {
  const lines: string[] = [];
  let now = 1_000;
  const teller = new RareTeller(
    (line) => lines.push(line),
    () => now,
  );
  for (let i = 0; i < 5; i++) {
    teller.tell('a', `a${i}`);
  }
  teller.tell('b', 'b');
  now += 60_000;
  teller.tell('a', 'a again');
  for (let i = 0; i < 1_000; i++) {
    teller.tell(`kind ${i}`, 'flood');
  }
  expect(lines.slice(0, 3)).toEqual(['a0', 'b', 'a again (4 more like it since the last line)']);
  expect(lines.length).toBeLessThan(40);
});
