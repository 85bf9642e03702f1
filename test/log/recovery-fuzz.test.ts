/**
 * Recovery over arbitrary damage: it ends, reads nothing out of bounds (the simulated disk checks), and gives
 * up nothing that is good. The saved corpus (`test/corpus/recovery`) is damage of every kind, one case a
 * file, with the end and the damage that recovery must report.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { recoverLog } from '../../engine/log/index.js';
import { LogFilesView } from '../../engine/log/log-files-view.js';
import { LogScan } from '../../engine/log/log-scan.js';
import { fc, test } from '../properties.js';
import { LOG_DIR, type LogMachine, type Stamped } from '../simulation/log-machine.js';
import { Random } from '../simulation/random.js';
import { SimulatedDisk } from '../simulation/simulated-disk.js';
import {
  append,
  BATCH_BYTES,
  damage,
  makeMachine,
  positions,
  recover,
  SEGMENT,
  SPAN,
  segmentPath,
} from './log-setup.js';

const BATCHES = 40;
const END = BATCHES * BATCH_BYTES;

/** Overwrites, cuts and removals at any place of the log. */
const damages = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      at: fc.nat(END - 1),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
    }),
    fc.record({
      kind: fc.constant('copy' as const),
      at: fc.nat(END - 1),
      from: fc.nat(END - 1),
      length: fc.nat(700),
    }),
    fc.record({ kind: fc.constant('cut' as const), segment: fc.nat(2), bytes: fc.nat(SEGMENT) }),
    fc.record({ kind: fc.constant('remove' as const), segment: fc.nat(2) }),
  ),
  { minLength: 1, maxLength: 6 },
);
type DamageDone = typeof damages extends fc.Arbitrary<(infer T)[]> ? T : never;

function apply(machine: LogMachine, change: DamageDone): void {
  const { disk } = machine;
  const base = 'segment' in change ? change.segment * SEGMENT : change.at - (change.at % SEGMENT);
  const path = segmentPath(base);
  if (!disk.readdir(LOG_DIR).includes(path.slice(LOG_DIR.length + 1))) {
    return;
  }
  if (change.kind === 'remove') {
    disk.unlink(path);
  } else if (change.kind === 'cut') {
    const fd = disk.open(path, 'write');
    disk.truncate(fd, Math.min(change.bytes, disk.size(path)));
    disk.close(fd);
  } else {
    damage(machine, change.at, (bytes) => {
      if (change.kind === 'write') {
        bytes.set(change.bytes.subarray(0, bytes.length));
      } else {
        const from = change.from % Math.max(1, bytes.length);
        bytes.copyWithin(0, from, from + change.length);
      }
    });
  }
}

/** Damages a log of {@link BATCHES} batches, recovers it, and checks what must hold whatever the damage. */
function recoverFrom(changes: readonly DamageDone[], withCheckpoint: boolean): ReturnType<typeof recover> {
  const machine = makeMachine();
  append(machine, BATCHES);
  for (const change of changes) {
    apply(machine, change);
  }
  const flushed = withCheckpoint ? END : 0;
  const result = recover(machine, withCheckpoint ? { position: 0, flushed, epoch: 1 } : null);
  expect(result.endPosition).toBeGreaterThanOrEqual(flushed);
  expect(result.endPosition).toBeLessThanOrEqual(END);
  // Without a checkpoint nobody knows that there was anything before the first file.
  const start = withCheckpoint ? 0 : result.startPosition;
  const inLog = positions(machine.history).filter((at) => at >= start && at < result.endPosition);
  const whole = new Set(
    machine.history.filter((batch) => isWhole(machine, batch)).map((batch) => batch.position),
  );
  const shown = new Set(result.seen);
  expect(inLog.filter((at) => whole.has(at) && !shown.has(at))).toEqual([]);
  expect(result.seen.filter((at) => !whole.has(at))).toEqual([]);
  // Every batch in the log is either shown or lies in a stretch that is reported.
  const isReported = (at: number): boolean =>
    result.damage.some((part) => part.position <= at && at < part.position + part.bytes);
  expect(inLog.filter((at) => !shown.has(at) && !isReported(at))).toEqual([]);
  return result;
}

interface SavedCase {
  withCheckpoint: boolean;
  /** As {@link DamageDone}, with the bytes of a write in hexadecimal digits. */
  changes: (Exclude<DamageDone, { kind: 'write' }> | { kind: 'write'; at: number; hex: string })[];
  endPosition: number;
  damage: { position: number; bytes: number }[];
}

const CORPUS = new URL('../../../test/corpus/recovery/', import.meta.url);

describe('the saved corpus', () => {
  test.each(readdirSync(CORPUS).map((name) => [name]))('%s', (name) => {
    const saved = JSON.parse(readFileSync(new URL(name, CORPUS), 'utf8')) as SavedCase;
    const changes = saved.changes.map((change) =>
      change.kind === 'write'
        ? { ...change, bytes: Uint8Array.from(Buffer.from(change.hex, 'hex')) }
        : change,
    );
    const { endPosition, damage: found } = recoverFrom(changes, saved.withCheckpoint);
    expect(found.map(({ position, bytes }) => ({ position, bytes }))).toEqual(saved.damage);
    expect(endPosition).toBe(saved.endPosition);
  });
});

describe('recovery over arbitrary damage', () => {
  test.prop([damages, fc.boolean()], { numRuns: 400 })(
    'ends; shows every batch that is whole below the end; cuts nothing that is known to be flushed',
    (changes, withCheckpoint) => {
      recoverFrom(changes, withCheckpoint);
    },
  );

  test.prop([fc.array(fc.uint8Array({ maxLength: 4096 }), { maxLength: 3 }), fc.nat(20000), fc.nat(20000)])(
    'ends on files of any bytes, with any checkpoint',
    (files, position, more) => {
      const disk = new SimulatedDisk(new Random(1));
      disk.mkdir('data');
      disk.mkdir(LOG_DIR);
      for (const [i, bytes] of files.entries()) {
        const fd = disk.create(segmentPath(i * SEGMENT));
        disk.write(fd, bytes, 0, bytes.length, 0);
        disk.close(fd);
      }
      const start = position - (position % 64);
      const flushed = start + more - (more % 64);
      const options = {
        segmentBytes: SEGMENT,
        spanBytes: SPAN,
        checkpoint: { position: start, flushed, epoch: 1 },
      };
      const result = recoverLog(disk, LOG_DIR, options, () => {});
      expect(result.endPosition).toBe(flushed);
      expect(disk.openFiles).toBe(0);
    },
  );

  test.prop([fc.nat(END / 64 - 1)], { numRuns: 50 })('a walk may begin anywhere', (slot) => {
    const machine = makeMachine();
    append(machine, BATCHES);
    const view = new LogFilesView(machine.disk, LOG_DIR, SEGMENT);
    const result = new LogScan(view, SPAN).run({ position: slot * 64, flushed: END, epoch: 0 }, () => {});
    view.close();
    expect(result.endPosition).toBe(END);
    expect(result.damage).toHaveLength((slot * 64) % BATCH_BYTES === 0 ? 0 : 1);
  });
});

function isWhole(machine: LogMachine, batch: Stamped): boolean {
  const bytes = new Uint8Array(batch.bytes.length);
  const view = new LogFilesView(machine.disk, LOG_DIR, SEGMENT);
  view.read(batch.position, bytes, 0, bytes.length);
  view.close();
  return Buffer.compare(bytes, batch.bytes) === 0;
}
