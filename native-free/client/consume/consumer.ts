/** The consumer: loops over messages or batches, on top of a reading that lasts as long as the loop. */

import { isRingMQError, RingMQError } from '../../wire/index.js';
import { abortable, Deferred, pause, throwIfAborted } from '../abort.js';
import { ControlAdmin } from '../admin.js';
import type { Brokers } from '../brokers.js';
import { callUser } from '../callback.js';
import { badArgument, closeWith, takeCallOptions } from '../options.js';
import { INSPECT, shown } from '../shown.js';
import type {
  AssignedQueue,
  BatchOptions,
  CallOptions,
  ConsumedMessage,
  Consumer,
  ConsumerOptions,
  ConsumerStats,
  MessageBatch,
  MessageBatches,
  PollOptions,
  QueuePosition,
  QueueSelection,
  RunOptions,
  SeekOptions,
  StartPosition,
} from '../types.js';
import { batchLoop, type LoopSource } from './batch-loop.js';
import { Gatherer, type GatherSettings } from './gather.js';
import { inTime } from './in-time.js';
import { HandlerCalls } from './inside-handler.js';
import { isSelected } from './memberships.js';
import { messageLoop } from './message-loop.js';
import { OrderedRun } from './ordered-run.js';
import { Poller } from './poller.js';
import { Reading } from './reading.js';
import type { ReceivedBatch } from './received-batch.js';
import { runUnordered, Workers } from './run.js';
import {
  batchesSettings,
  type ConsumerSettings,
  consumerSettings,
  pollSettings,
  queueSelection,
  runSettings,
  seekSettings,
  takeConsumerOptions,
} from './settings.js';
import { startPosition } from './start-position.js';
import { statsOf } from './stats.js';
import { Warnings } from './warnings.js';

export class GroupConsumer implements Consumer {
  readonly group: string;
  readonly topic: string;
  readonly topics: readonly string[];
  readonly #brokers: Brokers;
  readonly #options: ConsumerOptions;
  readonly #settings: ConsumerSettings;
  readonly #warnings: Warnings;
  readonly #onClosed: (consumer: GroupConsumer) => void;
  readonly #handlerCalls = new HandlerCalls();
  #reading: Reading | null = null;
  /** A loop is going on. */
  #isInLoop = false;
  #assigned: Promise<AssignedQueue[]> | null = null;
  /** The reading is polled, and has been since it began. */
  #poller: Poller | null = null;
  #isPolling = false;
  /** Handlers of `run` at work. */
  #running: Promise<void> | null = null;
  #closed: Promise<void> | null = null;

  constructor(brokers: Brokers, options: ConsumerOptions, onClosed: (consumer: GroupConsumer) => void) {
    this.#options = takeConsumerOptions(options);
    this.#settings = consumerSettings(this.#options);
    this.group = this.#settings.group;
    this.topics = this.#settings.topics;
    this.topic = this.topics[0] as string;
    this.#warnings = new Warnings(this.#options.onWarning);
    this.#brokers = brokers;
    this.#onClosed = onClosed;
  }

