/** A broker that is killed while it makes its key index finds, once it is opened again, all that was acked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { indexFiles, makeDirectory, openKeyed, removeDirectory, textsOf } from './keyed-broker.js';

const PROCESS = fileURLToPath(new URL('./indexing-process.js', import.meta.url));

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

/** Kills the process after `lines` lines. Resolves with how many messages were acked. */
async function killedAfter(lines: number): Promise<number> {
  const child = spawn(process.execPath, [PROCESS, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let acked = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acked = Number(line);
    if (++seen === lines) {
      child.kill('SIGKILL');
    }
  }
  await ended;
  return acked;
}

it('what was acked is found, whatever the kill left of the index', async () => {
  for (const lines of [1, 3, 2]) {
    const acked = await killedAfter(lines);
    const broker = await openKeyed(directory);
    try {
      for (const round of ['as it was left', 'made whole']) {
        for (const n of [0, 150, Math.floor(acked / 2), acked - 1]) {
          expect(await textsOf(broker.client, { topic: 'orders', key: `o-${n}` }), round).toEqual([`${n}`]);
        }
        const sevens = (await textsOf(broker.client, { topic: 'orders', key: 'c-7', limit: 500 })).map(
          Number,
        );
        const least = Array.from({ length: Math.floor(acked / 10) }, (_, i) => i * 10 + 7);
        expect(sevens.sort((a, b) => a - b).slice(0, least.length), round).toEqual(least);
        await broker.indexed();
      }
      expect(indexFiles(directory).every((name) => name.endsWith('.keys'))).toBe(true);
    } finally {
      await broker.close();
    }
  }
});
