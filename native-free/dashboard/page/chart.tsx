/** Lines over time. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clockTime } from './format.js';
import { isSystemDark, theme } from './prefs.js';

export interface Line {
  readonly name: string;
  /** null: nothing is known of that moment. */
  readonly values: readonly (number | null)[];
}

const HEIGHT_PX = 132;
const POWERS_OF_TWO = Array.from({ length: 60 }, (_, power) => 2 ** power);
const COLORS = ['--line-1', '--line-2', '--line-3'];

export function Chart({
  label,
  times,
  lines,
  format,
  isBytes = false,
  isPart = false,
}: {
  label: string;
  /** Milliseconds since 1970. */
  times: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  /** Its amounts are round in powers of two. */
  isBytes?: boolean;
  /** They are parts of 1, which is shown whole. */
  isPart?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = lines.map(({ name }) => name).join('\n');
  useEffect(() => {
    const element = box.current;
    if (element === null) {
      return undefined;
    }
    const styles = getComputedStyle(element);
    const color = (name: string): string => {
      // As it is by day or by night: a property of its own has both in it.
      element.style.color = `var(${name})`;
      return styles.color;
    };
    const axis = {
      stroke: color('--quiet'),
      grid: { stroke: color('--hair'), width: 1 },
      ticks: { show: false },
      font: `11px ${styles.fontFamily}`,
    };
    const made = new uPlot(
      {
        width: element.clientWidth || 320,
        height: HEIGHT_PX,
        ms: 1,
        legend: { show: false },
        cursor: { points: { size: 6 }, drag: { x: false, y: false } },
        // The last moment's label is half beside the plot.
        padding: [8, 26, 0, 0],
        scales: {
          x: { time: true },
          y: { range: (_plot, _min, max) => [0, isPart ? 1 : max > 0 ? max * 1.15 : 1] },
        },
        axes: [
          {
            ...axis,
            size: 24,
            space: 70,
            values: (_plot, splits, _axis, _space, step) => splits.map((time) => clock(time, step)),
          },
          {
            ...axis,
            size: 62,
            values: (_plot, splits) => splits.map(format),
            ...(isBytes ? { incrs: POWERS_OF_TWO } : {}),
          },
        ],
        series: [
          {},
          ...lines.map(({ name }, i) => ({
            label: name,
            stroke: color(COLORS[i % COLORS.length] as string),
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      dataOf(times, lines),
      element,
    );
    element.style.removeProperty('color');
    plot.current = made;
    const watch = new ResizeObserver(() => {
      if (element.clientWidth > 0) {
        made.setSize({ width: element.clientWidth, height: HEIGHT_PX });
      }
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [names, theme.value, isSystemDark.value]);
  useEffect(() => plot.current?.setData(dataOf(times, lines)), [times, lines]);
  // The last step may not be over yet.
  const last = lines.map(({ name, values }) => [name, values.at(-1) ?? values.at(-2) ?? null] as const);
  return (
    <figure class="chart">
      <figcaption>
        {last.map(([name, value], i) => (
          <span key={name} class={`key line-${i + 1}`}>
            {name} <b>{value === null ? '–' : format(value)}</b>
          </span>
        ))}
      </figcaption>
      <div ref={box} class="plot" role="img" aria-label={label} />
    </figure>
  );
}

/** Seconds only where two labels would else be the same. */
function clock(time: number, stepMs: number): string {
  return clockTime(time).slice(0, stepMs < 60_000 ? 8 : 5);
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [times as number[], ...lines.map(({ values }) => values as (number | null)[])];
}
