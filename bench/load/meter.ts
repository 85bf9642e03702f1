/** Reads the totals of all load threads, and what the processes use, at the edges of windows and every second in between. */
import { clockMs } from './clock.js';
import { readTotals, type Totals } from './counters.js';
import { type ProcessUse, readProcessUse } from './process-meter.js';

export interface Reading {
  atMs: number;
  totals: Totals;
  broker: ProcessUse;
  /** CPU of this whole process: all load threads. */
  generatorCpuSeconds: number;
  generatorRssBytes: number;
}

/** What happened between two readings. Rates are messages a second, CPU percent of one core. */
export interface Window {
  seconds: number;
  sentPerSecond: number;
  ackedPerSecond: number;
  receivedPerSecond: number;
  brokerCpuPercent: number;
  generatorCpuPercent: number;
}

/** A second of the run. */
export interface Second extends Window {
  /** End of it, since the start. */
  atSecond: number;
  phase: string;
  /** Acked and not received yet, by all subscriptions together. */
  backlog: number;
  failed: number;
  brokerRssBytes: number;
  generatorRssBytes: number;
}

export function windowBetween(from: Reading, to: Reading): Window {
  const seconds = (to.atMs - from.atMs) / 1000;
  const rate = (before: number, after: number): number => Math.round((after - before) / seconds);
  const percent = (before: number, after: number): number =>
    Number(((100 * (after - before)) / seconds).toFixed(1));
  return {
    seconds: Number(seconds.toFixed(3)),
    sentPerSecond: rate(from.totals.sent, to.totals.sent),
    ackedPerSecond: rate(from.totals.acked, to.totals.acked),
    receivedPerSecond: rate(from.totals.received, to.totals.received),
    brokerCpuPercent: percent(from.broker.cpuSeconds, to.broker.cpuSeconds),
    generatorCpuPercent: percent(from.generatorCpuSeconds, to.generatorCpuSeconds),
  };
}

export class Meter {
  readonly seconds: Second[] = [];
  /** What the run is doing, for the seconds. */
  phase = 'warm-up';
  readonly #threads: readonly Float64Array[];
  readonly #pids: readonly number[];
  readonly #subscriptions: number;
  readonly #onSecond: (second: Second) => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    threads: readonly Float64Array[],
    pids: readonly number[],
    subscriptions: number,
    onSecond: (second: Second) => void,
  ) {
    this.#threads = threads;
    this.#pids = pids;
    this.#subscriptions = subscriptions;
    this.#onSecond = onSecond;
  }

  get totals(): Totals {
    return readTotals(this.#threads);
  }

  backlogOf(totals: Totals): number {
    return Math.max(0, totals.acked * this.#subscriptions - totals.received);
  }

  read(): Reading {
    const { user, system } = process.cpuUsage();
    return {
      atMs: clockMs(),
      totals: this.totals,
      broker: readProcessUse(this.#pids),
      generatorCpuSeconds: (user + system) / 1e6,
      generatorRssBytes: process.memoryUsage.rss(),
    };
  }

  start(): void {
    const first = this.read();
    let last = first;
    this.#timer = setInterval(() => {
      const now = this.read();
      const second: Second = {
        atSecond: Number(((now.atMs - first.atMs) / 1000).toFixed(3)),
        phase: this.phase,
        ...windowBetween(last, now),
        backlog: this.backlogOf(now.totals),
        failed: now.totals.failed,
        brokerRssBytes: now.broker.rssBytes,
        generatorRssBytes: now.generatorRssBytes,
      };
      last = now;
      this.seconds.push(second);
      this.#onSecond(second);
    }, 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
