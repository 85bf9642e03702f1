/** What Prometheus reads, to the letter. */
import { expect, it } from 'vitest';
import { MetricsText } from '../../transport/http/metrics-text.js';

it('says each metric once, with its samples, and escapes what would end a label or a line', () => {
  const text = new MetricsText({ broker: 'a "b"\n\\c' });
  const lag = text.metric('gauge', 'lag', 'What is\nleft \\ "so"');
  lag.add(3, { group: 'g', topic: 'o/1' });
  lag.add(Number.NaN, { group: 'h' });
  text.metric('counter', 'all_total', 'All').add(1.5);
  text.metric('counter', 'none_total', 'None');
  const broker = String.raw`broker="a \"b\"\n\\c"`;
  expect(text.toString()).toBe(
    [
      String.raw`# HELP lag What is\nleft \\ "so"`,
      '# TYPE lag gauge',
      `lag{group="g",topic="o/1",${broker}} 3`,
      `lag{group="h",${broker}} NaN`,
      '# HELP all_total All',
      '# TYPE all_total counter',
      `all_total{${broker}} 1.5`,
      '# HELP none_total None',
      '# TYPE none_total counter',
      '',
    ].join('\n'),
  );
});

it('does without labels that are the same for all', () => {
  const text = new MetricsText({});
  const up = text.metric('gauge', 'up', 'Up');
  up.add(Number.POSITIVE_INFINITY);
  up.add(0, { thread: 'main' });
  expect(text.toString()).toBe('# HELP up Up\n# TYPE up gauge\nup +Inf\nup{thread="main"} 0\n');
});
