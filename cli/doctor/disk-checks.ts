/** The data directory and the disk it is on. Nothing is made but one file that is removed again. */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  openSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { lockOwner } from '../../engine/disk/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { type Finding, fail, ok, warn } from './finding.js';

const GIB = 1024 ** 3;
const LOW_BYTES = 10 * GIB;
const SYNCS = 50;
const SLOW_SYNC_MS = 10;
/** No disk that keeps what it was told is so fast: it is memory, or a cache that says yes at once. */
const UNLIKELY_SYNC_MS = 0.005;
/** A clock may be set by so much without anybody having done wrong. */
const CLOCK_SLACK_MS = 60_000;

export async function diskChecks(dataDir: string): Promise<Finding[]> {
  const directory = resolve(dataDir);
  const isThere = existsSync(directory);
  if (isThere && !statSync(directory).isDirectory()) {
    return [fail('data', `${directory} is no directory`, 'name another with --data')];
  }
  const nearest = existing(directory);
  try {
    accessSync(nearest, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch {
    return [
      fail('data', `${nearest} cannot be written by this user`, 'check who owns it and its permissions'),
    ];
  }
  const owner = isThere ? await lockOwner(directory) : undefined;
  const says =
    owner === undefined
      ? isThere
        ? 'is there, and no broker has it'
        : 'is made at the first start'
      : `process ${owner} has it open`;
  return [ok('data', `${directory} ${says}`), spaceOf(nearest), syncSpeed(nearest), clock(directory)];
}

/** The directory itself, or the nearest above it that is there. */
function existing(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existing(dirname(path));
}

function spaceOf(path: string): Finding {
  const { bavail, blocks, bsize } = statfsSync(path);
  const free = bavail * bsize;
  const says = `${(free / GIB).toFixed(1)} of ${((blocks * bsize) / GIB).toFixed(1)} GiB are free`;
  return free < LOW_BYTES
    ? warn('disk', says, 'set --retention-size below what is free, or give it a larger disk')
    : ok('disk', says);
}

/** What one `fdatasync` of 4 KiB takes: under sync flush no ack comes sooner. */
function syncSpeed(path: string): Finding {
  const file = join(path, `.ringmq-doctor-${process.pid}`);
  const times: number[] = [];
  try {
    const fd = openSync(file, 'wx');
    try {
      const block = Buffer.alloc(4096, 1);
      for (let i = 0; i < SYNCS; i++) {
        writeSync(fd, block, 0, block.length, (i % 8) * block.length);
        const startedAt = monotonicMs();
        fdatasyncSync(fd);
        times.push(monotonicMs() - startedAt);
      }
    } finally {
      closeSync(fd);
      unlinkSync(file);
    }
  } catch (error) {
    return fail('fsync', String(error instanceof Error ? error.message : error), 'check the disk');
  }
  times.sort((a, b) => a - b);
  const p50 = times[SYNCS >> 1] ?? 0;
  const says = `fdatasync takes ${p50.toFixed(3)} ms (p50), ${(times.at(-1) ?? 0).toFixed(3)} ms at most, of ${SYNCS}`;
  if (p50 < UNLIKELY_SYNC_MS) {
    return warn(
      'fsync',
      says,
      'this is memory, or a disk that says yes before it has written: a power cut takes what was acked',
    );
  }
  return p50 > SLOW_SYNC_MS
    ? warn('fsync', says, 'under sync flush no ack comes sooner: take a faster disk, or --flush async')
    : ok('fsync', says);
}

/** A directory that was written in what is now the future: the clock went back since. */
function clock(directory: string): Finding {
  const now = Date.now();
  const latest = ['LOCK', 'checkpoint', 'meta/node', 'meta/state', 'log']
    .map((name) => statSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? 0)
    .reduce((a, b) => Math.max(a, b), 0);
  const says = `it is ${new Date(now).toISOString()}`;
  return latest > now + CLOCK_SLACK_MS
    ? warn(
        'clock',
        `${says}, and the data directory was written at ${new Date(latest).toISOString()}`,
        'set the clock; time stamps and retention by time follow it',
      )
    : ok('clock', says);
}
