/** `ringmq bench --duration`: a line of CSV a second, and one where acks stay away and come back. */
import { clearInterval, monotonicMs, setInterval } from '../../native-free/time/index.js';
import { AckGapWatch } from './ack-gaps.js';
import type { LatencyRecorder } from './latency.js';
import type { LoadTally } from './load-tally.js';

/** A gap is seen this late at most, and an ack's time known this exactly. */
const LOOK_MS = 20;
const ROW_MS = 1_000;

export const CSV_COLUMNS = [
  'time',
  'seconds',
  'written_per_s',
  'acked_per_s',
  'received_per_s',
  'bytes_per_s',
  'p50_ms',
  'p99_ms',
  'p999_ms',
  'max_ms',
  'outstanding',
  'errors',
] as const;

export interface CsvSource {
  /** Of each connection that produces; none where it only consumes. */
  tallies: readonly LoadTally[];
  /** Messages received so far; null where nothing is. */
  received: (() => number) | null;
  latency: LatencyRecorder | null;
  /** Bytes of a body. */
  size: number;
}

interface Counts {
  written: number;
  acked: number;
  received: number;
  failed: number;
  outstanding: number;
}

export class CsvSeconds {
  readonly gaps: AckGapWatch;
  readonly #source: CsvSource;
  readonly #print: (line: string) => void;
  readonly #startedAt = monotonicMs();
  readonly #timer: ReturnType<typeof setInterval>;
  #rowAt = this.#startedAt;
  #before: Counts = { written: 0, acked: 0, received: 0, failed: 0, outstanding: 0 };

  /** Prints the heading, and from now on a line a second. */
  constructor(source: CsvSource, gapMs: number, print: (line: string) => void) {
    this.#source = source;
    this.#print = print;
    this.gaps = new AckGapWatch(gapMs);
    print(CSV_COLUMNS.join(','));
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** Prints what is left of the last second. */
  stop(): void {
    clearInterval(this.#timer);
    this.#look();
    if (monotonicMs() > this.#rowAt + LOOK_MS) {
      this.#row(monotonicMs(), this.#counts());
    }
  }

  #look(): void {
    const now = monotonicMs();
    const counts = this.#counts();
    if (this.#source.tallies.length > 0) {
      const { begins, ends } = this.gaps.look(now - this.#startedAt, counts.acked, counts.outstanding);
      if (begins !== null) {
        const { outstanding } = counts;
        this.#mark(
          `ack gap begins: no ack since ${secondsText(begins.fromMs)} s, ${outstanding} outstanding`,
        );
      }
      if (ends !== null && ends.toMs !== null) {
        this.#mark(
          `ack gap ends at ${secondsText(ends.toMs)} s: ${secondsText(ends.toMs - ends.fromMs)} s without an ack`,
        );
      }
    }
    if (now - this.#rowAt >= ROW_MS) {
      this.#row(now, counts);
    }
  }

  /** A line that a reader of CSV passes over as a comment. */
  #mark(text: string): void {
    this.#print(`# ${new Date().toISOString()} ${text}`);
  }

  #row(now: number, counts: Counts): void {
    const { tallies, received, latency, size } = this.#source;
    const before = this.#before;
    const rate = (count: number): number => Math.round((count * 1000) / (now - this.#rowAt));
    const produces = tallies.length > 0;
    const done = received === null ? counts.acked - before.acked : counts.received - before.received;
    const times = latency?.interval() ?? null;
    this.#print(
      [
        new Date().toISOString(),
        secondsText(now - this.#startedAt),
        produces ? rate(counts.written - before.written) : '',
        produces ? rate(counts.acked - before.acked) : '',
        received === null ? '' : rate(counts.received - before.received),
        rate(done * size),
        ...(times === null ? ['', '', '', ''] : [times.p50, times.p99, times.p999, times.max]),
        produces ? counts.outstanding : '',
        counts.failed - before.failed,
      ].join(','),
    );
    this.#before = counts;
    this.#rowAt = now;
  }

  #counts(): Counts {
    const sum = (read: (tally: LoadTally) => number): number =>
      this.#source.tallies.reduce((total, tally) => total + read(tally), 0);
    return {
      written: sum(({ written }) => written),
      acked: Math.max(
        this.#before.acked,
        sum(({ acked }) => acked),
      ),
      received: this.#source.received?.() ?? 0,
      failed: sum(({ failed }) => failed),
      outstanding: sum(({ outstanding }) => outstanding()),
    };
  }
}

function secondsText(ms: number): string {
  return (ms / 1000).toFixed(3);
}
