import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseHgrm } from '../../bench/report/hgrm.js';
import { renderHtml } from '../../bench/report/html.js';
import { type Inputs, readInputs } from '../../bench/report/inputs.js';
import { renderMarkdown } from '../../bench/report/markdown.js';
import { makeReport } from '../../bench/report/model.js';
import { percentilePlots, queuePlots, queuesOf } from '../../bench/report/plots.js';
import { targetLines } from '../../bench/report/targets.js';
import { workloadTitle } from '../../bench/report/workloads.js';
import { sampleSuite, writeSample } from './sample-results.js';

let directory: string;
let inputs: Inputs;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ringmq-report-'));
  writeSample(directory);
  inputs = readInputs([directory]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const NOTHING: Inputs = { sources: [], suites: [], loads: [], limits: [], embedded: [], passedOver: [] };

/** A run with these made-up rates at 100 B in the page cache. */
function runOf(date: string, rates: Record<string, number>): Inputs['suites'][number] {
  const [suite] = inputs.suites;
  if (suite === undefined) {
    throw new Error('there is no sample');
  }
  return {
    environment: { ...suite.environment, date },
    unavailable: {},
    failures: [],
    results: Object.entries(rates).map(([system, messagesPerSecond]) => ({
      system,
      version: '0-sample',
      workload: 'max-rate-100b',
      durability: 'page-cache',
      api: system === 'ringmq' ? 'write' : 'its tool',
      messagesPerSecond,
      p50Ms: null,
      p99Ms: null,
    })),
  };
}

describe('inputs', () => {
  it('are told apart by their fields', () => {
    expect(inputs.suites).toHaveLength(1);
    expect(inputs.loads).toHaveLength(8);
    expect(inputs.limits).toHaveLength(1);
    expect(inputs.embedded).toHaveLength(1);
    expect(inputs.loads[0]?.distributions.map(({ part }) => part)).toEqual(['end-to-end', 'send']);
  });

  it('that are something else are named, and broken ones refused by field', () => {
    const other = join(directory, 'other.json');
    writeFileSync(other, '{"something": "else"}');
    expect(readInputs([other]).passedOver).toEqual(['other.json']);
    writeFileSync(other, JSON.stringify({ ...(sampleSuite() as object), results: [{ system: 'kafka' }] }));
    expect(() => readInputs([other])).toThrow(/other\.json.*messagesPerSecond/s);
    rmSync(other);
  });
});

describe('a .hgrm file', () => {
  it('gives its lines but the last one, and no comment', () => {
    const text = [
      '       Value     Percentile TotalCount 1/(1-Percentile)',
      '',
      '       0.273 0.000000000000          1           1.00',
      '       6.259 0.999877929688       8000        8192.00',
      '       6.300 1.000000000000       8000',
      '#[Mean    =        0.517, StdDeviation   =        0.278]',
    ].join('\n');
    expect(parseHgrm(text)).toEqual([
      { ms: 0.273, percentile: 0 },
      { ms: 6.259, percentile: 0.999877929688 },
    ]);
  });
});

describe('targets', () => {
  const first = (suites: Inputs['suites']) => targetLines({ ...NOTHING, suites })[0];

  it('take the best rival of the same run, and no ceiling', () => {
    const line = first([runOf('2000-01-01', { ringmq: 3_000, kafka: 900, redis: 1_000, zeromq: 9_000 })]);
    expect(line).toMatchObject({ against: 'Redis Streams', ratio: 3, state: 'reached' });
  });

  it('never compare figures of two runs', () => {
    const line = first([runOf('2000-01-02', { ringmq: 3_000 }), runOf('2000-01-01', { kafka: 100 })]);
    expect(line).toMatchObject({ ringmq: '3.00 k/s', ratio: null, state: 'not measured' });
  });

  it('are missed by a hair', () => {
    expect(first([runOf('2000-01-01', { ringmq: 2_999, kafka: 1_000 })])?.state).toBe('missed');
  });

  it('of latency want a system that keeps up', () => {
    const load = inputs.loads.find(({ system, workload }) => system === 'kafka' && workload.rate === 10_000);
    const own = inputs.loads.find(({ system, workload }) => system === 'ringmq' && workload.rate === 10_000);
    if (load === undefined || own === undefined) {
      throw new Error('there is no sample');
    }
    const late = { ...load, window: { ...load.window, ackedPerSecond: 5_000 } };
    const line = (loads: Inputs['loads']) =>
      targetLines({ ...NOTHING, loads }).find(({ work }) => work.startsWith('p99 end to end at 10,000'));
    expect(line([own, load])).toMatchObject({ against: 'Apache Kafka', state: 'reached' });
    expect(line([own, late])?.state).toBe('not measured');
  });

  it('are all there when nothing was measured', () => {
    const lines = targetLines(NOTHING);
    expect(lines.length).toBeGreaterThan(15);
    expect(lines.every(({ state }) => state === 'not measured')).toBe(true);
  });
});

describe('plots', () => {
  it('know the number of queues by a load run or by the name', () => {
    expect(queuesOf('max-rate-16-topics-16-queues-1kib', [])).toEqual({ queues: 256, size: 1024 });
    expect(queuesOf('max-rate-10000-queues-100b', [])).toEqual({ queues: 10_000, size: 100 });
    expect(queuesOf('max-rate-100b', [])).toBeNull();
  });

  it('have points in the order of x, none that a logarithmic axis cannot show', () => {
    const runs = inputs.suites;
    const plots = [...percentilePlots(inputs.loads, runs), ...queuePlots(inputs.loads, runs)];
    expect(plots.length).toBeGreaterThan(2);
    for (const { series, x, y } of plots) {
      for (const { points } of series) {
        const xs = points.map(([value]) => value);
        expect(xs).toEqual([...xs].sort((a, b) => a - b));
        if (x.scale !== 'linear') {
          expect(Math.min(...xs)).toBeGreaterThan(0);
        }
        if (y.scale !== 'linear') {
          expect(Math.min(...points.map(([, value]) => value))).toBeGreaterThan(0);
        }
      }
    }
  });
});

describe('the pages', () => {
  it('say in words what a workload is', () => {
    expect(workloadTitle('max-rate-100b')).toBe('maximum rate, 100 B');
    expect(workloadTitle('max-rate-1-topic-16-queues-1kib')).toBe('maximum rate, 1 topic × 16 queues, 1 KiB');
    expect(workloadTitle('64-producers-one-a-request')).toBe('64 producers, one message a request');
    expect(workloadTitle('something-else')).toBe('something else');
  });

  it('name what gave no figure, with the reason', () => {
    const text = renderMarkdown(makeReport(inputs), 'npm run bench:report');
    expect(text).toMatch(
      /Apache Kafka \| drain-100b, .*round 2 \| a made-up reason: it did not end within its time/,
    );
  });

  it('have whole tables in Markdown', () => {
    const text = renderMarkdown(makeReport(inputs), 'npm run bench:report');
    expect(text).toContain('Producer, broker and consumer share two cores');
    expect(text).toContain('Generated by `npm run bench:report`');
    for (const table of text
      .trimEnd()
      .split('\n\n')
      .filter((part) => part.startsWith('|'))) {
      const widths = table.split('\n').map((line) => line.replaceAll('\\|', '').split('|').length);
      expect(new Set(widths).size).toBe(1);
    }
    expect(text).toContain('`a made-up command --workload max-rate-100b \\| with a pipe`');
    expect(text).toContain('&lt;not> in any registry');
  });

  it('are one file in HTML that fetches nothing and ends no script early', () => {
    const page = renderHtml(makeReport(inputs));
    expect(page).not.toMatch(/<(script|link|img)[^>]+(src|href)="(?!data:)/);
    expect(page).not.toMatch(/url\((?!data:)/);
    expect(page.match(/<script/g)).toHaveLength(3);
    expect(page.match(/<\/script>/g)).toHaveLength(3);
    expect(page).toContain('share two cores');
  });

  it('can be made of nothing but one kind', () => {
    for (const only of [
      { ...NOTHING, limits: inputs.limits },
      { ...NOTHING, loads: inputs.loads },
      { ...NOTHING, suites: inputs.suites },
    ]) {
      expect(renderHtml(makeReport(only)).length).toBeGreaterThan(10_000);
      expect(renderMarkdown(makeReport(only), 'x').length).toBeGreaterThan(1_000);
    }
  });
});
