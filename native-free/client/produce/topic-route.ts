/** How a producer gets to a topic's queues: which queue a message goes to, and the batch that is open for it. */

import type { TakenMessage } from '../../batch/taken-message.js';
import { RingMQError, type TopicInfo } from '../../wire/index.js';
import type { WriteOptions } from '../types.js';
import type { PendingMessage } from './pending-message.js';
import type { ProduceLane } from './produce-lane.js';
import type { SendBatch } from './send-batch.js';
import { shardingHash } from './sharding-hash.js';

/** What a batch's messages have said of where they go: nothing, a sharding key, or the queue itself. */
export const CHOICE = { none: 0, key: 1, queue: 2 } as const;
const CHOICES = 3;

/** Which parts do for a batch: those it can be sent to, those that take it, or besides those one that is to be tried again. */
const FIT = { up: 0, free: 1, freeOrProbe: 2 } as const;

/** The queues of a topic that one broker has, or one set of a cluster. */
export interface RoutePart {
  readonly lane: ProduceLane;
  readonly info: TopicInfo;
  /** The number of its first queue among all queues of the topic. */
  readonly first: number;
}

export class TopicRoute {
  readonly topic: string;
  /** Empty until the brokers have answered. In the order of the sets' names. */
  parts: readonly RoutePart[] = [];
  /** All of them keep the topic in memory, or none does. */
  isMemory = false;
  /**
   * The open batch of each queue, numbered over all parts. Of several parts there are three for each queue,
   * by {@link CHOICE}: what need not go to a queue may be sent to another one when its master is lost.
   */
  open: (SendBatch | null)[] = [];
  /** Messages from before the answer, in order. */
  pending: PendingMessage[] = [];
  /** Queues of all parts. */
  queues = 0;
  /** The brokers are being asked, and what they say may be of before a change: they are asked once more then. */
  isAsking = false;
  isOutdated = false;
  /** Keyed messages of a part that is not up go to one that is. */
  readonly #movesKeys: boolean;
  /** Queue that messages without a key go to until its batch is closed. */
  #turn = 0;
  /** The queues in the order of their turns: of several parts each gets every other one. */
  #round: readonly number[] = [];
  #roundAt = 0;

  constructor(topic: string, movesKeys: boolean) {
    this.topic = topic;
    this.#movesKeys = movesKeys;
  }

  get isKnown(): boolean {
    return this.queues > 0;
  }

  resolve(parts: readonly RoutePart[]): void {
    this.parts = parts;
    this.isMemory = parts[0]?.info.memory === true;
    this.queues = parts.reduce((sum, { info }) => sum + info.queues, 0);
    const slots = parts.length === 1 ? this.queues : this.queues * CHOICES;
    this.open = new Array<SendBatch | null>(slots).fill(null);
    this.#round = roundOf(parts);
    // Producers start at different queues, or the first queue would get the most.
    this.#roundAt = Math.floor(Math.random() * this.queues);
    this.#turn = this.#round[this.#roundAt] as number;
  }

  /**
   * The place in {@link open} for a message. Throws `QUEUE_NOT_FOUND` for a queue that does not exist,
   * `BAD_ARGUMENT` where it is not said whose it is.
   */
  slotFor(message: TakenMessage, options: WriteOptions | undefined): number {
    const queueId = options?.queueId;
    if (queueId === undefined && message.shardingKey !== undefined) {
      return this.#keySlot(shardingHash(message.shardingKey));
    }
    return this.slotOf(undefined, queueId, options?.brokerSet);
  }

  /** The same for a sharding key's hash. */
  slotOf(keyHash: number | undefined, queueId: number | undefined, set: string | undefined): number {
    if (queueId !== undefined) {
      return this.#named(queueId, set);
    }
    if (set !== undefined) {
      throw new RingMQError('BAD_ARGUMENT', 'brokerSet says whose queue is meant: it goes with queueId', {
        details: { option: 'brokerSet', value: set },
      });
    }
    return keyHash === undefined ? this.#freeSlot() : this.#keySlot(keyHash);
  }

  /** The part that has a queue. */
  partOf(queue: number): RoutePart {
    let at = this.parts.length - 1;
    while (at > 0 && (this.parts[at] as RoutePart).first > queue) {
      at--;
    }
    return this.parts[at] as RoutePart;
  }

  /** The queue's batch was closed: the next one has its turn. */
  passTurn(slot: number): void {
    if (slot === this.#turn) {
      this.#roundAt = (this.#roundAt + 1) % this.queues;
      this.#turn = this.#round[this.#roundAt] as number;
    }
  }

