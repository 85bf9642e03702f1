/** The producer as its user sees it: takes messages, bounds what waits, tells what became of them. */

import { checkBornTime, RECORDS_AT } from '../../batch/batch-builder.js';
import { badMessage, checkIsObject, checkParts } from '../../batch/record-writer.js';
import { TurnClock } from '../../batch/turn-clock.js';
import { clearTimeout, monotonicMs, setTimeout } from '../../time/index.js';
import { DURABILITY_NAMES, type Receipt, RingMQError, type TopicInfo } from '../../wire/index.js';
import { abortable, Deferred, pause, throwIfAborted } from '../abort.js';
import { callUser } from '../callback.js';
import { asRingMQError, Failures, sendBatchError } from '../failures.js';
import type { Connection } from '../link/connection.js';
import type { AckEntry } from '../link/send-line.js';
import { messageIdPrefix } from '../message-id.js';
import { badArgument, checkCallOptions, kindOf } from '../options.js';
import { INSPECT, shown } from '../shown.js';
import type {
  CallOptions,
  OutgoingMessage,
  Producer,
  ProducerOptions,
  SendFailure,
  SendOptions,
  WriteOptions,
} from '../types.js';
import { BatchDispatcher } from './batch-dispatcher.js';
import type { BatchOwner } from './batch-owner.js';
import { Packer } from './packer.js';
import { HeldMessages, type PendingMessage, pendingMessage } from './pending-message.js';
import { checkSendOptions, checkWriteOptions, producerSettings } from './producer-settings.js';
import type { SendBatch } from './send-batch.js';
import type { TopicCache } from './topic-cache.js';
import { TopicRoute } from './topic-route.js';

/** `send` calls that may wait for room, and the bytes of their records. */
const MAX_HELD = 1_048_576;
const MAX_HELD_BYTES = 1024 ** 3;
/**
 * `ready()` resolves when the buffer is filled to this share. A writer packs the rest in one go, without a look at acks; half a
 * buffer at a time let the broker run dry meanwhile, and a small part costs a turn of the event loop each time.
 */
const READY_SHARE = 0.75;
/** Between two tries to learn what has become of a topic. */
const LOOK_UP_AGAIN_MS = 250;
/** `send` packs up to so many times the buffer: a caller with many promises under way means them to be. */
const SEND_SHARE = 5;

/** Who made the producer. */
export interface ProducerOwner {
  /** It has failures that nobody was told of, or none any more. */
  onUntold(producer: RingProducer, hasFailures: boolean): void;
  onProducerClosed(producer: RingProducer): void;
}

export class RingProducer implements Producer, BatchOwner {
  readonly group: string;
  readonly bufferBytes: number;
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #topics: TopicCache;
  readonly #dispatcher: BatchDispatcher;
  readonly #packer: Packer;
  readonly #onError: ((failure: SendFailure) => void) | undefined;
  readonly #owner: ProducerOwner;
  readonly #routes = new Map<string, TopicRoute>();
  #lastRoute: TopicRoute | null = null;
  /** `send` calls beyond {@link SEND_SHARE} times the buffer. */
  readonly #held = new HeldMessages();
  /** Bytes of messages that wait for their topic. */
  #pendingBytes = 0;
  readonly #failures = new Failures();
  #nextNumber = 0;
  #readyWaiter: Deferred<void> | null = null;
  #flushWaiters: { upTo: number; done: Deferred<void> }[] = [];
  readonly #clock = new TurnClock();
  #closed: Promise<void> | null = null;

  constructor(connection: Connection, topics: TopicCache, options: ProducerOptions, owner: ProducerOwner) {
    const settings = producerSettings(options);
    this.group = settings.group;
    this.bufferBytes = settings.bufferBytes;
    this.#onError = options.onError;
    this.#connection = connection;
    this.#topics = topics;
    this.#owner = owner;
    const { maxInFlight, timeoutMs } = settings;
    this.#timeoutMs = timeoutMs;
    this.#dispatcher = new BatchDispatcher(connection.produce, this, maxInFlight, timeoutMs);
    this.#packer = new Packer(this.#dispatcher, connection.produce.buffers, settings);
  }

