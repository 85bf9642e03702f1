/**
 * One consumer of a connection: a member of a group, the queues it holds now, its credit, and the making of
 * its deliver frames.
 */
import { type MemberSink, READ, type TopicEntry } from '../engine/engine-thread.js';
import { monotonicMs } from '../native-free/time/index.js';
import {
  type ControlEvent,
  ERRORS,
  type ErrorCode,
  FRAME_HEADER_BYTES,
  OPCODE,
  type PackedOffsets,
  RingMQError,
  writeFrameHeader,
} from '../native-free/wire/index.js';
import { EventLine, type EventLineOwner } from './event-line.js';
import { type ConsumerFilter, type FillOwner, FrameFiller, SMALLEST_READ_BYTES } from './frame-filler.js';
import { HeldQueues } from './held-queues.js';
import { type QueueFeed, ReadyFeeds } from './queue-feed.js';
import type { SessionContext } from './session-context.js';
import { SkipNotices } from './skip-notices.js';

/** What a consumer asks of the session's consuming half. */
export interface ConsumerOwner {
  /** A frame with an event, for this consumer. */
  sendEvent(consumer: Subscription, event: ControlEvent): void;
  /** The same for an event that is encoded. */
  sendPayload(consumer: Subscription, payload: Uint8Array): void;
  /** It cannot go on at all: its member leaves the group. */
  ended(consumer: Subscription, code: ErrorCode, message: string): void;
}

/** A queue whose old messages are read from here is told of so often. */
const SUGGEST_EVERY_MS = 1_000;

/** What damage in one of its queues does to a consumer: ends it, or ends that queue and is told. */
export type OnDamage = 'end' | 'tell';

