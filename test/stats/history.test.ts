/** The last day of a broker: samples by the wall clock, rates by the monotonic one. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { HistoryRing, Sampler } from '../../engine/stats/index.js';
import {
  type BrokerStats,
  HISTORY_NAMES,
  HISTORY_SAMPLES,
  HISTORY_STEP_MS,
  type History,
  mergedHistory,
} from '../../native-free/wire/index.js';

const STEP = HISTORY_STEP_MS;
/** A whole number of steps since 1970. */
const DAY = 1_700_000_000_000;

/** A sampler whose clocks the test moves, of a broker that takes in a hundred messages a second. */
function sampled(): { sampler: Sampler; pass(wallMs: number, monotonicMs?: number): void; wall(): number } {
  let [wall, monotonic] = [DAY, 0];
  const stats = (): BrokerStats =>
    ({
      messagesIn: monotonic / 10,
      bytesIn: 0,
      messagesOut: 0,
      bytesOut: 0,
      requests: 0,
      connections: 3,
      backlog: null,
      diskFreeBytes: 1000,
      log: { unwrittenBytes: 0, writtenPosition: 50, startPosition: 10 },
      memory: { usedBytes: 0 },
      process: { rssBytes: 1, cpuMs: monotonic / 2 },
    }) as unknown as BrokerStats;
  const syncs = new Uint32Array(64);
  const sampler = new Sampler({
    stats,
    syncCounts: () => Uint32Array.from(syncs),
    replicas: () => [],
    warn: () => undefined,
    wallMs: () => wall,
    monotonicMs: () => monotonic,
  });
  sampler.take();
  return {
    sampler,
    wall: () => wall,
    pass(wallMs, monotonicMs = wallMs) {
      wall += wallMs;
      monotonic += monotonicMs;
      syncs[10] = (syncs[10] as number) + 1;
      sampler.take();
    },
  };
}

function read({ sampler, wall }: ReturnType<typeof sampled>, steps: number, points = steps): History {
  return sampler.ring.read(wall() - steps * STEP, wall() - 1, HISTORY_NAMES, points);
}

describe('a sampler', () => {
  it('has rates of what its monotonic clock has measured, and what is there as it is', () => {
    const clock = sampled();
    clock.pass(STEP);
    clock.pass(STEP);
    const { stepMs, from, series } = read(clock, 2);
    expect({ stepMs, from }).toEqual({ stepMs: STEP, from: DAY });
    expect(series).toMatchObject({
      messagesIn: [100, 100],
      connections: [3, 3],
      logBytes: [40, 40],
      diskFreeBytes: [1000, 1000],
      cpus: [0.5, 0.5],
      backlog: [null, null],
      replicaLagMs: [null, null],
    });
    expect(series.syncP99Ms?.every((ms) => ms !== null && ms > 0)).toBe(true);
  });

  it('leaves a gap where the machine slept or the clock was put forward, and no rate beyond what was', () => {
    const clock = sampled();
    clock.pass(STEP);
    // It slept: its monotonic clock stood still but for the step.
    clock.pass(6 * STEP, STEP);
    clock.pass(STEP);
    expect(read(clock, 8).series.messagesIn).toEqual([100, null, null, null, null, null, 100, 100]);
  });

  it('forgets what claims to be of times to come when the clock is put back', () => {
    const clock = sampled();
    for (let i = 0; i < 6; i++) {
      clock.pass(STEP);
    }
    clock.pass(-3 * STEP, STEP);
    // What comes after that moment is not known yet, though it was sampled.
    expect(clock.sampler.ring.read(DAY, DAY + 6 * STEP - 1, ['messagesIn'], 100).series.messagesIn).toEqual([
      100,
      100,
      100,
      null,
      null,
      null,
    ]);
    clock.pass(STEP);
    expect(read(clock, 4).series.messagesIn).toEqual([100, 100, 100, 100]);
  });

  it('keeps a day and no more, in memory of one size', () => {
    const clock = sampled();
    for (let i = 0; i < HISTORY_SAMPLES + 10; i++) {
      clock.pass(STEP);
    }
    const { series } = read(clock, HISTORY_SAMPLES + 10, HISTORY_SAMPLES);
    expect(series.messagesIn).toHaveLength(HISTORY_SAMPLES);
    expect(series.messagesIn?.every((rate) => Math.abs((rate as number) - 100) < 1e-6)).toBe(true);
  });

  it('joins samples where fewer points are asked for: rates by their mean, 99th percentiles by the highest', () => {
    const ring = new HistoryRing();
    const none = Object.fromEntries(HISTORY_NAMES.map((name) => [name, null]));
    for (let i = 0; i < 6; i++) {
      ring.put(i * STEP, { ...none, messagesIn: i, syncP99Ms: i, diskFreeBytes: 9 - i } as never);
    }
    expect(ring.read(0, 6 * STEP - 1, ['messagesIn', 'syncP99Ms', 'diskFreeBytes'], 2)).toEqual({
      stepMs: 3 * STEP,
      from: 0,
      series: { messagesIn: [1, 4], syncP99Ms: [2, 5], diskFreeBytes: [7, 4] },
    });
  });
});

it('the history of several sets is put together step by step', () => {
  const one: History = { stepMs: STEP, from: 0, series: { messagesIn: [1, null, 3], syncP99Ms: [1, 2, 3] } };
  const other: History = { stepMs: STEP, from: STEP, series: { messagesIn: [10, null], syncP99Ms: [1, 9] } };
  expect(mergedHistory([one, other])).toEqual({
    stepMs: STEP,
    from: 0,
    series: { messagesIn: [1, 10, 3], syncP99Ms: [1, 2, 9] },
  });
});

it('a broker tells its history, of the series that are asked for', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ringmq-history-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  await using broker = await openBroker({ dataDir, ringBytes: 2 ** 24, memoryRingBytes: 2 ** 25 });
  const admin = broker.client().admin();
  const all = await admin.history();
  expect(Object.keys(all.series).sort()).toEqual([...HISTORY_NAMES].sort());
  const end = new Date(DAY);
  const some = await admin.history({ from: DAY - 5 * STEP, to: end, names: ['bytesIn', 'connections'] });
  expect(some.series).toEqual({ bytesIn: Array(6).fill(null), connections: Array(6).fill(null) });
  await expect(admin.history({ names: ['nonsense' as never] })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  });
});
