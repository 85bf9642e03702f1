/** What may take the place of damage: what lay there, and nothing else. */
import { expect, it } from 'vitest';
import { soundBatches } from '../../engine/batch/sound-batches.js';
import { checkRun, type RepairPlace } from '../../engine/replica/repair-run.js';
import { RepairTalk } from '../../engine/replica/repair-talk.js';
import { makeFrame, REPLICA_FLAG_LAST, REPLICA_OPCODE } from '../../native-free/wire/index.js';
import { randomOf, SimMaster, SPAN_BYTES as SPAN } from './sim-log.js';

/** A log of two terms, and where its batches begin. */
function sample(time = 1_760_000_000_000): { bytes: Uint8Array; begins: number[]; end: number } {
  const master = new SimMaster(randomOf(3), 2 * SPAN);
  const begins: number[] = [];
  const step = (work: () => void): void => {
    begins.push(master.end);
    work();
  };
  step(() => master.open(1, time));
  for (let i = 0; i < 5; i++) {
    step(() => master.append());
  }
  step(() => master.open(2, 1_760_000_100_000));
  for (let i = 0; i < 5; i++) {
    step(() => master.append());
  }
  return { bytes: master.bytes.slice(0, master.end), begins, end: master.end };
}

function place(position: number, end: number, given: Partial<RepairPlace> = {}): RepairPlace {
  return { position, end, spanBytes: SPAN, leastEpoch: 1, mostEpoch: 2, headerAt: () => null, ...given };
}

it('takes what lay there, up to the end of the damage', () => {
  const { bytes, begins } = sample();
  const [from, to] = [begins[2] as number, begins[5] as number];
  const run = bytes.slice(from, to);
  expect(checkRun(run, place(from, to))).toMatchObject({ bytes: to - from, fault: null });
  expect(checkRun(run, place(from, to, { headerAt: (at) => bytes.subarray(at, at + 96) })).fault).toBeNull();
});

it('takes nothing that lies elsewhere, is damaged itself, reaches too far, or is of another term', () => {
  const { bytes, begins, end } = sample();
  const [from, to] = [begins[2] as number, begins[4] as number];
  const run = bytes.slice(from, to);
  const refused = (given: Uint8Array, where: RepairPlace): string => {
    const { bytes: taken, fault } = checkRun(given, where);
    expect(taken).toBe(0);
    return fault as string;
  };
  expect(refused(run, place(from + 64, to))).toContain('place');
  // In the length, in the rest of the header, and in the body.
  expect(to - from).toBeGreaterThan(256);
  for (const at of [0, 40, 96]) {
    const spoilt = run.slice();
    spoilt[at] = (spoilt[at] as number) ^ 1;
    expect(refused(spoilt, place(from, to))).toContain('checksum');
  }
  expect(refused(run.slice(0, 96), place(from, to))).toContain('longer');
  expect(refused(run, place(from, from + 64))).toContain('beyond the damage');
  expect(refused(run, place(from, to, { leastEpoch: 2 }))).toContain('epoch');
  const second = bytes.slice(begins[7] as number, end);
  expect(refused(second, place(begins[7] as number, end, { mostEpoch: 1 }))).toContain('epoch');
  // Another log has another batch there, with a header of its own.
  const [first, behind] = [begins[0] as number, begins[1] as number];
  const { bytes: other } = sample(1_760_000_000_001);
  const headerAt = (at: number): Uint8Array => bytes.subarray(at, at + 96);
  expect(refused(other.slice(first, behind), place(first, behind, { headerAt }))).toContain('another batch');
});

it('keeps the good ones before a bad one, and sends only whole sound ones', () => {
  const { bytes, begins, end } = sample();
  const from = begins[1] as number;
  const run = bytes.slice(from, end);
  const third = (begins[4] as number) - from;
  run[third + 100] = (run[third + 100] as number) ^ 1;
  expect(checkRun(run, place(from, end)).bytes).toBe(third);
  expect(soundBatches(run, from, end, SPAN)).toBe(third);
  const [first, second] = [(begins[2] as number) - from, (begins[3] as number) - from];
  expect(soundBatches(run, from, second, SPAN)).toBe(second);
  expect(soundBatches(run, from, second - 64, SPAN)).toBe(first);
  expect(soundBatches(run, from, 64, SPAN)).toBe(first);
});

it('asks one question at a time, puts the answer together, and hears nothing that was not asked for', async () => {
  const log = new Uint8Array(200_000).map((_, i) => i);
  const runs: [number, Uint8Array][] = [];
  const between: { a: Uint8Array[]; b: Uint8Array[] } = { a: [], b: [] };
  const deps = (line: Uint8Array[]) => ({
    send: (frame: Uint8Array) => void line.push(frame),
    answer: async (position: number, bytes: number) => log.slice(position, position + bytes),
    onRun: (position: number, run: Uint8Array) => void runs.push([position, run]),
    bufferedBytes: () => 0,
    maxBytes: 150_016,
  });
  const a = new RepairTalk(deps(between.a));
  const b = new RepairTalk(deps(between.b));
  expect([a.ask(64, 150_016), a.ask(64, 64)]).toEqual([true, false]);
  const question = between.a.shift() as Uint8Array;
  expect(b.onFrame(question)).toBeNull();
  expect(b.onFrame(question), 'a second one before the answer').toContain('before');
  await Promise.resolve();
  await Promise.resolve();
  const answer = between.b.splice(0);
  expect(answer.length).toBe(3);
  expect(a.onFrame(answer[1] as Uint8Array), 'out of order').toContain('instead of');
  const again = new RepairTalk(deps(between.a));
  again.ask(64, 150_016);
  for (const frame of answer) {
    expect(again.onFrame(frame)).toBeNull();
  }
  expect(runs).toEqual([[64, log.slice(64, 64 + 150_016)]]);
  const stray = makeFrame(REPLICA_OPCODE.bytes, 1, { flags: REPLICA_FLAG_LAST, value: 64 });
  expect(again.onFrame(stray)).toContain('nobody asked');
});

it('answers with nothing whoever does not read the answers', () => {
  const sent: Uint8Array[] = [];
  const talk = new RepairTalk({
    send: (frame) => void sent.push(frame),
    answer: async () => new Uint8Array(64),
    onRun: () => {},
    bufferedBytes: () => 5 * 1024 * 1024,
    maxBytes: 64,
  });
  const question = makeFrame(REPLICA_OPCODE.ask, 1, {
    value: 64,
    payload: Uint8Array.of(64, 0, 0, 0, 0, 0, 0, 0),
  });
  expect([talk.onFrame(question), talk.onFrame(question)]).toEqual([null, null]);
  expect(sent.map(({ length }) => length)).toEqual([16, 16]);
});
