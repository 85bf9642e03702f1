/** The consumer: loops over messages or batches, on top of a reading that lasts as long as the loop. */

import { isRingMQError, RingMQError } from '../../wire/index.js';
import { abortable, Deferred, pause, throwIfAborted } from '../abort.js';
import { ControlAdmin } from '../admin.js';
import { callUser } from '../callback.js';
import type { Connection } from '../link/connection.js';
import { checkCallOptions } from '../options.js';
import type {
  AssignedQueue,
  CallOptions,
  ConsumedMessage,
  Consumer,
  ConsumerOptions,
  ConsumerStats,
  MessageBatch,
  RunOptions,
} from '../types.js';
import { batchLoop } from './batch-loop.js';
import { HandlerCalls } from './inside-handler.js';
import type { ReceivedBatch } from './message.js';
import { messageLoop } from './message-loop.js';
import { Reading } from './reading.js';
import { Run } from './run.js';
import { type ConsumerSettings, consumerSettings, runSettings } from './settings.js';
import { statsOf } from './stats.js';
import { Warnings } from './warnings.js';

export class GroupConsumer implements Consumer {
  readonly group: string;
  readonly topic: string;
  readonly topics: readonly string[];
  readonly #connection: Connection;
  readonly #options: ConsumerOptions;
  readonly #settings: ConsumerSettings;
  readonly #warnings: Warnings;
  readonly #onClosed: (consumer: GroupConsumer) => void;
  readonly #handlerCalls = new HandlerCalls();
  #reading: Reading | null = null;
  /** A loop is going on. */
  #isInLoop = false;
  #assigned: Promise<AssignedQueue[]> | null = null;
  /** Handlers of `run` at work. */
  #running: Promise<void> | null = null;
  #closed: Promise<void> | null = null;

  constructor(connection: Connection, options: ConsumerOptions, onClosed: (consumer: GroupConsumer) => void) {
    this.#settings = consumerSettings(options);
    this.group = this.#settings.group;
    this.topics = this.#settings.topics;
    this.topic = this.topics[0] as string;
    this.#warnings = new Warnings(options.onWarning);
    this.#options = { ...options };
    this.#connection = connection;
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
    return messageLoop(this.#loop(undefined), () => this.#reading === null || this.#reading.isEnding);
  }

  batches(options?: CallOptions): AsyncIterableIterator<MessageBatch, undefined, undefined> {
    checkCallOptions('batches', options);
    return this.#loop(options);
  }

  async run(handler: (message: ConsumedMessage) => unknown, options: RunOptions = {}): Promise<void> {
    const { concurrency } = runSettings(handler, options);
    if (this.#running !== null) {
      throw new RingMQError('BAD_ARGUMENT', 'the consumer is run already; one run at a time');
    }
    this.#refuseSecondReader();
    const running = new Deferred<void>();
    this.#running = running.promise;
    const run = new Run(handler, this.#handlerCalls, {
      concurrency,
      stop: () => this.#reading?.endWith(null),
      isEnding: () => this.#reading === null || this.#reading.isEnding,
    });
    try {
      await run.through(this.#loop(options, () => run.drained()));
    } finally {
      running.resolve();
      this.#running = null;
    }
  }

  async commit(options?: CallOptions): Promise<void> {
    checkCallOptions('commit', options);
    throwIfAborted(options?.signal);
    if (this.#reading !== null) {
      await abortable(this.#reading.commit(), options?.signal);
    }
  }

  async stats(options?: CallOptions): Promise<ConsumerStats> {
    checkCallOptions('stats', options);
    const admin = new ControlAdmin(this.#connection.requests);
    return statsOf(
      this.#reading?.topics ?? [],
      async (topic) => (await admin.describeTopic(topic, options)).queueStates,
    );
  }

  close(options?: CallOptions): Promise<void> {
    try {
      checkCallOptions('close', options);
    } catch (error) {
      return Promise.reject(error);
    }
    const isInside = this.isInsideHandler;
    const closed = this.finish();
    return isInside ? Promise.resolve() : abortable(closed, options?.signal);
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
    const signals = [this.#options.signal, options?.signal].filter((signal) => signal !== undefined);
    let reading: Reading | null = null;
    return batchLoop(
      {
        start: () => {
          this.#refuseSecondReader();
          reading = this.#read();
          this.#isInLoop = true;
        },
        tryNext: () => reading?.tryNext() ?? null,
        next: () => reading?.next() ?? Promise.resolve(null),
        endWith: (error) => reading?.endWith(isRingMQError(error) ? error : null),
        leave: async () => {
          await beforeLeave?.();
          await this.#leave();
        },
      },
      signals,
    );
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
    if (this.#connection.failure !== null) {
      throw this.#connection.failure;
    }
    if (this.#reading !== null) {
      return this.#reading;
    }
    const { group, topics, filter, from, onDamage } = this.#settings;
    const { windowBytes, commitIntervalMs, revokeGraceMs, maxUnackedCount, unackedWarningMs } =
      this.#settings;
    this.#reading = new Reading(this.#connection, {
      group,
      topics,
      tagFilter: filter,
      from,
      windowBytes,
      commitIntervalMs,
      revokeGraceMs,
      maxUnackedCount,
      unackedWarningMs,
      onDamage,
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
    this.#isInLoop = false;
  }
}