  /**
   * Where else a batch may go that is for a part that is lost, or whose master refuses it; null: nowhere,
   * now. What a lost one had may as well wait at one that refuses, and finds out when it does no more.
   */
  elsewhere(batch: SendBatch, isLost: boolean): { part: RoutePart; queueId: number } | null {
    const { choice } = batch;
    if (choice === CHOICE.queue || (choice === CHOICE.key && !this.#movesKeys)) {
      return null;
    }
    // Of keys always the same queue, as long as the same parts are up, or a key's order would be lost.
    const queue =
      choice === CHOICE.key
        ? this.#standIn(batch.queue)
        : (this.#next(FIT.free) ?? (isLost ? this.#next(FIT.up) : null));
    const part = queue === null ? null : this.partOf(queue);
    return part === null ? null : { part, queueId: (queue as number) - part.first };
  }

  #freeSlot(): number {
    if (this.parts.length > 1 && this.open[this.#turn] === null) {
      this.#turn = this.#nextFree() ?? this.#next(FIT.up) ?? this.#turn;
    }
    return this.#turn;
  }

  /** The next queue in turn whose part takes messages, or is to be tried again; null: none takes any. */
  #nextFree(): number | null {
    const before = this.#roundAt;
    const free = this.#next(FIT.free);
    if (free === null || this.#roundAt === before) {
      return free;
    }
    // One of those that were passed over may be due.
    this.#roundAt = before;
    return this.#next(FIT.freeOrProbe);
  }

  /** The next queue in turn whose part fits, which has its turn then; null: none does. */
  #next(fit: number): number | null {
    for (let i = 0; i < this.#round.length; i++) {
      const at = (this.#roundAt + i) % this.#round.length;
      const queue = this.#round[at] as number;
      if (this.#fits(this.partOf(queue).lane, fit)) {
        this.#roundAt = at;
        return queue;
      }
    }
    return null;
  }

  #fits(lane: ProduceLane, fit: number): boolean {
    if (fit === FIT.up) {
      return lane.isUp;
    }
    return lane.isFree(this.isMemory) || (fit === FIT.freeOrProbe && lane.takeProbe());
  }

  #keySlot(hash: number): number {
    const queue = hash % this.queues;
    if (this.parts.length === 1) {
      return queue;
    }
    const own = this.queues * CHOICE.key + queue;
    // What came before goes first: as long as some of it waits here, or where it was to go, more of the key
    // waits behind it.
    const isMoved = this.#movesKeys && this.open[own] === null && this.partOf(queue).lane.isLeft;
    return isMoved ? this.queues * CHOICE.key + (this.#standIn(queue) ?? queue) : own;
  }

  /** The queue that keyed messages go to while their own queue's master is away. */
  #standIn(queue: number): number | null {
    const up = this.parts.filter(({ lane }) => lane.isUp);
    const part = up[queue % up.length];
    return part === undefined ? null : part.first + (queue % part.info.queues);
  }

  #named(queueId: number, set: string | undefined): number {
    const part = this.#partNamed(set);
    const { queues } = part.info;
    if (Number.isInteger(queueId) && queueId >= 0 && queueId < queues) {
      return part.first + queueId + (this.parts.length === 1 ? 0 : this.queues * CHOICE.queue);
    }
    throw new RingMQError(
      'QUEUE_NOT_FOUND',
      `${this.topic} has queues 0 to ${queues - 1}, not ${String(queueId)}`,
      {
        details: { topic: this.topic, limit: queues, value: queueId },
      },
    );
  }

  #partNamed(set: string | undefined): RoutePart {
    const part = set === undefined ? this.parts[0] : this.parts.find(({ lane }) => lane.set === set);
    const sets = this.parts.map(({ lane }) => lane.set);
    if (set === undefined && sets.length > 1) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `${this.topic} has queues in the sets ${sets.join(', ')}: a queue is named by queueId and brokerSet`,
        { details: { option: 'brokerSet', topic: this.topic, sets } },
      );
    }
    if (part === undefined) {
      throw new RingMQError('QUEUE_NOT_FOUND', `${this.topic} has no queue in the broker set '${set}'`, {
        details: { topic: this.topic, brokerSet: set, sets },
      });
    }
    return part;
  }
}

/** The first queue of each part, the second of each, and so on. */
function roundOf(parts: readonly RoutePart[]): number[] {
  const round: number[] = [];
  const most = Math.max(...parts.map(({ info }) => info.queues));
  for (let queueId = 0; queueId < most; queueId++) {
    for (const { info, first } of parts) {
      if (queueId < info.queues) {
        round.push(first + queueId);
      }
    }
  }
  return round;
}
