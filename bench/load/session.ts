/** The load threads of one run, ordered about together. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { clockMs } from './clock.js';
import { makeCounters } from './counters.js';
import { findDriver } from './drivers/registry.js';
import { LoadThread } from './load-thread.js';
import { Meter, type Second } from './meter.js';
import type { LoadOptions, LoadTarget } from './run-options.js';
import {
  type Api,
  type Command,
  formOf,
  type ProduceOrder,
  type ThreadResult,
  type ThreadSetup,
} from './thread-protocol.js';
import type { Workload } from './workload.js';

const MAX_STOP_MS = 60_000;
const MAX_DRAIN_MS = 300_000;
/** Nothing more will come when nothing has come for so long. */
const SILENCE_MS = 5_000;

/** What the system says of itself, and how messages are handed to it. */
export interface AboutSystem {
  version: string;
  flush: 'sync' | 'async' | undefined;
  api: Api;
}

export class LoadSession {
  readonly meter: Meter;
  readonly workload: Workload;
  readonly about: AboutSystem;
  readonly #threads: LoadThread[];

  private constructor(workload: Workload, about: AboutSystem, threads: LoadThread[], meter: Meter) {
    this.workload = workload;
    this.about = about;
    this.#threads = threads;
    this.meter = meter;
  }

  /** Topics are made and producers connected when it resolves. */
  static async open(
    workload: Workload,
    target: LoadTarget,
    options: LoadOptions,
    onSecond: (second: Second) => void,
  ): Promise<LoadSession> {
    const run = randomInt(1, 2 ** 31);
    const about = await makeTopics(workload, target, options.api, run);
    const setups = shareOut(workload, target, options, run);
    const threads = setups.map((setup) => new LoadThread(setup));
    const counters = setups.map((setup) => setup.counters);
    const meter = new Meter(counters, target.pids, workload.subscriptions, onSecond);
    const session = new LoadSession(workload, about, threads, meter);
    try {
      await session.all({ do: 'open-producers' });
      return session;
    } catch (error) {
      await session.terminate();
      throw error;
    }
  }

  all(command: Command): Promise<(ThreadResult | null)[]> {
    return Promise.all(this.#threads.map((thread) => thread.call(command)));
  }

  produce(order: ProduceOrder): Promise<unknown> {
    return this.all({ do: 'produce', order });
  }

  /** Nothing more is sent, and what was is settled. Throws when it is not in a minute. */
  async stop(): Promise<void> {
    const giveUp = new AbortController();
    const late = pause(MAX_STOP_MS, undefined, { signal: giveUp.signal }).then(() => {
      throw new Error(`messages are still unacked ${MAX_STOP_MS / 1000} s after the last was sent`);
    });
    late.catch(() => {});
    await Promise.race([this.all({ do: 'stop' }), late]).finally(() => giveUp.abort());
  }

  /** Waits until everything acked has come, or nothing comes any more. Seconds it took to the last receipt. */
  async drain(): Promise<number> {
    const { subscriptions } = this.workload;
    const startedMs = clockMs();
    let { received } = this.meter.totals;
    let lastMs = startedMs;
    while (subscriptions > 0 && clockMs() < startedMs + MAX_DRAIN_MS) {
      const totals = this.meter.totals;
      if (totals.received > received) {
        lastMs = clockMs();
      }
      received = totals.received;
      if (this.meter.backlogOf(totals) === 0 || clockMs() > lastMs + SILENCE_MS) {
        break;
      }
      await pause(10);
    }
    return (lastMs - startedMs) / 1000;
  }

  async finish(): Promise<ThreadResult[]> {
    const results = await this.all({ do: 'finish' });
    return results.filter((result) => result !== null);
  }

  async terminate(): Promise<void> {
    this.meter.stop();
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}

function topicName(run: number, topic: number): string {
  return `bench-load-${run}-${topic}`;
}

function groupName(run: number, subscription: number): string {
  return `bench-load-${run}-group-${subscription}`;
}

async function makeTopics(
  workload: Workload,
  target: LoadTarget,
  api: Api,
  run: number,
): Promise<AboutSystem> {
  const open = await findDriver(target.driver);
  const driver = await open(target.url);
  try {
    const groups = Array.from({ length: workload.subscriptions }, (_, i) => groupName(run, i));
    for (let topic = 0; topic < workload.topics; topic++) {
      await driver.createTopic({ name: topicName(run, topic), queues: workload.queues }, groups);
    }
    return { version: driver.version, flush: driver.flush, api: formOf(api, workload, driver) };
  } finally {
    await driver.close();
  }
}

/** Producers go round the threads from the first on, consumers from the last on, so that two threads part the two kinds. */
function shareOut(workload: Workload, target: LoadTarget, options: LoadOptions, run: number): ThreadSetup[] {
  const epochMs = clockMs();
  const totalProducers = workload.topics * workload.producersPerTopic;
  const setups = Array.from(
    { length: options.workers },
    (): ThreadSetup => ({
      driver: target.driver,
      url: target.url,
      workload,
      api: options.api,
      run,
      epochMs,
      producers: [],
      consumers: [],
      totalProducers,
      counters: makeCounters(),
    }),
  );
  for (let index = 0; index < totalProducers; index++) {
    const topic = topicName(run, index % workload.topics);
    setups[index % setups.length]?.producers.push({ index, topic });
  }
  let place = setups.length;
  for (let topic = 0; topic < workload.topics; topic++) {
    for (let subscription = 0; subscription < workload.subscriptions; subscription++) {
      for (let member = 0; member < workload.consumersPerSubscription; member++) {
        place = place === 0 ? setups.length - 1 : place - 1;
        const consumer = { topic: topicName(run, topic), group: groupName(run, subscription), subscription };
        setups[place % setups.length]?.consumers.push(consumer);
      }
    }
  }
  return setups;
}
