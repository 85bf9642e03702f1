/** Repairs of a log's files, and ends of the process in the middle of them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RepairKeeper } from '../../engine/data/repair-keeper.js';
import { type Disk, NodeDisk } from '../../engine/disk/index.js';
import { segmentName } from '../../engine/log/index.js';
import { EpochHistory } from '../../engine/meta/index.js';
import type { RepairRange } from '../../engine/replica/repair-run.js';
import { randomOf, SimMaster, SPAN_BYTES } from '../replica/sim-log.js';

const SEGMENT_BYTES = 4 * SPAN_BYTES;
let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ringmq-repair-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** A log of some segments, and where its batches begin. */
function sample(): { bytes: Uint8Array; begins: number[] } {
  const master = new SimMaster(randomOf(5), 2 * SPAN_BYTES);
  master.open(1, 1_760_000_000_000);
  const begins: number[] = [];
  while (master.end < 3 * SEGMENT_BYTES) {
    begins.push(master.end);
    master.append();
  }
  return { bytes: master.bytes.slice(0, master.end), begins };
}

const { bytes: LOG, begins: BEGINS } = sample();

function writeLog(bytes: Uint8Array): void {
  rmSync(join(dataDir, 'log'), { recursive: true, force: true });
  mkdirSync(join(dataDir, 'log'), { recursive: true });
  for (let base = 0; base < bytes.length; base += SEGMENT_BYTES) {
    const segment = new Uint8Array(SEGMENT_BYTES);
    segment.set(bytes.subarray(base, base + SEGMENT_BYTES));
    writeFileSync(join(dataDir, 'log', segmentName(base)), segment);
  }
}

function readLog(): Uint8Array {
  const names = readdirSync(join(dataDir, 'log')).sort();
  return Buffer.concat(names.map((name) => readFileSync(join(dataDir, 'log', name)))).subarray(0, LOG.length);
}

interface Heard {
  repaired: number[];
  warnings: string[];
}

function keeper(
  disk: Disk,
  heard: Heard,
  given: {
    oldest?: number;
    hold?: false;
    found?: RepairRange[];
    readAgainUntil?: number;
    mayOpenAgain?: boolean;
  } = {},
): RepairKeeper {
  const epochs = new EpochHistory();
  epochs.add({ epoch: 1, position: 0, name: 'a', time: 0 });
  return new RepairKeeper(
    {
      disk,
      dataDir,
      segmentBytes: SEGMENT_BYTES,
      spanBytes: SPAN_BYTES,
      lastEpoch: () => 1,
      epochs: () => epochs,
      flushed: () => LOG.length,
      oldest: () => given.oldest ?? 0,
      hold: () => given.hold ?? (() => {}),
      isIndexed: () => given.found === undefined,
      onRepaired: ({ position }) => heard.repaired.push(position),
      readAgainUntil: given.readAgainUntil ?? -1,
      mayOpenAgain: () => given.mayOpenAgain ?? true,
      onStale: (isQuick) => heard.warnings.push(isQuick ? 'stale, quickly read' : 'stale'),
      warn: (message) => heard.warnings.push(message),
    },
    given.found ?? [],
  );
}

/** A disk whose process ends before its `last`th change; a write that it ends in is done by half. */
function endingDisk(last: number): Disk {
  const disk = new NodeDisk();
  let changes = 0;
  const changing = new Set(['create', 'truncate', 'write', 'fdatasync', 'fsyncDir', 'rename', 'unlink']);
  return new Proxy(disk, {
    get: (_, name: keyof Disk) => {
      const call = disk[name].bind(disk) as (...args: unknown[]) => unknown;
      return (...args: unknown[]): unknown => {
        if (changing.has(name) && ++changes === last) {
          if (name === 'write') {
            const [fd, bytes, at, length, position] = args as [number, Uint8Array, number, number, number];
            disk.write(fd, bytes, at, length >> 1, position);
          }
          throw new Error('the process has ended');
        }
        return call(...args);
      };
    },
  });
}

const FROM = BEGINS.findIndex((begin) => begin > SEGMENT_BYTES) + 3;
const [AT, END] = [BEGINS[FROM] as number, BEGINS[FROM + 3] as number];

function damaged(): Uint8Array {
  const bytes = LOG.slice();
  bytes.fill(0xc1, AT + 32, END - 64);
  return bytes;
}

it('wherever the process ends in it, the damage is noted or repaired, and the next one repairs the rest', () => {
  let isDone = false;
  for (let last = 1; !isDone; last++) {
    writeLog(damaged());
    rmSync(join(dataDir, 'repair'), { force: true });
    const heard: Heard = { repaired: [], warnings: [] };
    try {
      const first = keeper(endingDisk(last), heard);
      first.add(AT, 0);
      expect(first.next('b', LOG.length)).toMatchObject({ position: AT, bytes: END - AT });
      first.take(AT, LOG.slice(AT, END), 'b');
      first.note();
      isDone = true;
    } catch (error) {
      expect((error as Error).message).toBe('the process has ended');
    }
    const next = keeper(new NodeDisk(), heard);
    // Untouched, and met again by who met it; or known.
    if (Buffer.compare(readLog(), damaged()) === 0) {
      next.add(AT, 0);
    }
    const range = next.next('b', LOG.length);
    if (range !== null) {
      next.take(range.position, LOG.slice(range.position, range.position + range.bytes), 'b');
    }
    next.note();
    expect(Buffer.compare(readLog(), LOG)).toBe(0);
    expect(next.count).toBe(0);
    expect(readdirSync(dataDir)).toEqual(['log']);
    expect(heard.warnings).toEqual([]);
  }
});

