import { expect, test } from 'vitest';
import { perfTestIntervals, steadyFigure } from '../../bench/peers/perf-test-output.js';

const PRINTED = `id: test-233449-199, starting producer #0
id: test-233449-199, time 1.002 s, sent: 15806 msg/s, confirmed: 11988 msg/s, nacked: 0 msg/s, min/median/75th/95th/99th confirm latency: 32599/192622/256289/320901/353869 µs
id: test-233449-199, time 2.000 s, sent: 20535 msg/s, confirmed: 20641 msg/s, nacked: 0 msg/s, min/median/75th/95th/99th confirm latency: 35889/201541/224103/257995/280023 µs
id: test-233449-199, time 3.001 s, sent: 35672 msg/s, confirmed: 35600 msg/s, nacked: 0 msg/s, min/median/75th/95th/99th confirm latency: 35923/101113/111174/141479/149875 µs
id: test-233449-199, time 4.000 s, sent: 34790 msg/s, confirmed: 35235 msg/s, nacked: 0 msg/s, min/median/75th/95th/99th confirm latency: 52159/102070/120980/164224/170277 µs
test stopped (Reached time limit)
id: test-233449-199, sending rate avg: 29355 msg/s
id: test-233449-199, receiving rate avg: 0 msg/s
id: test-233449-199, confirm latency min/median/75th/95th/99th 36009/105072/122663/219912/265653 µs
`;

test('PerfTest: a second a line, with the latency of its confirms', () => {
  const intervals = perfTestIntervals(PRINTED, 'confirmed');
  expect(intervals.map(({ perSecond }) => perSecond)).toEqual([11_988, 20_641, 35_600, 35_235]);
  expect(intervals[2]).toEqual({ perSecond: 35_600, p50Ms: 101.113, p99Ms: 149.875 });
});

test('the warm-up and the last second are left out', () => {
  const figure = steadyFigure(perfTestIntervals(PRINTED, 'confirmed'), 1);
  expect(figure).toEqual({ messagesPerSecond: (20_641 + 35_600) / 2, p50Ms: 201.541, p99Ms: 280.023 });
});

test('nothing measured is an error', () => {
  expect(() => steadyFigure(perfTestIntervals(PRINTED, 'received'), 1)).toThrow(/no rate/);
});
