/** The producer as its user sees it: takes messages, bounds what waits, waits for what became of them. */

import { checkBornTime } from '../../batch/batch-builder.js';
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
import { type Receipt, RingMQError } from '../../wire/index.js';
import { abortable, throwIfAborted } from '../abort.js';
import type { Brokers } from '../brokers.js';
import { bufferFull } from '../failures.js';
import { closeWith, takeCallOptions } from '../options.js';
import { INSPECT, shown } from '../shown.js';
import type {
  CallOptions,
  OutgoingMessage,
  Producer,
  ProducerOptions,
  SendOptions,
  WriteOptions,
} from '../types.js';
import type { KeptMessages } from './kept-messages.js';
import type { Packer } from './packer.js';
import { ProducePipeline } from './produce-pipeline.js';
import type { IdSource } from './producer-ids.js';
import { producerSettings, takeSendOptions, takeWriteOptions } from './producer-settings.js';
import { sendAll } from './send-all.js';
import type { TopicRoutes } from './topic-routes.js';

/** `send` packs up to so many times the buffer: a caller with many promises under way means them to be. */
const SEND_SHARE = 5;

/** Who made the producer. */
export interface ProducerOwner {
  /** It has failures that nobody was told of, or none any more. */
  onUntold(producer: RingProducer, hasFailures: boolean): void;
  onProducerClosed(producer: RingProducer): void;
}

export class RingProducer implements Producer {
  readonly group: string;
  readonly bufferBytes: number;
  readonly #brokers: Brokers;
  readonly #timeoutMs: number;
  readonly #packer: Packer;
  readonly #owner: ProducerOwner;
  readonly #kept: KeptMessages;
  readonly #routes: TopicRoutes;
  readonly #pipeline: ProducePipeline;
  #nextNumber = 0;
  readonly #clock = new TurnClock();
  #closed: Promise<void> | null = null;

  /** `ids`: under what the broker tells what is sent again; null: it is the producer's own business. */
  constructor(brokers: Brokers, options: ProducerOptions, owner: ProducerOwner, ids: IdSource | null = null) {
    const settings = producerSettings(options);
    this.group = settings.group;
    this.bufferBytes = settings.bufferBytes;
    this.#brokers = brokers;
    this.#owner = owner;
    this.#timeoutMs = settings.timeoutMs;
    this.#pipeline = new ProducePipeline(brokers, settings, ids, (hasFailures) =>
      owner.onUntold(this, hasFailures),
    );
    this.#packer = this.#pipeline.packer;
    this.#kept = this.#pipeline.kept;
    this.#routes = this.#pipeline.routes;
  }

  get bufferedBytes(): number {
    return this.#packer.bytes + this.#kept.bytes;
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
    await abortable(this.#pipeline.room(), signal);
  }

  async flush(options?: CallOptions): Promise<void> {
    const { signal } = takeCallOptions('flush', options);
    throwIfAborted(signal);
    const settled = this.#pipeline.settled(this.#nextNumber);
    if (settled !== null) {
      await abortable(settled, signal);
    }
    this.#pipeline.throwUntold();
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
      this.#pipeline.end(new RingMQError('CLOSED', 'the producer is closed'));
      this.#owner.onProducerClosed(this);
    }
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

  /** Over a cluster: a topic, null: any, may be in other sets now. */
  onBrokersChanged(topic: string | null): void {
    this.#pipeline.onBrokersChanged(topic);
  }

  [INSPECT](): object {
    const { group, bufferedBytes, bufferBytes, nextNumber } = this;
    const closed = this.#closed !== null;
    return shown('Producer', { group, bufferedBytes, bufferBytes, nextNumber, closed });
  }
}
