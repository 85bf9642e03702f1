import type { Client, OutgoingMessage, Producer } from '../../native-free/client/index.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import type { LatencyRecorder } from './latency.js';
import type { LoadTally } from './load-tally.js';
import { evenPace, FULL_SPEED, type Pace } from './pace.js';
import { StampedBody } from './stamp.js';

/** How messages are handed to the library. */
export type ProduceApi = 'write' | 'send' | 'batch';

export interface ProduceLoad {
  topic: string;
  size: number;
  count: number;
  /** It writes no more from then on, on `performance.now()`'s clock; Infinity: only the count ends it. */
  untilMs: number;
  /** Messages a second; null: as fast as it goes. */
  rate: number | null;
  api: ProduceApi;
  /** A message that is not acked by then has failed; undefined: the library's default. */
  timeoutMs: number | undefined;
  /** Under `send`: promises under way at once. */
  inFlight: number;
  run: number;
  /** Write to ack, of the messages that were timed. */
  latency: LatencyRecorder;
  /** The bodies carry the time they were written. */
  stamp: boolean;
  onProgress: (more: number) => void;
  tally: LoadTally;
}

/** Messages written between two looks at clock and progress. */
const CHUNK = 64;
/** Under `write` this many share one that is sent with a promise, to learn when it was acked. */
const SAMPLE_EVERY = 1024;
/** At a rate more of them are, up to so many a second: a slow run would else have none. */
const SAMPLES_PER_SECOND = 500;
/** Promises under way under `send`, unless told otherwise: what a producer has with the broker at most, 64 batches, is hardly more. */
const DEFAULT_IN_FLIGHT = 32_768;
/** And no more than this, bytes: a producer packs 15 MiB of messages, what is beyond waits unpacked and costs twice. */
const DEFAULT_IN_FLIGHT_BYTES = 12 * 1024 * 1024;

/** Messages of `size` bytes that are under way under `send`, unless told otherwise. */
export function defaultInFlight(size: number): number {
  return Math.max(16, Math.min(DEFAULT_IN_FLIGHT, Math.floor(DEFAULT_IN_FLIGHT_BYTES / Math.max(1, size))));
}

/** Messages of one `sendBatch`, and how many of these are under way. */
const BATCH_MESSAGES = 256;
const BATCH_WINDOW = 64;

/** How many messages failed, and what the first of them failed with. */
export interface LoadFailures {
  count: number;
  cause: unknown;
}

/** Produces `load.count` messages over one connection, or until its time is over; resolves when all are acked or failed. */
export async function produceLoad(client: Client, load: ProduceLoad): Promise<LoadFailures> {
  const producer = client.producer({
    group: 'ringmq-bench',
    onError: ({ numbers }) => {
      load.tally.failed += numbers.length;
    },
    ...(load.timeoutMs === undefined ? {} : { sendTimeoutMs: load.timeoutMs }),
  });
  const pace = load.rate === null ? FULL_SPEED : evenPace(load.rate);
  const run = { write: writeAll, send: sendAll, batch: batchAll }[load.api];
  const failures = await run(producer, load, pace);
  await producer.close().catch(() => {});
  load.tally.outstanding = () => 0;
  return failures;
}

function isOver({ tally, count, untilMs }: ProduceLoad): boolean {
  return tally.written >= count || (untilMs !== Number.POSITIVE_INFINITY && monotonicMs() >= untilMs);
}

/** Message by message through `write`; one in {@link SAMPLE_EVERY}, or more at a rate, goes through `send` in its place and is timed. */
async function writeAll(producer: Producer, load: ProduceLoad, pace: Pace): Promise<LoadFailures> {
  const body = new StampedBody(load.size, load.run);
  const message: OutgoingMessage = { topic: load.topic, body: body.bytes };
  const samples = new Set<Promise<void>>();
  const failures: LoadFailures = { count: 0, cause: undefined };
  const { tally } = load;
  const sampleEvery = Math.max(
    1,
    Math.min(SAMPLE_EVERY, Math.floor((load.rate ?? Number.POSITIVE_INFINITY) / SAMPLES_PER_SECOND)),
  );
  // Every record is as long as the first, so the bytes that wait tell how many they are.
  let recordBytes = 0;
  tally.outstanding = () =>
    recordBytes === 0 ? tally.written - tally.failed : Math.round(producer.bufferedBytes / recordBytes);
  const sample = (intended: number): void => {
    const copy = { topic: load.topic, body: body.bytes.slice() };
    const done: Promise<void> = producer.send(copy).then(
      () => load.latency.record(monotonicMs() - intended),
      (error) => {
        failures.count++;
        failures.cause ??= error;
        tally.failed++;
      },
    );
    samples.add(done);
    void done.then(() => samples.delete(done));
  };
  // Counted up: a remainder would take as long as much of what packing a message does.
  let nextSample = 0;
  while (!isOver(load)) {
    const { written } = tally;
    const due = pace.due(written, Math.min(CHUNK, load.count - written));
    const count = typeof due === 'number' ? due : await due;
    const intended = pace.intended(written);
    if (load.stamp) {
      body.setTime(intended);
    }
    for (let i = 0; i < count; i++) {
      if (written + i === nextSample) {
        nextSample += sampleEvery;
        const before = producer.bufferedBytes;
        sample(intended);
        recordBytes ||= producer.bufferedBytes - before;
      } else if (!producer.write(message)) {
        tally.written = written + i + 1;
        await producer.ready();
      }
    }
    tally.written = written + count;
    load.onProgress(count);
  }
  await producer.flush().catch((error: unknown) => {
    const count = isRingMQError(error) ? error.details['failedCount'] : undefined;
    failures.count += typeof count === 'number' ? count : 1;
    failures.cause ??= error;
  });
  await Promise.all(samples);
  return failures;
}

