/**
 * Two sides in one run, or more: another build and this one, or one with logins and without. Each measurement of all of
 * them in turn, the order changed with each round, since whoever comes first after files were removed finds the warm
 * pages. A ratio above 1 means that a side is better than the first.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Table from 'cli-table3';
import { median, medianRange } from '../statistics.js';
import type { MeasureName, Measures } from './measures.js';
import type { Measured } from './rows.js';

/** One of those that are held against each other. The first is what the others are divided by. */
export interface Side {
  name: string;
  measures: Measures;
}

/** What was measured of one thing, a figure a round of each side. */
export interface Compared {
  measure: MeasureName;
  figures: number[][];
  /** Of each side but the first. */
  ratios: Ratio[];
}

export interface Ratio {
  /** Of the rounds' ratios; above 1: that side is better than the first. */
  median: number;
  /** Where the median of ever more rounds lies, with 95 %. */
  range: [low: number, high: number];
}

/** Measures `row` once with each side. `round` counts from 0 and decides their order. */
export async function compareOnce(
  row: Measured,
  sides: readonly Side[],
  round: number,
  directory: string,
): Promise<number[]> {
  const figures = sides.map(() => Number.NaN);
  for (const which of orderOf(sides.length, round)) {
    const { measures } = sides[which] as Side;
    const scratch = join(directory, 'scratch');
    mkdirSync(scratch);
    figures[which] = await measures[row.measure]({ probes: directory, scratch });
    rmSync(scratch, { recursive: true });
  }
  return figures;
}

/** Forward and backward, from another one every second round: of two or three all orders there are. */
export function orderOf(count: number, round: number): number[] {
  const order = Array.from({ length: count }, (_, i) => (i + (round >> 1)) % count);
  return round % 2 === 0 ? order : order.reverse();
}

/** Sums the rounds of `row` up, which have a figure of each side. */
export function comparedOf(row: Measured, rounds: readonly (readonly number[])[]): Compared {
  const sideCount = rounds[0]?.length ?? 0;
  const figures = Array.from({ length: sideCount }, (_, i) => rounds.map((round) => round[i] as number));
  const [first = [], ...others] = figures;
  const ratios = others.map((side) => {
    const each = side.map((value, i) => {
      const other = first[i] as number;
      return row.unit === 'us' ? other / value : value / other;
    });
    return { median: median(each), range: medianRange(each) };
  });
  return { measure: row.measure, figures, ratios };
}

/** The comparison as text. */
export function renderCompared(
  rounds: number,
  all: readonly Compared[],
  sides: readonly { name: string }[],
): string {
  const [first, ...others] = sides.map(({ name }) => name);
  const head = ['measure', ...sides.map(({ name }) => name), ...others.map((name) => `${name} / ${first}`)];
  const table = new Table({
    head,
    style: { head: [], border: [] },
    colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
  });
  for (const { measure, figures, ratios } of all) {
    table.push([measure, ...figures.map((side) => median(side).toPrecision(4)), ...ratios.map(ratioText)]);
  }
  const what = `messages a second, microseconds (oneSend), or the broker's processor time in microseconds for a thousand
messages (cpu…); the ratio is turned so that above 1 is better,
and in brackets is where the median of ever more rounds lies, with 95 %`;
  return `${rounds} rounds, each first in turn; medians; ${what}\n${table.toString()}`;
}

function ratioText({ median: middle, range: [low, high] }: Ratio): string {
  return `${middle.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}
