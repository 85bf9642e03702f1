/**
 * Another build beside this one, in one run: each measurement of both in turn, the order changed with each
 * round, since whoever comes first after files were removed finds the warm pages. A ratio above 1 means that
 * this build is better.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import Table from 'cli-table3';
import { median } from '../statistics.js';
import type { MeasureName, Place } from './measures.js';
import type { Row } from './rows.js';

export type Measures = Record<string, (at: Place) => Promise<number>>;

/** What was measured of one thing, a figure a round. */
export interface Compared {
  measure: MeasureName;
  before: number[];
  now: number[];
  /** Median of the rounds' ratios; above 1: this build is better. */
  ratio: number;
}

/** The measurements of the build in `directory`: a checkout of this project that has been built. */
export async function measuresOf(directory: string): Promise<Measures> {
  const path = join(resolve(directory), 'dist/bench/path/measures.js');
  const { MEASURES } = (await import(pathToFileURL(path).href)) as { MEASURES: Measures };
  return MEASURES;
}

/** Measures `row` once with each build. `round` counts from 0 and decides who is first. */
export async function compareOnce(
  row: Row,
  builds: readonly [before: Measures, now: Measures],
  round: number,
  directory: string,
): Promise<[before: number, now: number]> {
  const figures: [number, number] = [Number.NaN, Number.NaN];
  for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
    const measure = builds[which][row.measure];
    if (measure === undefined) {
      continue; // The other build does not have it.
    }
    const scratch = join(directory, 'scratch');
    mkdirSync(scratch);
    figures[which] = await measure({ probes: directory, scratch });
    rmSync(scratch, { recursive: true });
  }
  return figures;
}

/** Sums the rounds of `row` up. */
export function comparedOf(row: Row, before: number[], now: number[]): Compared {
  const ratios = now.map((value, i) => {
    const other = before[i] as number;
    return row.unit === 'us' ? other / value : value / other;
  });
  return { measure: row.measure, before, now, ratio: median(ratios) };
}

/** The comparison as text. */
export function renderCompared(
  rounds: number,
  all: readonly Compared[],
  [before, now]: readonly [string, string] = ['before', 'now'],
): string {
  const table = new Table({
    head: ['measure', before, now, `${now} / ${before}`],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right'],
  });
  for (const each of all) {
    const { measure, ratio } = each;
    table.push([
      measure,
      median(each.before).toPrecision(4),
      median(each.now).toPrecision(4),
      ratio.toFixed(3),
    ]);
  }
  const what = 'messages a second, or microseconds (oneSend); the ratio is turned so that above 1 is better';
  return `${rounds} rounds, each first in turn; medians; ${what}\n${table.toString()}`;
}
