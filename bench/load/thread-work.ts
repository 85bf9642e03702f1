/** What a load thread does when it is told to. */
import { BodyReader, BodyWriter } from './body-layout.js';
import { COUNTER } from './counters.js';
import type { Driver, LoadConsumer } from './driver.js';
import { findDriver } from './drivers/registry.js';
import { LatencyRecorder } from './latency.js';
import { ReceiveTracker } from './receive-tracker.js';
import { EvenSchedule, FULL_SPEED } from './schedule.js';
import { SendLoop } from './send-loop.js';
import { Sender, type SenderOptions } from './sender.js';
import {
  type Command,
  formOf,
  type ProduceOrder,
  type ThreadResult,
  type ThreadSetup,
} from './thread-protocol.js';

/** Totals are published this often. */
const PUBLISH_MS = 20;
const KEPT_ERRORS = 5;
/** Under `write` at a fixed rate about so many messages a second are timed; at full speed one in {@link FAST_SAMPLE}. */
const SAMPLES_PER_SECOND = 5000;
const FAST_SAMPLE = 1024;
/** With more promises than this under way at full speed, reading the clock for each would be measured too. */
const MANY_IN_FLIGHT = 1024;
const MANY_SAMPLE = 16;
/** At full speed one body in so many is compared byte by byte; at a fixed rate each. */
const FAST_COMPARE = 16;

export class ThreadWork {
  readonly #setup: ThreadSetup;
  readonly #fromActual = new LatencyRecorder();
  readonly #fromIntended = new LatencyRecorder();
  readonly #endToEnd = new LatencyRecorder();
  readonly #errors: string[] = [];
  readonly #record;
  /** By subscription. */
  readonly #trackers: ReceiveTracker[] = [];
  readonly #consumers: LoadConsumer[] = [];
  #driver: Promise<Driver> | null = null;
  #loop = new SendLoop([]);
  #publishing: ReturnType<typeof setInterval> | undefined;