  get assigned(): Promise<AssignedQueue[]> {
    if (this.#assigned === null) {
      try {
        this.#read();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#assigned as unknown as Promise<AssignedQueue[]>;
  }

  get queues(): AssignedQueue[] {
    return this.#reading?.queues ?? [];
  }

  get bufferedBytes(): number {
    return this.#reading?.bufferedBytes ?? 0;
  }

  /** True: this is being called from within a handler of `run`, and must not wait for it. */
  get isInsideHandler(): boolean {
    return this.#running !== null && this.#handlerCalls.isInside;
  }

  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage, undefined, undefined> {
    return messageLoop(this.#loop(undefined), () => this.#reading);
  }

  batches(options?: BatchOptions): MessageBatches {
    const { gather, signal } = batchesSettings(options, this.#settings.windowBytes);
    return gather === null ? this.#loop({ signal }) : this.#gatheringLoop({ signal }, gather);
  }

  async run(handler: (message: ConsumedMessage) => unknown, options: RunOptions = {}): Promise<void> {
    const { concurrency, order, signal } = runSettings(handler, options);
    if (this.#running !== null) {
      throw new RingMQError('BAD_ARGUMENT', 'the consumer is run already; one run at a time');
    }
    this.#refuseSecondReader();
    const running = new Deferred<void>();
    this.#running = running.promise;
    const workers = new Workers(handler, this.#handlerCalls, () => this.#reading?.endWith(null));
    try {
      if (order === 'none') {
        const batches = this.#loop({ signal }, () => workers.allDone());
        await runUnordered(batches, () => this.#reading, workers, concurrency);
      } else {
        await this.#runOrdered({ signal }, workers, concurrency, order);
      }
    } finally {
      await workers.allDone();
      running.resolve();
      this.#running = null;
    }
    workers.check();
  }

  async #runOrdered(
    options: CallOptions,
    workers: Workers,
    concurrency: number,
    order: 'queue' | 'key',
  ): Promise<void> {
    const source: LoopSource<never> = {
      ...this.#source(() => workers.allDone()),
      tryNext: () => null,
      next: async () => {
        await new OrderedRun(this.#reading as Reading, workers, concurrency, order).run();
        return null;
      },
    };
    await batchLoop(source, this.#signals(options)).next();
  }

  async poll(options: PollOptions = {}): Promise<ConsumedMessage[]> {
    const { max, waitMs, signal } = pollSettings(options);
    throwIfAborted(signal);
    throwIfAborted(this.#options.signal);
    this.#refuseSecondReader();
    if (this.#isPolling) {
      throw new RingMQError('BAD_ARGUMENT', 'the consumer is being polled already; one poll at a time');
    }
    this.#isPolling = true;
    try {
      const reading = this.#read();
      if (this.#poller === null || this.#poller.reading !== reading) {
        this.#poller = new Poller(reading);
      }
      return await this.#poller.poll(max, waitMs, signal);
    } finally {
      this.#isPolling = false;
    }
  }

  pause(queues?: QueueSelection | readonly number[]): void {
    const selection = queueSelection(queues, this.topics);
    this.#read().members.pause(selection);
  }

  resume(queues?: QueueSelection | readonly number[]): void {
    const selection = queueSelection(queues, this.topics);
    this.#read().members.resume(selection);
  }

  async seek(to: StartPosition | Date, options: SeekOptions = {}): Promise<void> {
    const { topic, queueId, brokerSet, signal } = seekSettings(options, this.topics);
    if (to === undefined) {
      throw badArgument('to', 'must be earliest, latest, a Date, { time } or { offset }');
    }
    const position = startPosition(to, 'to');
    throwIfAborted(signal);
    const reading = this.#read();
    // Who has given up is not to be moved later.
    await this.#inTime('seek', abortable(reading.assigned, signal));
    await this.#inTime(
      'seek',
      abortable(this.#seek(reading, position, { topic, queueId, brokerSet, signal }), signal),
    );
  }

  #inTime<T>(what: string, work: Promise<T>): Promise<T> {
    return inTime(what, work, this.#brokers, () => this.#closed !== null);
  }

  async #seek(
    reading: Reading,
    position: StartPosition,
    { topic, queueId, brokerSet, signal }: SeekOptions,
  ): Promise<void> {
    const members = reading.topics.filter((each) => isSelected(each, { topic, brokerSet }));
    if (queueId !== undefined && members.length > 1) {
      throw badArgument('brokerSet', 'says whose queue is meant, where several broker sets have the topic');
    }
    const seeks = members.map(({ member }) =>
      member.control.seek(position, queueId === undefined ? undefined : [queueId], signal),
    );
    await Promise.all(seeks);
  }

  position(): QueuePosition[] {
    return (this.#reading?.topics ?? []).flatMap(({ topic, link, member }) =>
      member.held.map(({ queueId, handedOut, done }) => ({
        topic,
        ...(link.set === null ? {} : { brokerSet: link.set }),
        queueId,
        offset: handedOut,
        doneOffset: done,
      })),
    );
  }

  async commit(options?: CallOptions): Promise<void> {
    const { signal } = takeCallOptions('commit', options);
    throwIfAborted(signal);
    if (this.#reading !== null) {
      await abortable(this.#reading.commit(), signal);
    }
  }

  async stats(options?: CallOptions): Promise<ConsumerStats> {
    const how = takeCallOptions('stats', options);
    return statsOf(this.#reading?.topics ?? [], async ({ topic, link }) => {
      if (link.set !== null && !link.connection.isOpen) {
        // What is known of its queues is what was read of them.
        return [];
      }
      return (await new ControlAdmin(link.connection.requests).describeTopic(topic, how)).queueStates;
    });
  }

  close(options?: CallOptions): Promise<void> {
    const isInside = this.isInsideHandler;
    return closeWith(options, ({ signal }) => {
      const closed = this.finish();
      return isInside ? Promise.resolve() : abortable(closed, signal);
    });
  }

  /** Closes, and resolves when it has, wherever it is called from. */
  finish(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#reading?.endWith(null);
    // Handlers at work may still ack, as long as the grace lasts.
    if (this.#running !== null) {
      const stop = new AbortController();
      await Promise.race([this.#running, pause(this.#settings.revokeGraceMs, stop.signal)]);
      stop.abort();
    }
    await this.#leave();
    this.#onClosed(this);
  }

  /** `beforeLeave`: what must end before the group is left, because it may still ack. */
  #loop(
    options: CallOptions | undefined,
    beforeLeave?: () => Promise<void>,
  ): AsyncIterableIterator<ReceivedBatch, undefined, undefined> {
    const source: LoopSource<ReceivedBatch> = {
      ...this.#source(beforeLeave),
      tryNext: () => this.#reading?.tryNext() ?? null,
      next: () => this.#reading?.next() ?? Promise.resolve(null),
    };
    return batchLoop(source, this.#signals(options));
  }

  #gatheringLoop(
    options: CallOptions | undefined,
    gather: GatherSettings,
  ): AsyncIterableIterator<MessageBatch, undefined, undefined> {
    let gatherer: Gatherer | null = null;
    const source: LoopSource<MessageBatch> = {
      ...this.#source(undefined),
      tryNext: () => null,
      next: () => {
        gatherer ??= this.#reading === null ? null : new Gatherer(this.#reading, gather);
        return gatherer?.next() ?? Promise.resolve(null);
      },
    };
    return batchLoop(source, this.#signals(options));
  }

  /** What all loops have in common: how they begin and end. */
  #source(
    beforeLeave: (() => Promise<void>) | undefined,
  ): Pick<LoopSource<never>, 'start' | 'endWith' | 'leave'> {
    return {
      start: () => {
        this.#refuseSecondReader();
        if (this.#poller !== null) {
          throw new RingMQError(
            'BAD_ARGUMENT',
            'the consumer is polled; close it before another reads in a loop',
          );
        }
        this.#read();
        this.#isInLoop = true;
      },
      endWith: (error) => this.#reading?.endWith(isRingMQError(error) ? error : null),
      leave: async () => {
        await beforeLeave?.();
        await this.#leave();
      },
    };
  }

  #signals(options: CallOptions | undefined): AbortSignal[] {
    return [this.#options.signal, options?.signal].filter((signal) => signal !== undefined);
  }

  #refuseSecondReader(): void {
    if (this.#isInLoop) {
      throw new RingMQError('BAD_ARGUMENT', 'the consumer is being read already; one loop at a time');
    }
  }

  /** The reading that is going on, or a new one. */
  #read(): Reading {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the consumer is closed');
    }
    if (this.#brokers.failure !== null) {
      throw this.#brokers.failure;
    }
    if (this.#reading !== null) {
      return this.#reading;
    }
    const { memberGroup, filter, ...settings } = this.#settings;
    this.#reading = new Reading(this.#brokers, {
      ...settings,
      group: memberGroup,
      tagFilter: filter,
      verifyChecksums: this.#options.verifyChecksums,
      warnings: this.#warnings,
      onAssigned: (queues) => callUser(this.#options.onAssigned, queues),
      onRevoked: this.#options.onRevoked,
    });
    this.#assigned ??= this.#reading.assigned;
    return this.#reading;
  }

  /** Commits, leaves the group; the consumer may be read anew after that. */
  async #leave(): Promise<void> {
    const reading = this.#reading;
    if (reading === null) {
      return;
    }
    await reading.leave();
    if (this.#reading !== reading) {
      return;
    }
    this.#reading = null;
    this.#poller = null;
    this.#isInLoop = false;
  }

  [INSPECT](): object {
    const { group, topic, queues, bufferedBytes } = this;
    return shown('Consumer', { group, topic, queues, bufferedBytes, closed: this.#closed !== null });
  }
}
