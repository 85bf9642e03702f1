/// <reference lib="dom" />
/** Runs in the page: draws each plot, anew when its width or the colour scheme changes. Compiled, it is put into the page as it is. */
import type uPlot from 'uplot';
import type { Axis, Plot, Series } from './plots.js';

declare global {
  interface Window {
    uPlot: typeof uPlot;
  }
}

const HEIGHT = 300;
const isDark = window.matchMedia('(prefers-color-scheme: dark)');

function number(value: number): string {
  for (const [size, letter] of [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const) {
    if (value >= size) {
      return `${Number((value / size).toPrecision(3))}${letter}`;
    }
  }
  return String(Number(value.toPrecision(3)));
}

/** 10 is 90 %, 100 is 99 %, and so on. */
function percentile(value: number): string {
  const share = (1 - 1 / value) * 100;
  return `${Number(share.toFixed(Math.max(0, Math.ceil(Math.log10(value)) - 2)))} %`;
}

function written(axis: Axis, value: number): string {
  if (axis.unit === 'percentile') {
    return percentile(value);
  }
  if (axis.unit === 'ms' && value < 1) {
    return String(Number(value.toPrecision(2)));
  }
  return number(value);
}

/** With its unit, for the legend. */
function told(axis: Axis, value: number | null | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  const units = { 'messages/s': '/s', messages: '', ms: ' ms', s: ' s', count: '', percentile: '' };
  return `${written(axis, value)}${units[axis.unit]}`;
}

function axisOf(axis: Axis, isX: boolean, text: string, line: string): uPlot.Axis {
  const isLog = axis.scale !== 'linear';
  const grid = { stroke: line, width: 1 };
  const ticks = { stroke: line, width: 1, size: 5 };
  return {
    label: axis.label,
    labelSize: 24,
    labelFont: '12px system-ui, sans-serif',
    font: '12px system-ui, sans-serif',
    stroke: text,
    grid,
    ticks,
    ...(isX ? { space: 60 } : { size: 62 }),
    values: (_plot, splits) => splits.map((value) => written(axis, value)),
    ...(isLog ? { splits: logarithmicSplits, filter: (_plot: uPlot, splits: number[]) => splits } : {}),
  };
}

/** uPlot has a line at each digit of a logarithmic axis. The decades are enough, or 1, 2 and 5 where there are few of them. */
function logarithmicSplits(_plot: uPlot, _axis: number, min: number, max: number): number[] {
  const digits = max / min < 200 ? [1, 2, 5] : [1];
  const splits: number[] = [];
  for (let decade = Math.floor(Math.log10(min)); decade <= Math.log10(max); decade++) {
    for (const digit of digits) {
      splits.push(digit * 10 ** decade);
    }
  }
  return splits.filter((value) => value >= min * 0.999 && value <= max * 1.001);
}

function scaleOf(axis: Axis): uPlot.Scale {
  if (axis.scale === 'percentile') {
    return { time: false, distr: 3, log: 10, range: (_plot, _low, high) => [1, high] };
  }
  // A little room on either side, so that no point lies on the frame.
  if (axis.scale === 'log') {
    return { time: false, distr: 3, log: 10, range: (_plot, low, high) => [low / 1.4, high * 1.4] };
  }
  if (axis.unit === 's') {
    return { time: false };
  }
  return { time: false, range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] };
}

function seriesOf(series: Series, plot: Plot, ground: string): uPlot.Series {
  const colour = series.colours[isDark.matches ? 1 : 0];
  const width = series.isOwn ? 2.5 : 1.5;
  return {
    label: series.label,
    stroke: colour,
    width: plot.hasLines ? width : 0,
    dash: plot.hasLines ? [...series.dash] : [],
    spanGaps: true,
    points: {
      show: !plot.hasLines || series.points.length < 16,
      size: series.isOwn ? 9 : 7,
      width: 1.5,
      stroke: colour,
      fill: isHollow(series) ? ground : colour,
    },
    ...(plot.hasLines ? {} : { paths: () => null }),
    value: (_plot, value) => told(plot.y, value),
  };
}

/** What is synced is drawn with hollow points, and is hollow in the legend too. */
function markerFill(plot: Plot) {
  return (_chart: uPlot, index: number): string => {
    const series = plot.series[index - 1];
    if (series === undefined || isHollow(series)) {
      return 'transparent';
    }
    return series.colours[isDark.matches ? 1 : 0];
  };
}

function isHollow(series: Series | undefined): boolean {
  return series !== undefined && series.dash.length > 0;
}

function draw(figure: HTMLElement, plot: Plot): () => void {
  const style = getComputedStyle(document.body);
  const text = style.color;
  const line = isDark.matches ? '#303741' : '#dfe3e8';
  const ground = getComputedStyle(figure).backgroundColor;
  const tables = plot.series.map(
    ({ points }): uPlot.AlignedData => [points.map(([x]) => x), points.map(([, y]) => y)],
  );
  const place = figure.querySelector<HTMLElement>('.place');
  if (place === null) {
    return () => {};
  }
  const chart = new window.uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      scales: { x: scaleOf(plot.x), y: scaleOf(plot.y) },
      axes: [axisOf(plot.x, true, text, line), axisOf(plot.y, false, text, line)],
      series: [
        { label: plot.x.label.replace(/ \(.*/, ''), value: (_plot, value) => told(plot.x, value) },
        ...plot.series.map((series) => seriesOf(series, plot, ground)),
      ],
      padding: [12, 26, 0, 0],
      cursor: { drag: { x: false, y: false } },
      legend: { markers: { width: 2, fill: markerFill(plot) } },
    },
    window.uPlot.join(tables),
    place,
  );
  const observer = new ResizeObserver(() => {
    if (place.clientWidth !== chart.width) {
      chart.setSize({ width: place.clientWidth, height: HEIGHT });
    }
  });
  observer.observe(place);
  return () => {
    observer.disconnect();
    chart.destroy();
  };
}

const data = document.getElementById('plots-data');
const plots = JSON.parse(data?.textContent ?? '[]') as Plot[];
let drawn: (() => void)[] = [];

function drawAll(): void {
  for (const remove of drawn) {
    remove();
  }
  drawn = [...document.querySelectorAll<HTMLElement>('figure[data-plot]')].map((figure) => {
    const plot = plots[Number(figure.dataset['plot'])];
    return plot === undefined ? () => {} : draw(figure, plot);
  });
}

isDark.addEventListener('change', drawAll);
drawAll();
