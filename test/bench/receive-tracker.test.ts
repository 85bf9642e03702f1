import { describe, expect, test } from 'vitest';
import { BodyReader, BodyWriter, CHECK } from '../../bench/load/body-layout.js';
import { COUNTER, makeCounters } from '../../bench/load/counters.js';
import { LatencyRecorder } from '../../bench/load/latency.js';
import { NumberSet, ReceiveTracker } from '../../bench/load/receive-tracker.js';
import { tally } from '../../bench/load/tally.js';
import type { ThreadResult } from '../../bench/load/thread-protocol.js';
import { fc, test as propertyTest } from '../properties.js';

const RUN = 77;
const EPOCH_MS = 1_000_000;

function bodyOf(producer: number, number: number, intendedMs: number, sizeBytes = 100): Uint8Array {
  const writer = new BodyWriter(RUN, producer, sizeBytes, EPOCH_MS);
  const body = writer.make();
  writer.stamp(body, number, intendedMs);
  return body;
}

function makeTracker() {
  const record = {
    endToEnd: new LatencyRecorder(),
    counters: makeCounters(),
    measureFromMs: EPOCH_MS,
    measureToMs: EPOCH_MS + 1000,
  };
  return { record, tracker: new ReceiveTracker(new BodyReader(RUN, 100, EPOCH_MS, 1), record) };
}

describe('bodies', () => {
  propertyTest.prop([
    fc.integer({ min: 0, max: 65_535 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.integer({ min: 0, max: 2 ** 42 }),
    fc.integer({ min: 16, max: 200 }),
  ])('carry producer, number and time', (producer, number, us, sizeBytes) => {
    const reader = new BodyReader(RUN, sizeBytes, EPOCH_MS, 1);
    const body = bodyOf(producer, number, EPOCH_MS + us / 1000, sizeBytes);
    expect(reader.read(body)).toBe(CHECK.whole);
    expect([reader.producer, reader.number]).toEqual([producer, number]);
    expect(reader.intendedMs - EPOCH_MS).toBeCloseTo(us / 1000, 2);
  });

  test('show every byte that changed after the stamp, and another length', () => {
    const reader = new BodyReader(RUN, 100, EPOCH_MS, 1);
    for (let at = 16; at < 100; at++) {
      const body = bodyOf(1, 2, EPOCH_MS);
      body[at] = (body[at] as number) ^ 1;
      expect(reader.read(body)).toBe(CHECK.damaged);
    }
    expect(reader.read(bodyOf(1, 2, EPOCH_MS).subarray(0, 99))).toBe(CHECK.damaged);
    expect(reader.read(new Uint8Array(100))).toBe(CHECK.foreign);
    expect(reader.read(new Uint8Array(3))).toBe(CHECK.foreign);
  });
});

describe('what was received', () => {
  test('is counted once, timed when it was meant for the measured time', () => {
    const { record, tracker } = makeTracker();
    tracker.onBody(bodyOf(0, 0, EPOCH_MS + 10), EPOCH_MS + 15);
    tracker.onBody(bodyOf(0, 0, EPOCH_MS + 10), EPOCH_MS + 16);
    tracker.onBody(bodyOf(0, 1, EPOCH_MS + 1000), EPOCH_MS + 2000);
    tracker.onBody(bodyOf(0, 2, EPOCH_MS).subarray(1), EPOCH_MS + 2000);
    expect(record.counters[COUNTER.received]).toBe(2);
    expect(tracker).toMatchObject({ duplicates: 1, damaged: 0, foreign: 1 });
    expect(record.endToEnd.figures()).toMatchObject({ count: 1 });
    expect(record.endToEnd.figures()?.max).toBeCloseTo(5, 1);
  });

  propertyTest.prop([fc.array(fc.nat(100_000)), fc.array(fc.nat(100_000))])(
    'by two threads adds up as sets do',
    (ones, others) => {
      const set = new NumberSet();
      const other = new NumberSet();
      for (const number of ones) {
        set.add(number);
      }
      for (const number of others) {
        other.add(number);
      }
      const twice = set.merge(other.words);
      expect(set.count).toBe(new Set([...ones, ...others]).size);
      expect(twice).toBe([...new Set(ones)].filter((number) => others.includes(number)).length);
    },
  );

  test('and was acked, but did not come, is lost; to each subscription', () => {
    const first = new NumberSet();
    for (const number of [0, 1, 2, 4]) {
      first.add(number);
    }
    const second = new NumberSet();
    for (const number of [2, 3]) {
      second.add(number);
    }
    const empty: ThreadResult = {
      sendFromActual: '',
      sendFromIntended: '',
      endToEnd: '',
      sentBy: [],
      seen: [],
      duplicates: 0,
      damaged: 0,
      foreign: 0,
      errors: [],
    };
    const results: ThreadResult[] = [
      {
        ...empty,
        sentBy: [{ producer: 0, sent: 6, failed: 1 }],
        seen: [{ subscription: 0, producer: 0, words: first.words }],
      },
      { ...empty, duplicates: 2, seen: [{ subscription: 0, producer: 0, words: second.words }] },
      { ...empty, errors: ['x'] },
    ];
    expect(tally(results, 1).counts).toMatchObject({ sent: 6, acked: 5, failed: 1, received: 5, lost: 0 });
    expect(tally(results, 1).counts.duplicates).toBe(3);
    expect(tally(results, 2).counts).toMatchObject({ received: 5, lost: 5 });
    expect(tally(results, 1).errors).toEqual(['x']);
  });
});
