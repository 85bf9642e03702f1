/** The producer as its user sees it: takes messages, bounds what waits, tells what became of them. */

import { checkBornTime, RECORDS_AT } from '../../batch/batch-builder.js';
import { checkIsObject, checkParts } from '../../batch/message-parts.js';
import {
  hasNoLaterParts,
  letGo,
  type TakenMessage,
  takeMessage,
  takeParts,
} from '../../batch/taken-message.js';
import { byteCountOrNone } from '../../batch/true-bytes.js';
import { TurnClock } from '../../batch/turn-clock.js';
import { monotonicMs } from '../../time/index.js';
import { ACK_REPLICAS_SHIFT, DURABILITY_NAMES, type Receipt, RingMQError } from '../../wire/index.js';
import { messageIdPrefix } from '../../wire/message-id.js';
import { abortable, throwIfAborted } from '../abort.js';
import type { BrokerLink, Brokers } from '../brokers.js';
import { callUser } from '../callback.js';
import { bufferFull, Failures } from '../failures.js';
import type { AckEntry } from '../link/frame-sender.js';
import { closeWith, takeCallOptions } from '../options.js';
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
import { KeptMessages, type KeptOwner } from './kept-messages.js';
import { Lanes } from './lanes.js';
import { Packer } from './packer.js';
import type { PendingMessage } from './pending-message.js';
import type { LaneOwner, ProduceLane } from './produce-lane.js';
import type { IdSource } from './producer-ids.js';
import { producerSettings, takeSendOptions, takeWriteOptions } from './producer-settings.js';
import { ProgressWaiters } from './progress-waiters.js';
import { sendAll } from './send-all.js';
import type { SendBatch } from './send-batch.js';
import type { TopicRoute } from './topic-route.js';
import { type RoutesOwner, TopicRoutes } from './topic-routes.js';

/**
 * `ready()` resolves when the buffer is filled to this share. A writer packs the rest in one go, without a
 * look at acks: a large part lets the broker run dry meanwhile (at 0.75 it is slower, docs/performance.md), and a small one
 * costs a turn of the event loop each time.
 */
const READY_SHARE = 0.9;
/** `send` packs up to so many times the buffer: a caller with many promises under way means them to be. */
const SEND_SHARE = 5;

/** Who made the producer. */
export interface ProducerOwner {
  /** It has failures that nobody was told of, or none any more. */
  onUntold(producer: RingProducer, hasFailures: boolean): void;
  onProducerClosed(producer: RingProducer): void;
}

export class RingProducer implements Producer, LaneOwner, RoutesOwner, KeptOwner {
  readonly group: string;
  readonly bufferBytes: number;
  readonly #brokers: Brokers;
  readonly #timeoutMs: number;
  readonly #lanes: Lanes;
  readonly #packer: Packer;
  readonly #onError: ((failure: SendFailure) => void) | undefined;
  readonly #owner: ProducerOwner;
  readonly #routes: TopicRoutes;
  readonly #kept: KeptMessages;
  readonly #failures = new Failures();
  #nextNumber = 0;
  readonly #waiters = new ProgressWaiters();
  readonly #clock = new TurnClock();
  #closed: Promise<void> | null = null;

  /** `ids`: under what the broker tells what is sent again; null: it is the producer's own business. */
  constructor(brokers: Brokers, options: ProducerOptions, owner: ProducerOwner, ids: IdSource | null = null) {
    const settings = producerSettings(options);
    this.group = settings.group;
    this.bufferBytes = settings.bufferBytes;
    this.#onError = settings.onError;
    this.#brokers = brokers;
    this.#owner = owner;
    this.#timeoutMs = settings.timeoutMs;
    this.#routes = new TopicRoutes(brokers, settings, this);
    this.#lanes = new Lanes(brokers, { ...settings, ids }, this, (topic) => this.#routes.known(topic));
    this.#packer = new Packer(() => this.#lanes.isIdle, brokers.buffers, settings);
    this.#kept = new KeptMessages(this.#packer, this.#routes, this);
  }

  get bufferedBytes(): number {
    return this.#packer.bytes + this.#kept.bytes;
  }

  laneTo(link: BrokerLink): ProduceLane {
    return this.#lanes.to(link);
  }

  get nextNumber(): number {
    return this.#nextNumber;
  }