  constructor(setup: ThreadSetup) {
    this.#setup = setup;
    this.#record = {
      fromActual: this.#fromActual,
      fromIntended: this.#fromIntended,
      endToEnd: this.#endToEnd,
      counters: setup.counters,
      measureFromMs: Number.POSITIVE_INFINITY,
      measureToMs: Number.POSITIVE_INFINITY,
      noteError: (error: unknown) => this.#noteError(error),
    };
  }

  async perform(command: Command): Promise<ThreadResult | null> {
    switch (command.do) {
      case 'open-producers':
        await this.#openProducers();
        return null;
      case 'open-consumers':
        for (const consumer of this.#setup.consumers) {
          await this.#openConsumer(consumer);
        }
        return null;
      case 'produce':
        this.#produce(command.order);
        return null;
      case 'stop':
        await this.#stop();
        return null;
      case 'finish':
        return this.#finish();
    }
  }

  #open(): Promise<Driver> {
    this.#driver ??= findDriver(this.#setup.driver).then((open) => open(this.#setup.url));
    return this.#driver;
  }

  async #openProducers(): Promise<void> {
    const { producers, workload, run, epochMs } = this.#setup;
    const driver = await this.#open();
    const senders: Sender[] = [];
    for (const { index, topic } of producers) {
      const bodies = new BodyWriter(run, index, workload.messageSize, epochMs);
      const sender = new Sender(bodies, this.#record, this.#senderOptions(driver));
      sender.producer = await driver.openProducer({ name: topic, queues: workload.queues }, sender);
      senders.push(sender);
    }
    this.#loop = new SendLoop(senders);
    this.#publishing = setInterval(() => this.#publish(), PUBLISH_MS);
  }

  #senderOptions(driver: Driver): SenderOptions {
    const { api, workload } = this.#setup;
    const maxInFlight = workload.maxInFlight ?? driver.maxInFlight;
    if (formOf(api, workload, driver) === 'write') {
      const every = Math.max(1, Math.floor(workload.rate / SAMPLES_PER_SECOND));
      return { api, maxInFlight, sampleEvery: workload.rate === 0 ? FAST_SAMPLE : every };
    }
    const isFast = workload.rate === 0 && maxInFlight > MANY_IN_FLIGHT;
    return { api: 'send', maxInFlight, sampleEvery: isFast ? MANY_SAMPLE : 1 };
  }

  async #openConsumer(consumer: ThreadSetup['consumers'][number]): Promise<void> {
    const { topic, group, subscription } = consumer;
    const driver = await this.#open();
    const tracker = this.#trackerOf(subscription);
    const onError = (error: unknown): void => this.#noteError(error);
    const { queues } = this.#setup.workload;
    this.#consumers.push(await driver.openConsumer({ name: topic, queues }, group, tracker.onBody, onError));
  }

  #trackerOf(subscription: number): ReceiveTracker {
    const { run, workload, epochMs } = this.#setup;
    let tracker = this.#trackers[subscription];
    if (tracker === undefined) {
      const reader = new BodyReader(
        run,
        workload.messageSize,
        epochMs,
        workload.rate === 0 ? FAST_COMPARE : 1,
      );
      tracker = new ReceiveTracker(reader, this.#record);
      this.#trackers[subscription] = tracker;
    }
    return tracker;
  }

  #produce(order: ProduceOrder): void {
    const { producers, totalProducers } = this.#setup;
    this.#record.measureFromMs = order.measureFromMs;
    this.#record.measureToMs = order.measureToMs;
    this.#loop.start((sender, place) => {
      if (order.rate === 0) {
        return FULL_SPEED;
      }
      const index = producers[place]?.index ?? 0;
      return new EvenSchedule(order.startMs, order.rate, totalProducers, index, sender.number);
    });
  }

  async #stop(): Promise<void> {
    this.#loop.stop();
    await Promise.all(this.#loop.senders.map((sender) => sender.producer?.flush()));
    this.#publish();
  }

  async #finish(): Promise<ThreadResult> {
    clearInterval(this.#publishing);
    const { producers } = this.#setup;
    const sentBy = this.#loop.senders.map((sender, place) => ({
      producer: producers[place]?.index ?? 0,
      sent: sender.number,
      failed: sender.failedCount,
    }));
    const driver = await this.#open();
    await Promise.allSettled(this.#consumers.map((consumer) => consumer.close()));
    await Promise.allSettled(this.#loop.senders.map((sender) => sender.producer?.close()));
    await driver.close().catch(() => {});
    return { ...this.#received(), sentBy, errors: this.#errors };
  }

  #received(): Omit<ThreadResult, 'sentBy' | 'errors'> {
    const result = {
      sendFromActual: this.#fromActual.encode(),
      sendFromIntended: this.#fromIntended.encode(),
      endToEnd: this.#endToEnd.encode(),
      seen: [] as ThreadResult['seen'],
      duplicates: 0,
      damaged: 0,
      foreign: 0,
    };
    this.#trackers.forEach((tracker, subscription) => {
      result.duplicates += tracker.duplicates;
      result.damaged += tracker.damaged;
      result.foreign += tracker.foreign;
      tracker.seen.forEach((numbers, producer) => {
        result.seen.push({ subscription, producer, words: numbers.words });
      });
    });
    return result;
  }

  #publish(): void {
    let sent = 0;
    let acked = 0;
    let failed = 0;
    for (const sender of this.#loop.senders) {
      sent += sender.number;
      acked += sender.ackedCount;
      failed += sender.failedCount;
    }
    const counters = this.#setup.counters;
    counters[COUNTER.sent] = sent;
    counters[COUNTER.acked] = acked;
    counters[COUNTER.failed] = failed;
  }

  #noteError(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#errors.length < KEPT_ERRORS && !this.#errors.includes(text)) {
      this.#errors.push(text);
    }
  }
}
