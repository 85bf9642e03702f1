/**
 * An opening that fails half way, and a close of which a part fails, leave nothing behind: no thread that
 * writes, no open file, no lock.
 */
import { mkdirSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  failureOf,
  makeDirectory,
  openSmall,
  removeDirectory,
  sendNumbers,
  withBroker,
} from './small-broker.js';

let directory: string;

beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

/** Files below the directory that this process has open. */
function openFiles(dataDir: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(dataDir) ? [path] : [];
    } catch {
      return [];
    }
  });
}

it('when the opening fails after its threads have begun', async () => {
  const dataDir = `${directory}/opening`;
  await withBroker(dataDir, async ({ client }) => {
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await sendNumbers(client, 't', 0, 10);
  });
  // Read when the log is open and the persist worker runs.
  rmSync(`${dataDir}/meta/held`, { force: true });
  mkdirSync(`${dataDir}/meta/held`);
  await failureOf(openSmall(dataDir));
  expect(openFiles(dataDir)).toEqual([]);
  rmSync(`${dataDir}/meta/held`, { recursive: true });
  await withBroker(dataDir, async ({ client }) => {
    expect((await client.admin().describeTopic('t')).queueStates[0]?.maxOffset).toBe(10);
  });
});

it('when the last checkpoint of a close cannot be written', async () => {
  const dataDir = `${directory}/closing`;
  const { client, close } = await openSmall(dataDir);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await sendNumbers(client, 't', 0, 10);
  rmSync(`${dataDir}/meta/state`, { force: true });
  mkdirSync(`${dataDir}/meta/state/in-the-way`, { recursive: true });
  // Whether it is an error or a warning: the rest is done all the same.
  await close().catch(() => {});
  expect(openFiles(dataDir)).toEqual([]);
  rmSync(`${dataDir}/meta/state`, { recursive: true });
  await withBroker(dataDir, async ({ client: again }) => {
    expect((await again.admin().describeTopic('t')).queueStates[0]?.maxOffset).toBe(10);
  });
});
