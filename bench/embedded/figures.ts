/** What a run of the comparison found, and RingMQ's ratio to each way. */
import type { Environment } from '../environment.js';
import { median } from '../statistics.js';

export interface WayFigures {
  name: string;
  title: string;
  /** RingMQ's rate over this one's: at least so much; null where nothing is asked. */
  target: number | null;
  /** Messages a second, a round each. Empty: it could not be had. */
  rounds: number[];
}

/** What `--json` writes. */
export interface EmbeddedRun {
  environment: Environment;
  bodyBytes: number;
  ways: WayFigures[];
}

export interface ComparedWay extends WayFigures {
  messagesPerSecond: number;
  /** RingMQ over this one: the median of the rounds' ratios, since a round's figures were made within seconds; null for RingMQ itself. */
  ratio: number | null;
  reached: boolean | null;
}

/** `own` is the name of the way that all others are compared with. */
export function compareWays(ways: readonly WayFigures[], own: string): ComparedWay[] {
  const ownRounds = ways.find(({ name }) => name === own)?.rounds ?? [];
  return ways.map((way) => {
    const isMeasured = way.rounds.length > 0 && ownRounds.length > 0;
    const ratios = way.rounds.map((rate, round) => (ownRounds[round] ?? Number.NaN) / rate);
    const ratio = way.name === own || !isMeasured ? null : median(ratios);
    const reached = ratio === null || way.target === null ? null : ratio >= way.target;
    return { ...way, messagesPerSecond: median(way.rounds), ratio, reached };
  });
}
