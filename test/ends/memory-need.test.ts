/** What a broker needs of memory is said at the start where there is less. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cachedBytes } from '../../broker/cgroup-cache.js';
import {
  memoryShortage,
  memoryThere,
  neededBytes,
  unendedBytes,
  unendedShortage,
} from '../../broker/memory-need.js';
import { resolveEngineOptions } from '../../engine/options.js';
import { makeDirectory, removeDirectory, withBroker } from '../faults/small-broker.js';

const MIB = 1024 * 1024;

it('a default broker with one listener thread needs about 300 MiB, and each option counts', () => {
  const options = resolveEngineOptions();
  const needed = neededBytes(options, 1);
  expect(needed / MIB).toBeGreaterThan(270);
  expect(needed / MIB).toBeLessThan(330);
  expect(neededBytes(options, 4)).toBeGreaterThan(needed);
  expect(neededBytes({ ...options, ringBytes: 2 * options.ringBytes }, 1) - needed).toBeGreaterThan(64 * MIB);
});

it('a container of 256 MiB is too small for it, one of 512 MiB that is nearly full as well', () => {
  const needed = neededBytes(resolveEngineOptions(), 1);
  expect(memoryShortage(needed, { limitBytes: 256 * MIB, availableBytes: 250 * MIB })).toMatch(
    /about 289 MiB, and its container or machine has 256 MiB: .+; give it more, or lower ringBytes/,
  );
  expect(memoryShortage(needed, { limitBytes: 512 * MIB, availableBytes: 100 * MIB })).toMatch(
    /of the 512 MiB of its container or machine 100 MiB are left/,
  );
  expect(memoryShortage(needed, { limitBytes: 512 * MIB, availableBytes: 500 * MIB })).toBeNull();
});

it('what strangers may make a native listener hold is said where it is more than there is', () => {
  expect(unendedBytes(1) / MIB).toBe(4.1875);
  expect(unendedShortage(500, { availableBytes: 2_200 * MIB })).toBeNull();
  expect(unendedShortage(10_000, { availableBytes: 2_200 * MIB })).toMatch(
    /^whoever reaches this listener can make it hold 41875 MiB for a minute.+, to 525 or less, or take --listener ws/,
  );
});

it.each([
  ['version 2', '0::/pod/broker\n', 'pod/broker', ''],
  ['version 2, in the container', '0::/\n', '', ''],
  ['version 1', '5:devices:/\n4:memory:/docker/1f\n0::/\n', 'memory/docker/1f', 'total_'],
  ['version 1, in the container', '3:cpu,memory:/docker/1f\n', 'memory', 'total_'],
])(
  'what a container keeps of files is there for the broker (control groups of %s)',
  (_which, groups, place, prefix) => {
    const root = makeDirectory();
    mkdirSync(`${root}/proc/self`, { recursive: true });
    writeFileSync(`${root}/proc/self/cgroup`, groups);
    expect(cachedBytes(root)).toBe(0);
    mkdirSync(`${root}/sys/fs/cgroup/${place}`, { recursive: true });
    const rows = {
      cache: 9,
      inactive_anon: 500,
      inactive_file: 526,
      active_file: 58,
      file_dirty: 4,
      dirty: 0,
    };
    const own = Object.entries(rows).map(([name, count]) => `${name} ${prefix === '' ? count : 1}\n`);
    const total =
      prefix === '' ? [] : Object.entries(rows).map(([name, count]) => `${prefix}${name} ${count}\n`);
    writeFileSync(`${root}/sys/fs/cgroup/${place}/memory.stat`, [...own, ...total].join(''));
    expect(cachedBytes(root)).toBe(580);
    removeDirectory(root);
  },
);

it('here there is enough for a small one, and nothing is said', async () => {
  const { limitBytes, availableBytes } = memoryThere();
  expect(limitBytes).toBeGreaterThan(0);
  expect(availableBytes).toBeLessThanOrEqual(limitBytes);
  const directory = makeDirectory();
  await withBroker(directory, async ({ warnings }) => expect(warnings).toEqual([]));
  removeDirectory(directory);
});

it('clients of the process that are made for each request and never closed are told of, once', async () => {
  const directory = makeDirectory();
  await withBroker(directory, async ({ broker, warnings }) => {
    for (let i = 0; i < 2_000; i++) {
      await broker.client().close();
    }
    expect(warnings).toEqual([]);
    const clients = Array.from({ length: 1_100 }, () => broker.client());
    expect(warnings).toMatchObject([{ message: expect.stringMatching(/1000 clients of its broker open/) }]);
    await Promise.all(clients.map((client) => client.close()));
  });
  removeDirectory(directory);
});
