/**
 * One suite, in a process of its own, so that no case is compiled for what another one did to the same
 * function. Arguments: suite, longest seconds of a case. Prints one JSON object: {@link SuiteFigures}.
 */
import benny from 'benny';
import { calibration } from './calibration.js';
import type { CaseFigure, SuiteFigures } from './figures.js';
import type { MicroCase } from './micro-case.js';
import { SUITES } from './suites/index.js';

const [suiteName = '', maxSecondsText = '0.5'] = process.argv.slice(2);
const maxSeconds = Number(maxSecondsText);
const suite = SUITES.find(({ name }) => name === suiteName);
if (suite === undefined) {
  throw new Error(`there is no suite '${suiteName}'`);
}

// benny announces itself on stdout, which is the result's.
console.log = () => {};

const cases = await suite.open();
// A calibration stands between any two cases: each case is compared with the two beside it.
const inTurn: MicroCase[] = [calibration()];
for (const one of cases) {
  inTurn.push(one, calibration());
}
const summary = await benny.suite(
  suite.name,
  ...inTurn.map(({ name, run }, place) => {
    const isCalibration = place % 2 === 0;
    const maxTime = isCalibration ? maxSeconds / 2 : maxSeconds;
    return benny.add(name, () => run, { minTime: maxTime / 20, maxTime, minSamples: 5, delay: 0.001 });
  }),
);

const figures: CaseFigure[] = cases.map(({ name, unit, count }, i) => {
  const place = i * 2 + 1;
  const calibrationNs = (nanoseconds(place - 1) + nanoseconds(place + 1)) / 2;
  return {
    name,
    unit,
    nanoseconds: nanoseconds(place) / count,
    calibrations: nanoseconds(place) / calibrationNs / count,
    marginPercent: summary.results[place]?.margin ?? Number.NaN,
  };
});
const result: SuiteFigures = { suite: suite.name, cases: figures };
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));

/** Of one call: the median of the samples, which a busy moment does not move. */
function nanoseconds(place: number): number {
  return (summary.results[place]?.details.median ?? Number.NaN) * 1e9;
}