  send(message: OutgoingMessage, options?: SendOptions): Promise<Receipt> {
    try {
      this.#checkOpen();
      checkIsObject(message);
      if (options === undefined) {
        return this.#sendPlainly(message);
      }
      const wishes = takeSendOptions(options);
      throwIfAborted(wishes.signal);
      return abortable(this.#pack(takeMessage(message), wishes, true) as Promise<Receipt>, wishes.signal);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends a message without options, on the packer's short way if it is open to it. */
  #sendPlainly(message: OutgoingMessage): Promise<Receipt> {
    // Each part is read once: a getter may give another value the next time.
    const { topic, body, tag, keys, shardingKey, properties, bornTime } = message;
    checkParts(message);
    const isUsual =
      tag === undefined &&
      keys === undefined &&
      shardingKey === undefined &&
      properties === undefined &&
      bornTime === undefined &&
      body instanceof Uint8Array &&
      !this.#isFull;
    if (isUsual) {
      const length = byteCountOrNone(body);
      const receipt = this.#packer.sendUsual(topic, body, length, this.#clock, this.#nextNumber);
      if (receipt !== null) {
        this.#nextNumber++;
        return receipt;
      }
    }
    const taken = takeParts(topic, body, tag, keys, shardingKey, properties, bornTime);
    return this.#pack(taken, undefined, true) as Promise<Receipt>;
  }

  /** A `send` waits for room. */
  get #isFull(): boolean {
    return this.#kept.heldCount > 0 || this.bufferedBytes >= SEND_SHARE * this.bufferBytes;
  }

  sendBatch(messages: readonly OutgoingMessage[], options?: SendOptions): Promise<Receipt[]> {
    return sendAll(messages, options, (message, each) => this.send(message, each));
  }

  write(message: OutgoingMessage, options?: WriteOptions): boolean {
    this.#checkOpen();
    // Read once for all that follows: each reading of a private field costs as much as a check.
    const packer = this.#packer;
    const kept = this.#kept;
    if (packer.bytes + kept.bytes >= 2 * this.bufferBytes || kept.heldCount > 0) {
      throw bufferFull(2 * this.bufferBytes, this.bufferedBytes);
    }
    checkIsObject(message);
    const wishes = options === undefined ? undefined : takeWriteOptions(options);
    // Each part is read once: a getter may give another value the next time.
    const { topic, body, tag, keys, shardingKey, properties, bornTime } = message;
    const isUsual =
      wishes === undefined &&
      tag === undefined &&
      keys === undefined &&
      shardingKey === undefined &&
      properties === undefined &&
      bornTime === undefined &&
      hasNoLaterParts(message) &&
      body instanceof Uint8Array;
    if (isUsual) {
      const clock = this.#clock;
      // The long way looks by itself.
      if (clock.isClose) {
        checkParts(message);
      }
      const length = byteCountOrNone(body);
      if (packer.packUsual(topic, body, length, clock, this.#nextNumber)) {
        this.#nextNumber++;
        return packer.bytes + kept.bytes < this.bufferBytes;
      }
    }
    checkParts(message);
    const taken = takeParts(topic, body, tag, keys, shardingKey, properties, bornTime);
    this.#pack(taken, wishes, false);
    return this.bufferedBytes < this.bufferBytes;
  }

  async ready(options?: CallOptions): Promise<void> {
    const { signal } = takeCallOptions('ready', options);
    throwIfAborted(signal);
    if (this.bufferedBytes < this.bufferBytes && this.#kept.heldCount === 0) {
      return;
    }
    await abortable(this.#waiters.room(), signal);
  }

  async flush(options?: CallOptions): Promise<void> {
    const { signal } = takeCallOptions('flush', options);
    throwIfAborted(signal);
    const upTo = this.#nextNumber;
    this.#packer.sealAll();
    if (this.#lowestNumber() < upTo) {
      this.#packer.isFlushing = true;
      await abortable(this.#waiters.settled(upTo), signal);
    }
    const failure = this.#failures.take();
    if (failure !== null) {
      this.#owner.onUntold(this, false);
      throw failure;
    }
  }

  close(options?: CallOptions): Promise<void> {
    return closeWith(options, (how) => {
      this.#closed ??= this.#close(how);
      return this.#closed;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CallOptions): Promise<void> {
    try {
      await this.flush(options);
    } finally {
      this.#end(new RingMQError('CLOSED', 'the producer is closed'));
      this.#owner.onProducerClosed(this);
    }
  }

  /** What is not settled fails. */
  #end(error: RingMQError): void {
    this.#kept.failAll(error);
    this.#packer.sealAll();
    this.#packer.close();
    this.#lanes.close(error);
    this.onProgress();
  }

  #checkOpen(): void {
    if (this.#closed !== null) {
      throw new RingMQError('CLOSED', 'the producer is closed');
    }
    if (this.#brokers.failure !== null) {
      throw this.#brokers.failure;
    }
  }

  /** Packs a message, or keeps it until its topic is known or there is room. The promise of its receipt, if one is wanted. */
  #pack(
    taken: TakenMessage,
    options: SendOptions | undefined,
    wantsReceipt: boolean,
  ): Promise<Receipt> | null {
    try {
      return this.#packOrKeep(taken, options, wantsReceipt);
    } finally {
      letGo(taken);
    }
  }

  /** From here on nothing of the caller's is run: what its getters did to this producer is done. */
  #packOrKeep(
    message: TakenMessage,
    options: SendOptions | undefined,
    wantsReceipt: boolean,
  ): Promise<Receipt> | null {
    this.#checkOpen();
    const route = this.#routes.to(message.topic);
    const bornTime = message.bornTime === undefined ? this.#clock.now() : checkBornTime(message.bornTime);
    const isFull = wantsReceipt && this.#isFull;
    if (!route.isKnown || route.pending.length > 0 || isFull) {
      const deadline = monotonicMs() + this.#timeoutMs;
      const number = this.#nextNumber;
      const receipt = this.#kept.keep(
        route,
        message,
        options,
        bornTime,
        number,
        deadline,
        wantsReceipt,
        isFull,
      );
      this.#nextNumber++;
      return receipt;
    }
    const receipt = this.#packer.pack(route, message, options, bornTime, this.#nextNumber, wantsReceipt);
    this.#nextNumber++;
    return receipt;
  }

  onFound(route: TopicRoute, waiting: readonly PendingMessage[]): void {
    this.#kept.found(route, waiting);
    this.#lanes.rescue();
  }

  onGivenUp(route: TopicRoute): void {
    this.#packer.sealRoute(route);
  }

  onNotFound(waiting: readonly PendingMessage[], error: RingMQError): void {
    this.#kept.notFound(waiting, error);
  }

  get hasRoom(): boolean {
    return this.bufferedBytes < this.bufferBytes;
  }

  onKeptFailed({ topic, number }: PendingMessage, error: RingMQError): void {
    this.#report({ topic, queueId: null, error, numbers: [number] });
  }

  onStored({ link }: ProduceLane, batch: SendBatch, entry: AckEntry): void {
    batch.receipts?.succeed({
      topic: batch.topic,
      queueId: batch.queueId,
      baseOffset: entry.baseOffset,
      idPrefix: messageIdPrefix(link.connection.welcome.brokerId, batch.memory, entry.position),
      durability: DURABILITY_NAMES[entry.durability] ?? 'memory',
      brokerSet: link.set,
      replicas: entry.flags >>> ACK_REPLICAS_SHIFT,
    });
    this.#packer.bytes -= batch.builder.at - RECORDS_AT;
    this.#packer.reuse(batch);
  }

  onFailedBatch({ set }: ProduceLane, batch: SendBatch, error: RingMQError, mayReuse: boolean): void {
    if (error.code === 'TOPIC_NOT_FOUND' || error.code === 'QUEUE_NOT_FOUND') {
      this.onTopicChanged(batch.topic);
    }
    this.#packer.bytes -= batch.builder.at - RECORDS_AT;
    batch.receipts?.fail(error);
    if (batch.written > 0) {
      const { topic, queueId } = batch;
      const brokerSet = set === null ? {} : { brokerSet: set };
      this.#report({ topic, queueId, ...brokerSet, error, numbers: batch.writtenNumbers() });
    }
    if (mayReuse) {
      this.#packer.reuse(batch);
    }
  }

  onReleased(batch: SendBatch): void {
    this.#packer.reuse(batch);
  }

  /** What changed while there was no link was not told: topics are asked for anew. What is packed goes where it was packed for. */
  onConnected({ set }: ProduceLane): void {
    if (set === null) {
      this.#routes.forgetAll();
    } else {
      this.onBrokersChanged(null);
    }
    this.#lanes.rescue();
  }

  /** Over a cluster: a topic, null: any, may be in other sets now. */
  onBrokersChanged(topic: string | null): void {
    this.#routes.lookAgain(topic);
  }

  onLost(lane: ProduceLane): void {
    this.#lanes.onLost(lane);
  }

  onRefusing(): void {
    this.#lanes.rescue();
  }

  onOtherOpening(lane: ProduceLane, topics: ReadonlySet<string>): void {
    void this.#lanes.readdress(lane, topics);
  }

  onWarning(message: string, details: Record<string, unknown>): void {
    this.#brokers.warn(message, { group: this.group, ...details });
  }

  onConnectionFailed(lane: ProduceLane, error: RingMQError): void {
    this.#lanes.remove(lane);
    if (this.#brokers.failure !== null) {
      this.#end(error);
    } else {
      // A set that has left the cluster: the topics are looked for elsewhere.
      this.onBrokersChanged(null);
    }
  }

  onTopicChanged(topic: string): void {
    this.#routes.forget(topic);
  }

  #report(failure: SendFailure): void {
    this.#failures.add(failure);
    this.#owner.onUntold(this, true);
    callUser(this.#onError, failure);
  }

  /** Some messages are settled: lets in who waits for room, wakes who waits for that, closes what has waited for it. */
  onProgress(): void {
    if (this.#kept.heldCount > 0) {
      this.#kept.admit();
    }
    const hasRoom = this.#kept.heldCount === 0 && this.bufferedBytes <= this.bufferBytes * READY_SHARE;
    if (hasRoom) {
      this.#waiters.onRoom();
    }
    if (this.#waiters.hasFlushes) {
      this.#waiters.onSettled(this.#lowestNumber());
      this.#packer.isFlushing = this.#waiters.hasFlushes;
    }
    this.#packer.onProgress();
  }

  #lowestNumber(): number {
    return Math.min(this.#lanes.lowestNumber(), this.#packer.lowestNumber(), this.#kept.lowestNumber());
  }

  [INSPECT](): object {
    const { group, bufferedBytes, bufferBytes, nextNumber } = this;
    const closed = this.#closed !== null;
    return shown('Producer', { group, bufferedBytes, bufferBytes, nextNumber, closed });
  }
}