/** A promise and a receipt for every message, up to `inFlight` of them under way; every 16th is timed, or each of few. */
async function sendAll(producer: Producer, load: ProduceLoad, pace: Pace): Promise<LoadFailures> {
  const { tally } = load;
  const window = new Window(load.inFlight, tally);
  tally.outstanding = () => window.used;
  const timeEvery = load.inFlight < 16 ? 1 : 16;
  let body = new StampedBody(load.size, load.run);
  while (!isOver(load)) {
    const sent = tally.written;
    const due = pace.due(sent, Math.min(load.stamp ? 1 : CHUNK, load.count - sent));
    const count = typeof due === 'number' ? due : await due;
    if (load.stamp) {
      // A sent message may not change until it is acked: one that carries its own time needs its own body.
      body = new StampedBody(load.size, load.run);
      body.setTime(pace.intended(sent));
    }
    for (let i = 0; i < count; i++) {
      if (window.isFull) {
        await window.room();
      }
      window.enter();
      tally.written++;
      const promise = producer.send({ topic: load.topic, body: body.bytes });
      if ((sent + i) % timeEvery === 0) {
        timeOne(promise, pace.intended(sent + i), load.latency, window);
      } else {
        promise.then(window.leave, window.fail);
      }
    }
    load.onProgress(count);
  }
  await window.empty();
  return window.failures;
}

function timeOne(
  promise: Promise<unknown>,
  intended: number,
  latency: LatencyRecorder,
  window: Window,
  count = 1,
): void {
  promise.then(() => {
    latency.record(monotonicMs() - intended, count);
    window.leave();
  }, window.fail);
}

/** {@link BATCH_MESSAGES} messages a call; every call is timed, its time counts for each of its messages. */
async function batchAll(producer: Producer, load: ProduceLoad, pace: Pace): Promise<LoadFailures> {
  const window = new Window(BATCH_WINDOW);
  const failures: LoadFailures = { count: 0, cause: undefined };
  const { tally } = load;
  let settled = 0;
  tally.outstanding = () => tally.written - settled;
  while (!isOver(load)) {
    const sent = tally.written;
    const due = pace.due(sent, Math.min(BATCH_MESSAGES, load.count - sent));
    const count = typeof due === 'number' ? due : await due;
    if (window.isFull) {
      await window.room();
    }
    window.enter();
    const intended = pace.intended(sent);
    const body = new StampedBody(load.size, load.run);
    body.setTime(intended);
    const message: OutgoingMessage = { topic: load.topic, body: body.bytes };
    const promise = producer.sendBatch(new Array<OutgoingMessage>(count).fill(message));
    tally.written += count;
    promise.then(
      () => {
        settled += count;
      },
      (error: unknown) => {
        settled += count;
        failures.count += count;
        failures.cause ??= error;
        tally.failed += count;
      },
    );
    timeOne(promise, intended, load.latency, window, count);
    load.onProgress(count);
  }
  await window.empty();
  return failures;
}

/** Calls under way, and somebody who waits for one of them to end. */
class Window {
  readonly failures: LoadFailures = { count: 0, cause: undefined };
  readonly #size: number;
  readonly #tally: LoadTally | null;
  #used = 0;
  #waiter: (() => void) | null = null;
  #wanted = 0;

  /** `tally`: told of each that fails. */
  constructor(size: number, tally: LoadTally | null = null) {
    this.#size = size;
    this.#tally = tally;
  }

  get used(): number {
    return this.#used;
  }

  get isFull(): boolean {
    return this.#used >= this.#size;
  }

  enter(): void {
    this.#used++;
  }

  /** Functions made once: a promise each is what is measured, not a closure more. */
  readonly leave = (): void => {
    this.#used--;
    if (this.#waiter !== null && this.#used <= this.#wanted) {
      const waiter = this.#waiter;
      this.#waiter = null;
      waiter();
    }
  };

  readonly fail = (error: unknown): void => {
    this.failures.count++;
    this.failures.cause ??= error;
    if (this.#tally !== null) {
      this.#tally.failed++;
    }
    this.leave();
  };

  /** Resolves when an eighth of the window is free: one wake for many. */
  room(): Promise<void> {
    return this.#waitFor(this.#size - Math.ceil(this.#size / 8));
  }

  empty(): Promise<void> {
    return this.#waitFor(0);
  }

  #waitFor(used: number): Promise<void> {
    if (this.#used <= used) {
      return Promise.resolve();
    }
    this.#wanted = used;
    return new Promise((resolve) => {
      this.#waiter = resolve;
    });
  }
}