export class Subscription implements MemberSink, FillOwner, EventLineOwner {
  readonly number: number;
  /** Names it to the engine; unique on the thread. */
  readonly key: string;
  readonly #context: SessionContext;
  readonly #owner: ConsumerOwner;
  readonly #onDamage: OnDamage;
  readonly #ready = new ReadyFeeds();
  readonly #held: HeldQueues;
  readonly #skips: SkipNotices;
  readonly #filler: FrameFiller;
  readonly #wake = (feed: QueueFeed): void => {
    if (!this.#isClosed) {
      this.#ready.push(feed);
      this.#context.deliverSoon();
    }
  };
  #topic: TopicEntry | null = null;
  /** null: a reader in none. */
  group: string | null = null;
  readonly #line: EventLine;
  #creditLimit = 0;
  #sentBytes = 0;
  #isClosed = false;

  constructor(
    number: number,
    key: string,
    filter: ConsumerFilter,
    onDamage: OnDamage,
    context: SessionContext,
    owner: ConsumerOwner,
  ) {
    this.number = number;
    this.key = key;
    this.#onDamage = onDamage;
    this.#context = context;
    this.#owner = owner;
    this.#held = new HeldQueues(context.engine, this.#ready, this.#wake);
    this.#line = new EventLine(this, this.#held, context);
    const isFiltered = filter.low !== -1 || filter.high !== -1;
    this.#skips = new SkipNotices(number, isFiltered, context.socket);
    this.#filler = new FrameFiller(this.#ready, this.#skips, filter, this);
  }

  /** Of the topic it reads; empty before its join was answered. */
  get topicName(): string {
    return this.#topic?.topic ?? '';
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** There is something to read, and credit to send it. */
  get hasWork(): boolean {
    return (
      !this.#isClosed &&
      !this.#line.isInPieces &&
      this.#sentBytes < this.#creditLimit &&
      this.#ready.peek() !== null
    );
  }

  /** The join was answered: events that waited go out, deliveries begin. */
  begin(topic: TopicEntry): void {
    this.#topic = topic;
    this.#line.begin(topic);
  }

  /** The total only grows; an older one that comes late changes nothing. */
  setCredit(limit: number): void {
    if (limit <= this.#creditLimit) {
      return;
    }
    this.#creditLimit = limit;
    if (this.hasWork) {
      this.#context.deliverSoon();
    }
  }

  /** From the group's coordinator. */
  onEvent(event: ControlEvent): void {
    this.#line.onEvent(event);
  }

  /** From the line of events: one is done with, and the client is told. */
  told(event: ControlEvent): void {
    if (event.event === 'ended') {
      this.#owner.ended(this, event.code as ErrorCode, event.message);
      return;
    }
    this.#owner.sendEvent(this, event);
  }

  /** The same of an event that is encoded. */
  toldEncoded(payload: Uint8Array): void {
    this.#owner.sendPayload(this, payload);
  }

  /**
   * Passes over damage that the client was told of. Returns the offset where the queue goes on.
   * @throws RingMQError BAD_ARGUMENT (nothing to pass over there)
   */
  skipDamage(queueId: number, generation: number): number {
    const feed = this.#held.find(queueId, generation);
    if (feed === undefined || !feed.isDamaged) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        `consumer ${this.number} waits at no damage in queue ${queueId}`,
        {
          details: { queueId, generation },
        },
      );
    }
    feed.reader.skipDamage();
    feed.isDamaged = false;
    this.#skips.push(feed);
    this.#skips.send(this.#topic as TopicEntry);
    this.#wake(feed);
    return feed.reader.offset;
  }

  /**
   * The client has found the batch with that offset damaged: whether it is so in the log, too.
   * @throws RingMQError BAD_ARGUMENT (a queue that is not its own)
   */
  reportDamage(queueId: number, generation: number, offset: number): boolean {
    const feed = this.#held.find(queueId, generation);
    if (feed === undefined) {
      throw new RingMQError('BAD_ARGUMENT', `consumer ${this.number} does not hold queue ${queueId}`, {
        details: { queueId, generation },
      });
    }
    return feed.reader.examine(offset);
  }

  /**
   * Stops the deliveries of queues, or begins them anew at an offset. What it does not hold by that
   * generation is passed over. Resolves when that is done; of many queues it is done in pieces.
   */
  async flow(queues: PackedOffsets): Promise<void> {
    await this.#line.flow(queues);
  }

  /** Stops reading. The member itself is the caller's to remove. */
  close(): void {
    this.#isClosed = true;
    this.#line.close();
  }

  /**
   * Makes and sends one deliver frame, with batches of as many queues as are ready, in turn.
   * @returns bytes of budget it used: 0 when there was nothing to do.
   */
  deliverFrame(buffer: Uint8Array): number {
    const { options, socket } = this.#context;
    const credit = this.#creditLimit - this.#sentBytes;
    const room = Math.max(
      Math.min(options.deliverFrameBytes, credit) - FRAME_HEADER_BYTES,
      SMALLEST_READ_BYTES,
    );
    const filled = this.#filler.fill(buffer, room);
    if (filled > 0) {
      const frameBytes = FRAME_HEADER_BYTES + filled;
      writeFrameHeader(buffer, OPCODE.deliver, 0, this.number, 0);
      this.#sentBytes += frameBytes;
      socket.send(buffer.subarray(0, frameBytes));
    }
    this.#skips.send(this.#topic as TopicEntry);
    return this.#filler.costBytes;
  }

  /** It is told that messages were deleted before it read them, and so are operators. */
  expired({ queueId, generation, reader }: QueueFeed, from: number): void {
    const to = reader.offset;
    this.#owner.sendEvent(this, { event: 'expired', queues: [{ queueId, from, to }] });
    this.#context.engine.expired(this.key, queueId, generation, from, to);
  }

  /** A slave may have it as well, and its disk less to do. Told once in a while: who does not know the word reads on here. */
  readOld(feed: QueueFeed): void {
    const { replicas } = this.#context.engine;
    if (!replicas.mayRead || monotonicMs() < feed.suggestAtMs) {
      return;
    }
    feed.suggestAtMs = monotonicMs() + SUGGEST_EVERY_MS;
    const recent = feed.reader.recent();
    if (recent === null) {
      return;
    }
    const { queueId, generation } = feed;
    replicas.holders(recent.position).then(
      (slaves) => {
        if (slaves.length > 0 && !feed.isClosed && !this.#isClosed) {
          this.#owner.sendEvent(this, {
            event: 'oldData',
            queueId,
            generation,
            until: recent.offset,
            slaves,
          });
        }
      },
      () => {
        // The broker is closing.
      },
    );
  }

  cannotDeliver(bytes: number): void {
    this.#owner.ended(this, 'INTERNAL', `a batch of ${bytes} bytes cannot be delivered`);
  }

  readFailed(feed: QueueFeed, result: number): void {
    const topic = this.#topic?.topic ?? '';
    if (result === READ.dead) {
      this.#owner.ended(this, 'TOPIC_NOT_FOUND', `the topic ${topic} was deleted`);
      return;
    }
    const { queueId, generation, reader } = feed;
    const { offset, damagePosition } = reader;
    const where = `queue ${queueId} of ${topic}, offset ${offset}`;
    const message = `${ERRORS.LOG_CORRUPT.message}: ${where}: ${reader.damage}`;
    if (this.#onDamage === 'end') {
      this.#owner.ended(this, 'LOG_CORRUPT', message);
      return;
    }
    feed.isDamaged = true;
    this.#ready.shift();
    // First that all up to there has come, so that the client can commit it.
    this.#skips.push(feed);
    this.#skips.send(this.#topic as TopicEntry);
    const position = damagePosition < 0 ? null : damagePosition;
    this.#owner.sendEvent(this, {
      event: 'queueDamaged',
      queueId,
      generation,
      offset,
      position,
      code: 'LOG_CORRUPT',
      message,
    });
  }
}