  get bufferedBytes(): number {
    return this.#packer.bytes + this.#pendingBytes;
  }

  get nextNumber(): number {
    return this.#nextNumber;
  }

  send(message: OutgoingMessage, options?: SendOptions): Promise<Receipt> {
    try {
      this.#checkOpen();
      checkIsObject(message);
      if (options === undefined) {
        return this.#take(message, options, true) as Promise<Receipt>;
      }
      checkSendOptions(options);
      if (options.signal === undefined) {
        return this.#take(message, options, true) as Promise<Receipt>;
      }
      throwIfAborted(options.signal);
      return abortable(this.#take(message, options, true) as Promise<Receipt>, options.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async sendBatch(messages: readonly OutgoingMessage[], options?: SendOptions): Promise<Receipt[]> {
    if (!Array.isArray(messages)) {
      throw badArgument('messages', `must be an array of messages, not ${kindOf(messages)}`);
    }
    if (options !== undefined) {
      checkSendOptions(options);
      throwIfAborted(options.signal);
    }
    // Rejections are looked at all together, so the signal is applied to the whole and not to each.
    const sends = messages.map((message) => this.send(message, options && { ...options, signal: undefined }));
    const results = await abortable(Promise.allSettled(sends), options?.signal);
    const receipts: Receipt[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') {
        receipts.push(result.value);
      }
    }
    if (receipts.length < messages.length) {
      throw sendBatchError(results);
    }
    return receipts;
  }

  write(message: OutgoingMessage, options?: WriteOptions): boolean {
    this.#checkOpen();
    if (this.bufferedBytes >= 2 * this.bufferBytes || this.#held.length > 0) {
      throw this.#bufferFull();
    }
    checkIsObject(message);
    if (options !== undefined) {
      checkWriteOptions(options);
    }
    const isUsual = options === undefined && message.bornTime === undefined;
    if (isUsual && this.#packer.packUsual(message, this.#clock, this.#nextNumber)) {
      this.#nextNumber++;
    } else {
      this.#take(message, options, false);
    }
    return this.bufferedBytes < this.bufferBytes;
  }

  async ready(options?: CallOptions): Promise<void> {
    checkCallOptions('ready', options);
    throwIfAborted(options?.signal);
    if (this.bufferedBytes < this.bufferBytes && this.#held.length === 0) {
      return;
    }
    this.#readyWaiter ??= new Deferred<void>();
    await abortable(this.#readyWaiter.promise, options?.signal);
  }

  async flush(options?: CallOptions): Promise<void> {
    checkCallOptions('flush', options);
    throwIfAborted(options?.signal);
    await this.#settled(this.#nextNumber, options?.signal);
    const failure = this.#failures.take();
    if (failure !== null) {
      this.#owner.onUntold(this, false);
      throw failure;
    }
  }

  close(options?: CallOptions): Promise<void> {
    try {
      checkCallOptions('close', options);
    } catch (error) {
      return Promise.reject(error);
    }
    this.#closed ??= this.#close(options);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CallOptions | undefined): Promise<void> {
    try {
      await this.flush(options);
    } finally {
      this.#end(new RingMQError('CLOSED', 'the producer is closed'));
      this.#owner.onProducerClosed(this);
    }
  }

  /** What is not settled fails. */
  #end(error: RingMQError): void {
    this.#failUnpacked(error);
    this.#packer.sealAll();
    this.#packer.close();
    this.#dispatcher.close(error);
    this.onProgress();
  }

  #checkOpen(): void {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the producer is closed');
    }
    if (this.#connection.failure !== null) {
      throw this.#connection.failure;
    }
  }

  #bufferFull(): RingMQError {
    return new RingMQError(
      'BUFFER_FULL',
      'write was called on although it had returned false; wait for ready()',
      {
        details: { limit: 2 * this.bufferBytes, value: this.bufferedBytes },
      },
    );
  }

  /** Takes one message: packs it, or keeps it until its topic is known or there is room. The promise of its receipt, if one is wanted. */
  #take(
    message: OutgoingMessage,
    options: SendOptions | undefined,
    wantsReceipt: boolean,
  ): Promise<Receipt> | null {
    checkParts(message);
    let route = this.#lastRoute;
    if (route === null || route.topic !== message.topic) {
      route = this.#routeOf(message.topic);
    }
    const bornTime = message.bornTime === undefined ? this.#clock.now() : checkBornTime(message.bornTime);
    const isFull =
      wantsReceipt && (this.#held.length > 0 || this.bufferedBytes >= SEND_SHARE * this.bufferBytes);
    if (route.info === null || route.pending.length > 0 || isFull) {
      return this.#keep(route, message, options, bornTime, wantsReceipt, isFull);
    }
    const receipt = this.#packer.pack(route, message, options, bornTime, this.#nextNumber, wantsReceipt);
    this.#nextNumber++;
    return receipt;
  }

  #routeOf(topic: unknown): TopicRoute {
    if (typeof topic !== 'string') {
      throw badMessage('topic', `must be a string, not ${typeof topic}`);
    }
    let route = this.#routes.get(topic);
    if (route === undefined) {
      route = new TopicRoute(topic);
      this.#routes.set(topic, route);
      void this.#resolve(route);
    }
    this.#lastRoute = route;
    return route;
  }

  /** Asks for the topic, for as long as messages may wait for it, then packs them. */
  async #resolve(route: TopicRoute): Promise<void> {
    for (;;) {
      try {
        route.resolve(await this.#lookUp(route));
        const waiting = route.pending;
        route.pending = [];
        for (const entry of waiting) {
          this.#packKept(route, entry);
        }
        break;
      } catch (error) {
        const failure = asRingMQError(error);
        this.#failOverdue(route, failure);
        if (route.pending.length === 0) {
          this.#dropRoute(route.topic);
          break;
        }
      }
      await pause(LOOK_UP_AGAIN_MS);
    }
    this.onProgress();
  }

  /** Rejects with `TIMEOUT` when the message that has waited longest may wait no longer. */
  #lookUp(route: TopicRoute): Promise<TopicInfo> {
    const now = monotonicMs();
    const waitMs = Math.max(0, (route.pending[0]?.deadline ?? now + this.#timeoutMs) - now);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const { trouble } = this.#connection.produce;
        const why = trouble === null ? '' : `; there is no connection: ${trouble.message}`;
        reject(
          new RingMQError(
            'TIMEOUT',
            `topic ${route.topic} was not found out within ${this.#timeoutMs} ms${why}`,
            {
              details: { topic: route.topic },
            },
          ),
        );
      }, waitMs);
      const answer = this.#topics.lookUp(route.topic);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  /** After a failed look-up: all its messages fail, or those whose time is over if it may succeed yet. */
  #failOverdue(route: TopicRoute, failure: RingMQError): void {
    const now = monotonicMs();
    const waiting = route.pending;
    route.pending = failure.retryable ? waiting.filter(({ deadline }) => deadline > now) : [];
    this.#failKept(failure.retryable ? waiting.filter(({ deadline }) => deadline <= now) : waiting, failure);
    this.onProgress();
  }

  /** Keeps a message that cannot be packed now. */
  #keep(
    route: TopicRoute,
    message: OutgoingMessage,
    options: SendOptions | undefined,
    bornTime: number,
    wantsReceipt: boolean,
    isFull: boolean,
  ): Promise<Receipt> | null {
    if (isFull && (this.#held.length >= MAX_HELD || this.#held.bytes >= MAX_HELD_BYTES)) {
      const { length, bytes } = this.#held;
      throw new RingMQError('BUFFER_FULL', `${length} sends of ${bytes} bytes wait for room already`, {
        details: { limit: MAX_HELD, limitBytes: MAX_HELD_BYTES, value: length, valueBytes: bytes },
      });
    }
    const deadline = monotonicMs() + this.#timeoutMs;
    const entry = pendingMessage(message, options, bornTime, this.#nextNumber, deadline, wantsReceipt);
    this.#nextNumber++;
    if (isFull) {
      this.#held.push(entry);
    } else {
      route.pending.push(entry);
      this.#pendingBytes += entry.record.length;
    }
    return entry.waiter === null ? null : entry.waiter.promise;
  }

  #packKept(route: TopicRoute, entry: PendingMessage): void {
    this.#pendingBytes -= entry.record.length;
    if (entry.signal?.aborted === true) {
      return;
    }
    const waiter = entry.waiter;
    try {
      const receipt = this.#packer.packKept(route, entry);
      if (waiter !== null) {
        receipt?.then(waiter.resolve, waiter.reject);
      }
    } catch (error) {
      this.#failOne(entry, asRingMQError(error));
    }
  }

  #failKept(entries: readonly PendingMessage[], error: RingMQError): void {
    for (const entry of entries) {
      this.#pendingBytes -= entry.record.length;
      this.#failOne(entry, error);
    }
  }

  #failOne(entry: PendingMessage, error: RingMQError): void {
    if (entry.waiter !== null) {
      entry.waiter.reject(error);
    } else {
      this.#report({ topic: entry.topic, queueId: null, error, numbers: [entry.number] });
    }
  }

  onStored(batch: SendBatch, entry: AckEntry): void {
    batch.receipts?.succeed({
      topic: batch.topic,
      queueId: batch.queueId,
      baseOffset: entry.baseOffset,
      idPrefix: messageIdPrefix(this.#connection.welcome.brokerId, batch.memory, entry.position),
      durability: DURABILITY_NAMES[entry.durability] ?? 'memory',
    });
    this.#packer.bytes -= batch.builder.at - RECORDS_AT;
    this.#packer.reuse(batch);
  }

  onFailedBatch(batch: SendBatch, error: RingMQError, mayReuse: boolean): void {
    if (error.code === 'TOPIC_NOT_FOUND' || error.code === 'QUEUE_NOT_FOUND') {
      this.onTopicChanged(batch.topic);
    }
    this.#packer.bytes -= batch.builder.at - RECORDS_AT;
    batch.receipts?.fail(error);
    if (batch.written > 0) {
      this.#report({ topic: batch.topic, queueId: batch.queueId, error, numbers: batch.writtenNumbers() });
    }
    if (mayReuse) {
      this.#packer.reuse(batch);
    }
  }

  onReleased(batch: SendBatch): void {
    this.#packer.reuse(batch);
  }

  /** What changed while there was no link was not told: topics are asked for anew. What is packed goes where it was packed for. */
  onConnected(): void {
    for (const route of [...this.#routes.values()]) {
      if (route.info === null) {
        continue;
      }
      this.#packer.sealRoute(route);
      this.#dropRoute(route.topic);
    }
  }

  /** Batches under way are for topics as they were at another opening of the broker, or at another broker. */
  onOtherOpening(topics: ReadonlySet<string>): void {
    void this.#readdress(topics, this.#connection.requests.link);
  }

  async #readdress(topics: ReadonlySet<string>, link: number): Promise<void> {
    const found = new Map<string, TopicInfo | RingMQError>();
    await Promise.all(
      [...topics].map(async (topic) => {
        found.set(topic, await this.#topicNow(topic, link));
      }),
    );
    // Another link asks anew, by itself.
    if (this.#connection.requests.link === link && this.#connection.isOpen) {
      this.#dispatcher.readdress(found);
    }
  }

  /** A topic as it is, or why it cannot be had. What may pass is waited for: batches have their own time limit. */
  async #topicNow(topic: string, link: number): Promise<TopicInfo | RingMQError> {
    for (;;) {
      try {
        return await this.#topics.lookUp(topic);
      } catch (error) {
        const failure = asRingMQError(error);
        if (!failure.retryable || this.#connection.requests.link !== link || this.#closed !== null) {
          return failure;
        }
        await pause(LOOK_UP_AGAIN_MS);
      }
    }
  }

  onWarning(message: string, details: Record<string, unknown>): void {
    this.#connection.warn(message, { group: this.group, ...details });
  }

  onConnectionFailed(error: RingMQError): void {
    this.#end(error);
  }

  onTopicChanged(topic: string): void {
    this.#topics.forget(topic);
    const route = this.#routes.get(topic);
    if (route === undefined || route.info === null) {
      return;
    }
    this.#packer.sealRoute(route);
    this.#dropRoute(topic);
  }

  #dropRoute(topic: string): void {
    this.#routes.delete(topic);
    if (this.#lastRoute?.topic === topic) {
      this.#lastRoute = null;
    }
  }

  #failUnpacked(error: RingMQError): void {
    for (const entry of this.#held.takeAll()) {
      this.#failOne(entry, error);
    }
    for (const route of this.#routes.values()) {
      const pending = route.pending;
      route.pending = [];
      this.#failKept(pending, error);
    }
  }

  #report(failure: SendFailure): void {
    this.#failures.add(failure);
    this.#owner.onUntold(this, true);
    callUser(this.#onError, failure);
  }

  /** Some messages are settled: lets in who waits for room, wakes who waits for that, closes what has waited for it. */
  onProgress(): void {
    if (this.#held.length > 0) {
      this.#admitHeld();
    }
    const hasRoom = this.#held.length === 0 && this.bufferedBytes <= this.bufferBytes * READY_SHARE;
    if (this.#readyWaiter !== null && hasRoom) {
      this.#readyWaiter.resolve();
      this.#readyWaiter = null;
    }
    if (this.#flushWaiters.length > 0) {
      this.#checkFlushed();
    }
    this.#packer.onProgress();
  }

  #admitHeld(): void {
    while (this.bufferedBytes < this.bufferBytes) {
      const entry = this.#held.shift();
      if (entry === undefined) {
        return;
      }
      this.#pendingBytes += entry.record.length;
      const route = this.#routeOf(entry.topic);
      if (route.info === null || route.pending.length > 0) {
        route.pending.push(entry);
      } else {
        this.#packKept(route, entry);
      }
    }
  }

  /** Resolves when all messages below `upTo` are settled. */
  #settled(upTo: number, signal: AbortSignal | undefined): Promise<void> {
    this.#packer.sealAll();
    if (this.#lowestNumber() >= upTo) {
      return Promise.resolve();
    }
    const waiter = { upTo, done: new Deferred<void>() };
    this.#flushWaiters.push(waiter);
    this.#packer.isFlushing = true;
    return abortable(waiter.done.promise, signal);
  }

  #checkFlushed(): void {
    const lowest = this.#lowestNumber();
    const left: { upTo: number; done: Deferred<void> }[] = [];
    for (const waiter of this.#flushWaiters) {
      if (waiter.upTo <= lowest) {
        waiter.done.resolve();
      } else {
        left.push(waiter);
      }
    }
    this.#flushWaiters = left;
    this.#packer.isFlushing = left.length > 0;
  }

  #lowestNumber(): number {
    let lowest = Math.min(this.#dispatcher.lowestNumber(), this.#packer.lowestNumber());
    lowest = Math.min(lowest, this.#held.first?.number ?? lowest);
    for (const route of this.#routes.values()) {
      lowest = Math.min(lowest, route.pending[0]?.number ?? lowest);
    }
    return lowest;
  }

  [INSPECT](): object {
    const { group, bufferedBytes, bufferBytes, nextNumber } = this;
    return shown('Producer', {
      group,
      bufferedBytes,
      bufferBytes,
      nextNumber,
      closed: this.#closed !== null,
    });
  }
}
