/** A producer's open batches: which one a message goes into, and when a batch is closed. */

import { capacityFor, RECORDS_AT } from '../../batch/batch-builder.js';
import type { TakenMessage } from '../../batch/taken-message.js';
import type { TurnClock } from '../../batch/turn-clock.js';
import { clearTimeout, setTimeout } from '../../time/index.js';
import { BATCH_ATTRIBUTE, FRAME_HEADER_BYTES, type Receipt, RingMQError } from '../../wire/index.js';
import type { WriteOptions } from '../types.js';
import { OpenBatches } from './open-batches.js';
import type { PendingMessage } from './pending-message.js';
import { type BatchPool, SendBatch } from './send-batch.js';
import type { TopicRoute } from './topic-route.js';

/** Room of open batches, which are filled in part only, in buffers: many queues at once need many. */
const OPEN_SHARE = 2.5;
/** While other batches are under way a batch waits this long for company, if the caller did not say. */
const NATURAL_LINGER_MS = 1;

export interface PackerOptions {
  batchBytes: number;
  batchRecords: number;
  bufferBytes: number;
  lingerMs: number | undefined;
}

export class Packer {
  /** Bytes of records packed and not settled. Whoever settles a batch takes its bytes off. */
  bytes = 0;
  /** Somebody waits for everything: batches do not wait for company. */
  isFlushing = false;
  /** Nothing is under way. */
  readonly #isIdle: () => boolean;
  readonly #pool: BatchPool;
  readonly #batchBytes: number;
  readonly #batchRecords: number;
  readonly #lingerMs: number | undefined;
  /** Open batches each hold a buffer of full size: beyond so many the oldest is closed, full or not. */
  readonly #maxOpen: number;
  readonly #open = new OpenBatches();
  /** The open batch that the last message without options or key went into: the next such message goes there, too. */
  #usual: SendBatch | null = null;
  #isTurnScheduled = false;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(isIdle: () => boolean, pool: BatchPool, options: PackerOptions) {
    this.#isIdle = isIdle;
    this.#batchRecords = options.batchRecords;
    this.#lingerMs = options.lingerMs;
    this.#maxOpen = Math.max(16, Math.floor((OPEN_SHARE * options.bufferBytes) / options.batchBytes));
    this.#batchBytes = options.batchBytes;
    this.#pool = pool;
  }

  /**
   * Packs a written message of a body alone, without options, if it goes where the last one went and {@link
   * BatchBuilder.appendUsual} takes it, which is the case for nearly all of a fast producer's: {@link pack}
   * finds out at length what is known here. False: nothing was done.
   */
  packUsual(topic: string, body: Uint8Array, length: number, clock: TurnClock, number: number): boolean {
    const batch = this.#usual;
    if (batch === null || topic !== batch.topic) {
      return false;
    }
    const { builder } = batch;
    const size = builder.appendUsual(body, length, clock);
    if (size === 0) {
      return false;
    }
    if (number - builder.count !== batch.numberBase) {
      batch.noteJump(number);
    }
    this.bytes += size;
    if (builder.count >= this.#batchRecords || builder.bytes.length - builder.at < size) {
      this.#sealFull(batch);
    }
    return true;
  }

  /** The same for one that somebody waits for: the promise of its receipt. null: nothing was done. */
  sendUsual(
    topic: string,
    body: Uint8Array,
    length: number,
    clock: TurnClock,
    number: number,
  ): Promise<Receipt> | null {
    const batch = this.#usual;
    if (batch === null || topic !== batch.topic) {
      return null;
    }
    const size = batch.builder.appendUsual(body, length, clock);
    if (size === 0) {
      return null;
    }
    // A batch that is closed may be answered within the call.
    const receipt = batch.expectReceipt();
    this.#count(batch, size, number);
    return receipt;
  }

  /** Packs one message into the open batch of its queue. The promise of its receipt, if one is wanted. Throws what is wrong with it. */
  pack(
    route: TopicRoute,
    message: TakenMessage,
    options: WriteOptions | undefined,
    bornTime: number,
    number: number,
    wantsReceipt: boolean,
  ): Promise<Receipt> | null {
    const attributes = options?.flush === undefined ? 0 : this.#attributesFor(route, options.flush);
    let batch: SendBatch;
    let before: number;
    for (;;) {
      // Closing a batch moves the round-robin on, so the queue is chosen anew each time.
      const slot = route.slotFor(message, options);
      let open = route.open[slot] as SendBatch | null;
      if (open !== null && open.attributes !== attributes) {
        this.#seal(open, route);
        continue;
      }
      open ??= this.#openBatch(route, slot, attributes, this.#pool.take(this.#roomFor(route, slot)));
      before = open.builder.at;
      if (open.builder.appendTaken(message, bornTime)) {
        batch = open;
        break;
      }
      if (open.builder.count > 0) {
        this.#seal(open, route);
      } else {
        this.#discard(open, route);
        this.#openBatch(route, slot, attributes, new SendBatch(capacityFor(message), false));
      }
    }
    const receipt = wantsReceipt ? batch.expectReceipt() : null;
    if (options === undefined && message.shardingKey === undefined) {
      this.#usual = batch;
    }
    this.#count(batch, batch.builder.at - before, number);
    return receipt;
  }

  /** The same for a message whose record was packed before. Throws only what is wrong with where it is to go. */
  packKept(route: TopicRoute, kept: PendingMessage): Promise<Receipt> | null {
    const { record, bornTime } = kept;
    const attributes = kept.flush === undefined ? 0 : this.#attributesFor(route, kept.flush);
    let batch: SendBatch | null;
    for (;;) {
      const slot = route.slotOf(kept.keyHash, kept.queueId, kept.set);
      batch = route.open[slot] as SendBatch | null;
      if (batch !== null && batch.attributes !== attributes) {
        this.#seal(batch, route);
        continue;
      }
      batch ??= this.#openBatch(route, slot, attributes, this.#pool.take(this.#roomFor(route, slot)));
      if (batch.builder.appendRecord(record, bornTime)) {
        break;
      }
      if (batch.builder.count > 0) {
        this.#seal(batch, route);
      } else {
        this.#discard(batch, route);
        this.#openBatch(route, slot, attributes, new SendBatch(RECORDS_AT + record.length, false));
      }
    }
    const receipt = kept.waiter === null ? null : batch.expectReceipt();
    this.#count(batch, record.length, kept.number);
    return receipt;
  }

  /** A record of `size` bytes was appended: keeps its running number, and closes a batch that has no room for another like it. */
  #count(batch: SendBatch, size: number, number: number): void {
    const { builder } = batch;
    if (number - builder.count !== batch.numberBase) {
      batch.noteJump(number);
    }
    this.bytes += size;
    if (builder.count >= this.#batchRecords || builder.bytes.length - builder.at < size) {
      this.#sealFull(batch);
    }
  }

  /** It has as many records as it may, or another message like the last one would not fit. */
  #sealFull(batch: SendBatch): void {
    this.#seal(batch, batch.route as TopicRoute);
  }

  /** The batch is settled: its buffer may be used again. */
  reuse(batch: SendBatch): void {
    this.#pool.give(batch);
  }

  sealAll(): void {
    // So many: what is sent on a link of function calls may be answered, and others be opened, within the
    // call.
    for (let left = this.#open.size; left > 0; left--) {
      const batch = this.#open.first;
      if (batch === null) {
        return;
      }
      this.#seal(batch, batch.route as TopicRoute);
    }
  }

  sealRoute(route: TopicRoute): void {
    for (const batch of route.open) {
      if (batch !== null) {
        this.#seal(batch, route);
      }
    }
  }

  /** Something was settled: batches that waited for that are closed at the end of the turn. */
  onProgress(): void {
    if (this.#open.size > 0 && (this.isFlushing || this.#isIdle())) {
      this.#scheduleTurn();
    }
  }

  /** Lowest running number of a message in an open batch. */
  lowestNumber(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (let batch = this.#open.first; batch !== null; batch = batch.openedAfter) {
      if (batch.builder.count > 0) {
        lowest = Math.min(lowest, batch.firstNumber);
      }
    }
    return lowest;
  }

  close(): void {
    clearTimeout(this.#lingerTimer);
  }

  /** Batch attributes for a flush wish. Throws `NOT_SUPPORTED` for what cannot be had here: nothing is promised less than asked. */
  #attributesFor(route: TopicRoute, flush: 'sync' | 'async'): number {
    if (route.isMemory) {
      throw new RingMQError('NOT_SUPPORTED', `${route.topic} is a memory topic, it has no disk to flush to`);
    }
    // Said also where it is the broker's own policy: after a restart the batch may meet another one.
    return flush === 'sync' ? BATCH_ATTRIBUTE.syncFlush : BATCH_ATTRIBUTE.asyncFlush;
  }

  /** Bytes of a new batch's buffer: as many as were asked for, unless the broker takes fewer. */
  #roomFor(route: TopicRoute, slot: number): number {
    const { lane } = route.partOf(slot % route.queues);
    return Math.min(this.#batchBytes, FRAME_HEADER_BYTES + lane.batchBytes);
  }

  #openBatch(route: TopicRoute, slot: number, attributes: number, batch: SendBatch): SendBatch {
    const queue = slot % route.queues;
    const { lane, info, first } = route.partOf(queue);
    if (this.#open.size >= this.#maxOpen) {
      const oldest = this.#open.first;
      if (oldest !== null) {
        this.#seal(oldest, oldest.route as TopicRoute);
      }
    }
    batch.topic = route.topic;
    batch.topicId = info.topicId;
    batch.memory = info.memory;
    batch.queueId = queue - first;
    batch.queue = queue;
    batch.choice = Math.floor(slot / route.queues);
    batch.lane = lane;
    batch.attributes = attributes;
    route.open[slot] = batch;
    this.#open.add(batch, route);
    this.#scheduleTurn();
    return batch;
  }

  #seal(batch: SendBatch, route: TopicRoute): void {
    if (batch.builder.count === 0) {
      this.#discard(batch, route);
      return;
    }
    this.#remove(batch, route);
    route.passTurn(slotOf(batch, route));
    batch.builder.seal();
    batch.lane?.add(batch);
  }

  /** Takes an empty batch away again. */
  #discard(batch: SendBatch, route: TopicRoute): void {
    this.#remove(batch, route);
    this.#pool.give(batch);
  }

  #remove(batch: SendBatch, route: TopicRoute): void {
    route.open[slotOf(batch, route)] = null;
    this.#open.remove(batch);
    if (this.#usual === batch) {
      this.#usual = null;
    }
  }

  #scheduleTurn(): void {
    if (this.#isTurnScheduled) {
      return;
    }
    this.#isTurnScheduled = true;
    queueMicrotask(this.#onTurnEnd);
  }

  readonly #onTurnEnd = (): void => {
    this.#isTurnScheduled = false;
    if (this.#open.size === 0) {
      return;
    }
    const isNatural = this.#lingerMs === undefined && this.#isIdle();
    if (this.#lingerMs === 0 || isNatural || this.isFlushing) {
      this.sealAll();
    } else {
      this.#lingerTimer ??= setTimeout(this.#onLingerEnd, this.#lingerMs ?? NATURAL_LINGER_MS);
    }
  };

  readonly #onLingerEnd = (): void => {
    this.#lingerTimer = undefined;
    this.sealAll();
  };
}

/** The place of an open batch in its route. */
function slotOf({ queue, choice }: SendBatch, { queues }: TopicRoute): number {
  return choice * queues + queue;
}
