/** The consumer: loops over messages or batches, on top of a membership that exists while a loop runs. */

import { RecordSlab } from '../../batch/record-slab.js';
import { isRingMQError, RingMQError } from '../../wire/index.js';
import { abortable, abortError, Deferred, pause, throwIfAborted } from '../abort.js';
import { callUser } from '../callback.js';
import type { Connection } from '../link/connection.js';
import { anyNameOption, badArgument, checkCallOptions, nameOption, numberOption } from '../options.js';
import type {
  AssignedQueue,
  CallOptions,
  ConsumedMessage,
  Consumer,
  ConsumerOptions,
  MessageBatch,
  RunOptions,
  StartPosition,
} from '../types.js';
import { checkConsumerOptions, checkRun } from './consumer-options.js';
import { Delivery } from './delivery.js';
import { parseFilter, type TagFilter } from './filter.js';
import { GroupMember } from './group-member.js';
import type { BatchInfo, ReceivedBatch } from './message.js';

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** Where a group starts, as the wire has it. Throws `BAD_ARGUMENT` naming the option. */
export function startPosition(from: StartPosition | Date | undefined, option = 'from'): StartPosition {
  if (from === undefined || from === 'earliest' || from === 'latest') {
    return from ?? 'earliest';
  }
  // Read once: what was checked is what is sent.
  const { time, offset } = (from instanceof Date ? { time: from.getTime() } : Object(from)) as Partial<
    Record<'time' | 'offset', unknown>
  >;
  if (offset === undefined && isPosition(time)) {
    return { time };
  }
  if (time === undefined && isPosition(offset)) {
    return { offset };
  }
  throw badArgument(option, 'must be earliest, latest, a Date, { time } or { offset }');
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

export class GroupConsumer implements Consumer {
  readonly group: string;
  readonly topic: string;
  readonly #connection: Connection;
  readonly #options: ConsumerOptions;
  readonly #filter: TagFilter;
  readonly #from: StartPosition;
  readonly #windowBytes: number;
  readonly #commitIntervalMs: number;
  readonly #revokeGraceMs: number;
  readonly #delivery: Delivery;
  readonly #onClosed: (consumer: GroupConsumer) => void;
  readonly #assigned = new Deferred<AssignedQueue[]>();
  #member: GroupMember | null = null;
  #isReading = false;
  /** Ends the loop: null for a plain end. */
  #end: { error: RingMQError | null } | null = null;
  #change: Deferred<void> | null = null;
  /** Handlers of `run` at work. */
  #running: Promise<void> | null = null;
  #closed: Promise<void> | null = null;

  constructor(connection: Connection, options: ConsumerOptions, onClosed: (consumer: GroupConsumer) => void) {
    checkConsumerOptions(options);
    this.group = nameOption('group', options.group);
    this.topic = anyNameOption('topic', options.topic);
    this.#filter = parseFilter(options.filter);
    this.#from = startPosition(options.from);
    this.#windowBytes = numberOption(
      'windowBytes',
      options.windowBytes,
      4 * 1024 * 1024,
      64 * 1024,
      1024 ** 3,
    );
    this.#commitIntervalMs = numberOption('commitIntervalMs', options.commitIntervalMs, 100, 1, 60_000);
    this.#revokeGraceMs = numberOption('revokeGraceMs', options.revokeGraceMs, 3_000, 0, 8_000);
    this.#delivery = new Delivery(this.topic, this.#filter, options.verifyChecksums);
    this.#options = { ...options };
    this.#connection = connection;
    this.#onClosed = onClosed;
  }

  get assigned(): Promise<AssignedQueue[]> {
    return this.#assigned.promise;
  }

  get queues(): AssignedQueue[] {
    return this.#member?.queues ?? [];
  }

  get bufferedBytes(): number {
    return this.#member?.inbox.bufferedBytes ?? 0;
  }

  [Symbol.asyncIterator](): AsyncIterator<ConsumedMessage, undefined, undefined> {
    const batches = this.batches();
    const slab = new RecordSlab();
    let messages: Iterator<ConsumedMessage, undefined> | null = null;
    let info: BatchInfo | null = null;
    const nextBatch = async (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
      const batch = await batches.next();
      if (batch.done === true) {
        return DONE;
      }
      const received = batch.value as ReceivedBatch;
      messages = received.owned(slab);
      info = received.info;
      return next();
    };
    const next = (): Promise<IteratorResult<ConsumedMessage, undefined>> => {
      const message = messages?.next();
      if (message === undefined || message.done === true) {
        return nextBatch();
      }
      // What was taken away or ended while the batch was being read is not handed out any more.
      if (this.#end !== null || info?.held !== true) {
        return nextBatch();
      }
      return Promise.resolve(message);
    };
    return {
      next,
      return: async () => {
        messages = null;
        await batches.return?.();
        return DONE;
      },
    };
  }

  batches(options?: CallOptions): AsyncIterableIterator<MessageBatch, undefined, undefined> {
    checkCallOptions('batches', options);
    return this.#loop(options, undefined);
  }

  /** A loop over batches. `beforeLeave`: what must end before the group is left, because it may still ack. */
  #loop(
    options: CallOptions | undefined,
    beforeLeave: (() => Promise<unknown>) | undefined,
  ): AsyncIterableIterator<MessageBatch, undefined, undefined> {
    const signals = [this.#options.signal, options?.signal].filter((signal) => signal !== undefined);
    const onAbort = (event: Event) => this.#endWith(abortError(event.target as AbortSignal));
    let isStarted = false;
    let isOver = false;
    const finish = async (): Promise<IteratorReturnResult<undefined>> => {
      if (isOver) {
        return DONE;
      }
      isOver = true;
      if (!isStarted) {
        return DONE;
      }
      for (const signal of signals) {
        signal.removeEventListener('abort', onAbort);
      }
      await beforeLeave?.();
      await this.#leave();
      return DONE;
    };
    const start = () => {
      for (const signal of signals) {
        throwIfAborted(signal);
      }
      this.#startReading();
      isStarted = true;
      for (const signal of signals) {
        signal.addEventListener('abort', onAbort, { once: true });
      }
    };
    const next = async (): Promise<IteratorResult<MessageBatch, undefined>> => {
      if (isOver) {
        return DONE;
      }
      try {
        if (!isStarted) {
          start();
        }
        const batch = this.#tryNext() ?? (await this.#nextLater());
        return batch === null ? finish() : { value: batch, done: false };
      } catch (error) {
        await finish();
        throw error;
      }
    };
    const iterator: AsyncIterableIterator<MessageBatch, undefined, undefined> = {
      next,
      return: finish,
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  async run(handler: (message: ConsumedMessage) => unknown, options: RunOptions = {}): Promise<void> {
    checkRun(handler, options);
    const concurrency = numberOption('concurrency', options.concurrency, 1, 1, 65_536);
    const running = new Deferred<void>();
    this.#running = running.promise;
    const atWork = new Set<Promise<void>>();
    let failure: { error: unknown } | null = null;
    const handle = async (message: ConsumedMessage): Promise<void> => {
      try {
        await handler(message);
        await message.ack();
      } catch (error) {
        failure ??= { error };
        // Wakes the loop if it waits for messages.
        this.#endWith(null);
      }
    };
    const slab = new RecordSlab();
    try {
      for await (const batch of this.#loop(options, () => Promise.all(atWork))) {
        for (const messages = (batch as ReceivedBatch).owned(slab); ; ) {
          const message = messages.next();
          if (message.done === true || failure !== null || this.#end !== null) {
            break;
          }
          const work = handle(message.value);
          atWork.add(work);
          void work.then(() => atWork.delete(work));
          if (atWork.size >= concurrency) {
            await Promise.race(atWork);
          }
        }
        if (failure !== null) {
          break;
        }
      }
    } finally {
      await Promise.all(atWork);
      running.resolve();
      this.#running = null;
    }
    if (failure !== null) {
      throw (failure as { error: unknown }).error;
    }
  }

  async commit(options?: CallOptions): Promise<void> {
    checkCallOptions('commit', options);
    throwIfAborted(options?.signal);
    if (this.#member !== null) {
      await abortable(this.#member.commit(), options?.signal);
    }
  }

  close(options?: CallOptions): Promise<void> {
    this.#closed ??= this.#close();
    return abortable(this.#closed, options?.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#endWith(null);
    // Handlers at work may still ack, but one that waits for this very call must not hold it up.
    if (this.#running !== null) {
      const stop = new AbortController();
      await Promise.race([this.#running, pause(this.#revokeGraceMs, stop.signal)]);
      stop.abort();
    }
    await this.#leave();
    this.#onClosed(this);
  }

  #startReading(): void {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the consumer is closed');
    }
    if (this.#connection.failure !== null) {
      throw this.#connection.failure;
    }
    if (this.#isReading) {
      throw new RingMQError('BAD_ARGUMENT', 'the consumer is being read already; one loop at a time');
    }
    this.#isReading = true;
    this.#end = null;
    this.#member = new GroupMember(this.#connection, {
      group: this.group,
      topic: this.topic,
      filter: this.#filter.expression,
      from: this.#from,
      windowBytes: this.#windowBytes,
      commitIntervalMs: this.#commitIntervalMs,
      revokeGraceMs: this.#revokeGraceMs,
      onAssigned: (queues) => {
        this.#assigned.resolve(queues);
        callUser(this.#options.onAssigned, queues);
      },
      onRevoked: this.#options.onRevoked,
      onChange: () => this.#wake(),
    });
  }

  /** Commits, leaves the group; the consumer may be read anew after that. */
  async #leave(): Promise<void> {
    const member = this.#member;
    if (member === null) {
      return;
    }
    await member.leave();
    if (this.#member !== member) {
      return;
    }
    this.#member = null;
    this.#isReading = false;
  }

  #tryNext(): ReceivedBatch | null {
    const member = this.#member;
    if (member === null || this.#end !== null || member.failure !== null) {
      return null;
    }
    return this.#delivery.next(member);
  }

  /** Waits for a batch; null at the end. Throws what ended the membership. */
  async #nextLater(): Promise<ReceivedBatch | null> {
    for (;;) {
      const member = this.#member;
      if (this.#end !== null) {
        if (this.#end.error !== null) {
          throw this.#end.error;
        }
        return null;
      }
      if (member === null) {
        return null;
      }
      if (member.failure !== null) {
        // The client was closed in an orderly way: the loop just ends.
        if (isRingMQError(member.failure) && member.failure.code === 'CLOSED') {
          return null;
        }
        throw member.failure;
      }
      const batch = this.#delivery.next(member);
      if (batch !== null) {
        return batch;
      }
      this.#change ??= new Deferred<void>();
      await this.#change.promise;
    }
  }

  #endWith(error: RingMQError | null): void {
    this.#end ??= { error };
    this.#wake();
  }

  #wake(): void {
    this.#change?.resolve();
    this.#change = null;
  }
}
