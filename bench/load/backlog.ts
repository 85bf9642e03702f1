/** The backlog workload: messages pile up while nobody reads; then readers come and catch up, while producers go on. */
import { setTimeout as pause } from 'node:timers/promises';
import { clockMs } from './clock.js';
import type { Totals } from './counters.js';
import { type Reading, windowBetween } from './meter.js';
import type { Measured } from './run-options.js';
import type { LoadSession } from './session.js';

/** Parts of the backlog between which its rates are measured: little is stored, and all of it is. */
const EMPTY_FROM = 0.05;
const EMPTY_TO = 0.25;
const BACKLOGGED_TO = 1.2;
/** Readers have caught up when they are no further behind than so much of a second's messages. */
const CAUGHT_UP_SECONDS = 0.25;
const CAUGHT_UP_MESSAGES = 1000;
const POLL_MS = 5;
const SILENCE_MS = 30_000;
const MAX_MS = 3_600_000;

export async function runBacklog(session: LoadSession): Promise<Measured> {
  const { meter, workload } = session;
  const { backlogMessages, subscriptions } = workload;
  const startMs = clockMs();
  meter.phase = 'fill';
  const measureToMs = Number.POSITIVE_INFINITY;
  await session.produce({ startMs, rate: workload.rate, measureFromMs: startMs, measureToMs });
  const acked = (share: number) => reach(session, (totals) => totals.acked >= share * backlogMessages);
  const [emptyFrom, emptyTo] = [await acked(EMPTY_FROM), await acked(EMPTY_TO)];
  const [full, over] = [await acked(1), await acked(BACKLOGGED_TO)];

  meter.phase = 'drain';
  const drainFromMs = clockMs();
  const order = { startMs: drainFromMs, measureFromMs: drainFromMs, measureToMs };
  await session.produce({ ...order, rate: workload.drainRate });
  await session.all({ do: 'open-consumers' });
  const drainFrom = meter.read();
  const near = Math.max(CAUGHT_UP_MESSAGES, workload.drainRate * CAUGHT_UP_SECONDS) * subscriptions;
  let hasCaughtUp = true;
  const drained = await reach(session, (totals) => meter.backlogOf(totals) <= near).catch(() => {
    hasCaughtUp = false;
    return meter.read();
  });
  const drain = windowBetween(drainFrom, drained);
  return {
    window: windowBetween(emptyFrom, over),
    lagAtEnd: meter.backlogOf(drained.totals),
    brokerPeakRssBytes: drained.broker.peakRssBytes,
    generatorRssBytes: drained.generatorRssBytes,
    backlog: {
      messages: backlogMessages,
      emptyPerSecond: windowBetween(emptyFrom, emptyTo).ackedPerSecond,
      backloggedPerSecond: windowBetween(full, over).ackedPerSecond,
      drainMessages: drained.totals.received - drainFrom.totals.received,
      drainSeconds: drain.seconds,
      drainPerSecond: drain.receivedPerSecond,
      hasCaughtUp,
    },
  };
}

/** Throws when nothing moves any more, or after an hour. */
async function reach(session: LoadSession, isThere: (totals: Totals) => boolean): Promise<Reading> {
  const { meter } = session;
  const startedMs = clockMs();
  let last = meter.totals;
  let movedMs = startedMs;
  while (!isThere(last)) {
    await pause(POLL_MS);
    const totals = meter.totals;
    if (totals.acked > last.acked || totals.received > last.received) {
      movedMs = clockMs();
    }
    if (clockMs() > movedMs + SILENCE_MS || clockMs() > startedMs + MAX_MS) {
      throw new Error(`nothing moves any more: ${totals.acked} acked, ${totals.received} received`);
    }
    last = totals;
  }
  return meter.read();
}
