/**
 * Thousands of short lives of a log, each by its seed: batches come and are written in any order of steps,
 * the process is killed or the power is cut at any call, the log is recovered, and what comes back must be
 * exactly a beginning of what was stamped, with everything acked in it. RINGMQ_SEED=n replays one.
 */
import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../engine/log/index.js';
import { BATCH, BATCH_HEADER_BYTES, BATCH_TYPE } from '../../native-free/wire/index.js';
import { LogMachine, type MachineOptions, type Stamped } from './log-machine.js';
import { type Random, seeds, withSeed } from './random.js';
import { SimulatedCrash, SimulatedDisk } from './simulated-disk.js';

const SEEDS = 3000;
const ACTIONS = 120;

function randomOptions(random: Random): MachineOptions {
  const spanBytes = random.pick([1024, 2048, 4096]);
  return {
    spanBytes,
    ringBytes: spanBytes * random.pick([2, 4, 8]),
    segmentBytes: spanBytes * random.pick([1, 2, 4]),
    retentionBytes: random.pick([0, 0, spanBytes * 8]),
    retentionMs: 0,
    stage: {
      flush: random.pick(['sync', 'async']),
      flushIntervalMs: 50,
      flushBytes: spanBytes * random.pick([1, 4]),
      zeroAheadBytes: random.pick([0, 2048, 65536]),
      minFreeBytes: 0,
    },
  };
}

/** Watermarks that acks rest on, in bytes. */
interface Acked {
  written: number;
  flushed: number;
}

/** `bodyBytes`: size of every body, so that batches of different lives begin at the same places; 0 = any. */
function act(machine: LogMachine, random: Random, bodyBytes: number): void {
  const { spanBytes } = machine.options;
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const kind = random.pick(['plain', 'plain', 'control', 'sync', 'abort'] as const);
      const anySize = random.below(random.chance(0.8) ? 200 : spanBytes - 96);
      machine.produce(bodyBytes > 0 ? bodyBytes : anySize, kind);
      if (random.chance(0.8)) {
        machine.index();
      }
      break;
    }
    case 4:
      machine.index();
      break;
    case 5:
    case 6:
    case 7:
      machine.stage.step();
      break;
    case 8:
      machine.inline.stepInline();
      break;
    case 9:
      machine.now += random.pick([1, 20, 100, 2000]);
      break;
    case 10:
      if (random.chance(0.3)) {
        machine.writeCheckpoint();
      }
      machine.retention.step();
      break;
    default:
      readBack(machine, random);
  }
}

/** Whatever is written can be read from the files, unless retention has taken it. */
function readBack(machine: LogMachine, random: Random): void {
  if (machine.history.length === 0) {
    return;
  }
  const batch = random.pick(machine.history);
  if (batch.end > machine.written()) {
    return;
  }
  const target = new Uint8Array(batch.bytes.length);
  const read = machine.reader.read(batch.position, target.length, target, 0);
  if (read === 0 && batch.position < (machine.files.bases[0] as number)) {
    return;
  }
  mustEqual(read, target.length, `bytes read at ${batch.position}`);
  mustBeSame(target, batch);
}

/** Plain checks: vitest's cost more than the whole simulation. */
function mustEqual(is: number, shouldBe: number, what: string): void {
  if (is !== shouldBe) {
    throw new Error(`${what}: ${is}, not ${shouldBe}`);
  }
}

function mustBeSame(bytes: Uint8Array, batch: Stamped): void {
  const stamped = batch.bytes.subarray(0, bytes.length);
  mustEqual(Buffer.compare(bytes, stamped), 0, `bytes of the batch at ${batch.position} differ`);
}

/** Opens again and compares. Returns the end. */
function reopen(machine: LogMachine, acked: number): number {
  const from = machine.checkpoint()?.position ?? 0;
  const visited: { position: number; header: Uint8Array; control: Uint8Array | null }[] = [];
  const recovery = machine.open((header, position, bodyIsDamaged, control) => {
    mustEqual(Number(bodyIsDamaged), 0, `body damage at ${position}`);
    visited.push({ position, header: header.slice(), control: control?.slice() ?? null });
  });
  expect(recovery.damage).toEqual([]);
  const end = recovery.endPosition;
  if (end < acked) {
    throw new Error(`the log ends at ${end}, and ${acked} was acked`);
  }
  const kept = machine.history.filter((batch) => batch.end <= end);
  const last = kept.at(-1);
  if (last !== undefined && end > from) {
    mustEqual(end, last.end, 'the end of the log');
  }
  machine.history = kept;
  const data = kept.filter((batch) => !batch.isPad && batch.position >= from);
  mustEqual(visited.length, data.length, 'batches recovered');
  for (const [i, batch] of data.entries()) {
    const { position, header, control } = visited[i] as (typeof visited)[0];
    mustEqual(position, batch.position, 'position of a batch');
    mustBeSame(header, batch);
    const isControl = batch.bytes[BATCH.type] === BATCH_TYPE.control;
    mustEqual(Number(control !== null), Number(isControl), 'a control batch shown as one');
    if (control !== null) {
      mustEqual(Buffer.compare(control, batch.bytes.subarray(BATCH_HEADER_BYTES)), 0, 'its body');
    }
    const target = new Uint8Array(batch.bytes.length);
    mustEqual(
      machine.reader.read(position, target.length, target, 0),
      target.length,
      `bytes read at ${position}`,
    );
    mustBeSame(target, batch);
  }
  return recovery.endPosition;
}

/** Where the disk said that all is over; empty: it did not. */
function untilCrash(run: () => void): string {
  try {
    run();
    return '';
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) {
      throw error;
    }
    return error.message;
  }
}

function live(random: Random): void {
  const disk = new SimulatedDisk(random);
  const machine = new LogMachine(disk, randomOptions(random));
  if (random.chance(0.3)) {
    // Int32 slots wrap at 2^37 bytes, eras change at 2^36.
    const start = random.pick([2 ** 36, 2 ** 37]) - machine.options.segmentBytes * random.below(8);
    writeCheckpoint(disk, 'data', { position: start, flushed: start, epoch: 0, derived: {} });
  }
  const acked: Acked = { written: 0, flushed: 0 };
  const bodyBytes = random.pick([0, 0, 30, 400]);
  machine.open();
  for (let lifetime = 0; lifetime < 5; lifetime++) {
    const died = untilCrash(() => {
      if (random.chance(0.7)) {
        disk.crashAfterCalls = 1 + random.below(80);
      }
      for (let i = random.below(ACTIONS); i >= 0; i--) {
        act(machine, random, bodyBytes);
        acked.written = machine.written();
        acked.flushed = machine.flushed();
      }
    });
    const powerCut = random.chance(0.6);
    const die = (): void => (powerCut ? disk.cutPower() : disk.kill());
    die();
    // A crash while recovery itself is at work must change nothing.
    if (random.chance(0.2)) {
      untilCrash(() => {
        disk.crashAfterCalls = 1 + random.below(8);
        machine.open();
      });
      die();
    }
    const survived = powerCut ? acked.flushed : acked.written;
    try {
      const end = reopen(machine, survived);
      acked.written = end;
      acked.flushed = end;
    } catch (error) {
      throw new Error(
        `life ${lifetime}, ${powerCut ? 'power cut' : 'kill'} ${died}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }
}

describe('a log that dies at any moment', () => {
  it(`comes back with all that was acked, and nothing else, ${SEEDS} times`, { timeout: 600_000 }, () => {
    for (const seed of seeds(SEEDS)) {
      withSeed(seed, live);
    }
  });
});
