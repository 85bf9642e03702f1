/** Runs a workload against a system that serves. */
import { setTimeout as pause } from 'node:timers/promises';
import { describeEnvironment } from '../environment.js';
import { runBacklog } from './backlog.js';
import { clockMs } from './clock.js';
import type { LatencyRecorder } from './latency.js';
import { windowBetween } from './meter.js';
import type { LoadReport } from './report.js';
import type { LoadOptions, LoadTarget, Measured } from './run-options.js';
import { LoadSession } from './session.js';
import { tally } from './tally.js';
import type { Workload } from './workload.js';

export interface LoadRun {
  report: LoadReport;
  latencies: { send: LatencyRecorder; sendFromIntended: LatencyRecorder; endToEnd: LatencyRecorder };
}

/** Threads begin a moment after the order, all at the same time. */
const START_MS = 50;

/** Throws when the system or a driver fails altogether; single failed messages are counted in the report. */
export async function runWorkload(
  workload: Workload,
  target: LoadTarget,
  options: LoadOptions,
): Promise<LoadRun> {
  const session = await LoadSession.open(workload, target, options, options.onSecond ?? (() => {}));
  const { meter } = session;
  try {
    meter.start();
    const measured = await (workload.backlogMessages > 0 ? runBacklog(session) : runSteady(session));
    meter.phase = 'drain';
    await session.stop();
    const drainSeconds = await session.drain();
    meter.stop();
    const found = tally(await session.finish(), workload.subscriptions);
    const { sendFromActual, sendFromIntended, endToEnd } = found;
    const report: LoadReport = {
      system: target.driver,
      version: session.about.version,
      workload,
      flush: session.about.flush ?? target.flush ?? 'unknown',
      api: session.about.api,
      workers: options.workers,
      command: options.command ?? '',
      environment: describeEnvironment(),
      window: measured.window,
      counts: found.counts,
      errors: found.errors,
      latencyMs: {
        send: sendFromActual.figures(),
        sendFromIntended: sendFromIntended.figures(),
        endToEnd: endToEnd.figures(),
      },
      memory: {
        brokerPeakRssBytes: measured.brokerPeakRssBytes,
        generatorRssBytes: measured.generatorRssBytes,
      },
      lag: {
        atEnd: measured.lagAtEnd,
        max: meter.seconds.reduce((most, second) => Math.max(most, second.backlog), measured.lagAtEnd),
        drainSeconds: Number(drainSeconds.toFixed(3)),
      },
      backlog: measured.backlog,
      seconds: meter.seconds,
    };
    return { report, latencies: { send: sendFromActual, sendFromIntended, endToEnd } };
  } finally {
    await session.terminate();
  }
}

/** Consumers first, then the warm-up, then the measured time. */
async function runSteady(session: LoadSession): Promise<Measured> {
  const { meter, workload } = session;
  await session.all({ do: 'open-consumers' });
  const startMs = clockMs() + START_MS;
  const measureFromMs = startMs + workload.warmupSeconds * 1000;
  const measureToMs = measureFromMs + workload.testSeconds * 1000;
  await session.produce({ startMs, rate: workload.rate, measureFromMs, measureToMs });
  await until(measureFromMs);
  meter.phase = 'test';
  const from = meter.read();
  await until(measureToMs);
  const to = meter.read();
  return {
    window: windowBetween(from, to),
    lagAtEnd: meter.backlogOf(to.totals),
    brokerPeakRssBytes: to.broker.peakRssBytes,
    generatorRssBytes: to.generatorRssBytes,
    backlog: null,
  };
}

export async function until(timeMs: number): Promise<void> {
  const waitMs = timeMs - clockMs();
  if (waitMs > 0) {
    await pause(waitMs);
  }
}