it('is asked of each broker that has it, again after a while, and of none that lacks it', () => {
  writeLog(damaged());
  const heard: Heard = { repaired: [], warnings: [] };
  const one = keeper(new NodeDisk(), heard);
  one.add(AT, 0);
  // Whoever meets it again, or meets what is whole, adds nothing.
  one.add(AT, 0);
  one.add(AT + 64, 64);
  one.add(BEGINS[1] as number, 0);
  expect(one.count).toBe(1);
  expect(one.next('b', END - 64)).toBeNull();
  expect(one.next('b', END)).not.toBeNull();
  one.take(AT, new Uint8Array(0), 'b');
  expect(one.next('b', END)).toBeNull();
  expect(one.next('c', END)).not.toBeNull();
  // What another log has there, and what was damaged on its way.
  const other = LOG.slice(BEGINS[1] as number, BEGINS[2] as number);
  one.take(AT, other, 'c');
  expect(heard.warnings).toEqual([
    expect.stringContaining('cannot be repaired from what b has'),
    expect.stringContaining('cannot be repaired from what c has'),
  ]);
  expect(Buffer.compare(readLog(), damaged())).toBe(0);
  // The first of three batches alone, and then the rest.
  const second = BEGINS[FROM + 1] as number;
  one.take(AT, LOG.slice(AT, second), 'c');
  expect(one.next('c', END)).toMatchObject({ position: second, bytes: END - second });
  one.take(second, LOG.slice(second, END), 'c');
  expect(heard.repaired).toEqual([AT]);
  expect(Buffer.compare(readLog(), LOG)).toBe(0);
});

it('writes into no segment that retention takes', () => {
  writeLog(damaged());
  const heard: Heard = { repaired: [], warnings: [] };
  for (const given of [{ oldest: 2 * SEGMENT_BYTES }, { hold: false }] as const) {
    const one = keeper(new NodeDisk(), heard, given);
    one.add(AT, 0);
    one.next('b', END);
    one.take(AT, LOG.slice(AT, END), 'b');
    expect(Buffer.compare(readLog(), damaged())).toBe(0);
  }
  expect(heard).toEqual({ repaired: [], warnings: [] });
});

it('what a recovery had not read is made anew from once all is repaired that can be', () => {
  const bytes = damaged();
  const [other, otherEnd] = [BEGINS[1] as number, BEGINS[2] as number];
  bytes.fill(0xc1, other + 32, other + 64);
  writeLog(bytes);
  const heard: Heard = { repaired: [], warnings: [] };
  const isMissing = true;
  const found = [
    { position: other, bytes: otherEnd - other, isMissing },
    { position: AT, bytes: END - AT, isMissing },
  ];
  const one = keeper(new NodeDisk(), heard, { found });
  expect(one.next('b', END)).toMatchObject({ position: other });
  expect(one.next('b', END)).toMatchObject({ position: AT });
  one.take(AT, LOG.slice(AT, END), 'b');
  expect([heard.repaired, heard.warnings]).toEqual([[AT], []]);
  one.take(other, new Uint8Array(0), 'b');
  expect(heard.warnings).toEqual([expect.stringContaining('cannot be repaired'), 'stale']);
  expect(readdirSync(dataDir)).toContain('rebuild');
});

const FOUND = [{ position: AT, bytes: END - AT, isMissing: true }];

it('while it may be repaired no checkpoint passes it, so that reading on from the last one is enough', () => {
  writeLog(damaged());
  const heard: Heard = { repaired: [], warnings: [] };
  const one = keeper(new NodeDisk(), heard, { found: FOUND, readAgainUntil: LOG.length });
  expect([one.isAwaited, one.mayPass(LOG.length)]).toEqual([true, false]);
  one.next('b', END);
  one.take(AT, LOG.slice(AT, END), 'b');
  expect(heard).toEqual({ repaired: [AT], warnings: ['stale, quickly read'] });
  // Nor does the last one, of the close that follows.
  expect(one.mayPass(LOG.length + 64)).toBe(false);
  expect(readdirSync(dataDir)).not.toContain('rebuild');
});

it.each([
  ['the log grows too long', {}, true],
  ['it may not be opened again', { mayOpenAgain: false }, false],
] as const)('where %s meanwhile, all is made anew at the next start', (_, given, isLong) => {
  writeLog(damaged());
  const heard: Heard = { repaired: [], warnings: [] };
  const one = keeper(new NodeDisk(), heard, { found: FOUND, readAgainUntil: LOG.length, ...given });
  expect(one.mayPass(LOG.length)).toBe(false);
  if (isLong) {
    // With a part of it repaired already.
    const second = BEGINS[FROM + 1] as number;
    one.next('b', END);
    one.take(AT, LOG.slice(AT, second), 'b');
    expect(one.mayPass(LOG.length + 64)).toBe(true);
  }
  const [left] = [one.next('b', END)];
  one.take(left?.position ?? -1, LOG.slice(left?.position, END), 'b');
  expect(heard).toEqual({ repaired: [AT], warnings: ['stale'] });
  expect(one.mayPass(LOG.length)).toBe(true);
  expect(readdirSync(dataDir)).toContain('rebuild');
});

it('what nobody has is waited for no longer', () => {
  writeLog(damaged());
  const heard: Heard = { repaired: [], warnings: [] };
  const one = keeper(new NodeDisk(), heard, { found: FOUND, readAgainUntil: LOG.length });
  one.next('b', END);
  one.take(AT, new Uint8Array(0), 'b');
  expect([one.isAwaited, one.mayPass(LOG.length)]).toEqual([false, true]);
});
