/**
 * One consumer of a connection: a member of a group, the queues it holds now, its credit, and the making of
 * its deliver frames.
 */
import { type MemberSink, READ, type TopicEntry } from '../engine/engine-thread.js';
import type { SlicedWork } from '../native-free/listener/work-turns.js';
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
import { type ConsumerFilter, type FillOwner, FrameFiller, SMALLEST_READ_BYTES } from './frame-filler.js';
import { HeldQueues } from './held-queues.js';
import { type QueueFeed, ReadyFeeds } from './queue-feed.js';
import { QueuesEventWriter } from './queues-event.js';
import type { SessionContext } from './session-context.js';
import { SkipNotices } from './skip-notices.js';
import {
  type AssignEvent,
  type FlowChange,
  isFlowChange,
  isLong,
  QUEUES_AT_ONCE,
  type QueuesEvent,
  type SubscriptionEvent,
} from './subscription-events.js';

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

export class Subscription implements MemberSink, SlicedWork, FillOwner {
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
  /** Events that came before the answer to `join` was out, are about many queues, or came behind one that is. */
  #events: SubscriptionEvent[] = [];
  /** Queues of the first of them that were begun or ended; 0: none is under way. */
  #takenCount = 0;
  /** What the client will be told when the event under way was taken whole. */
  #writer: QueuesEventWriter | null = null;
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
      this.#takenCount === 0 &&
      this.#sentBytes < this.#creditLimit &&
      this.#ready.peek() !== null
    );
  }

  /** The join was answered: events that waited go out, deliveries begin. */
  begin(topic: TopicEntry): void {
    this.#topic = topic;
    const early = this.#events;
    this.#events = [];
    for (const event of early) {
      // What was asked of its flow meanwhile was answered: it had no queues.
      this.onEvent(event as ControlEvent);
    }
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
    if (this.#isClosed) {
      return;
    }
    if (this.#topic !== null && this.#events.length === 0 && !isLong(event)) {
      this.#handle(event);
      return;
    }
    this.#events.push(event.event === 'assign' && isLong(event) ? this.#turned(event) : event);
    if (this.#topic !== null) {
      this.#context.host.workTurns.add(this);
    }
  }

  /** The next piece of an event about many queues, or of what is left to close. */
  step(): boolean {
    if (this.#isClosed) {
      return this.#held.closeSome();
    }
    const event = this.#events[0];
    if (event === undefined) {
      return false;
    }
    try {
      if (isLong(event) && this.#takePiece(event)) {
        return true;
      }
      this.#events.shift();
      this.#takenCount = 0;
      if (isLong(event)) {
        this.#tookAll(event);
      } else if (isFlowChange(event)) {
        this.#flowChanged(event);
      } else {
        this.#handle(event);
      }
    } catch (error) {
      this.#context.failWith(error);
    }
    return this.#isClosed ? this.#held.count > 0 : this.#events.length > 0;
  }

  /**
   * Begins or ends to read the next of its queues. False: that was done with all. The client hears of them in
   * one event, for the first one after a join names all that it gets; until then nothing is delivered to it.
   */
  #takePiece(event: QueuesEvent): boolean {
    const from = this.#takenCount;
    if (from >= event.queues.length) {
      return false;
    }
    this.#takenCount = from + QUEUES_AT_ONCE;
    this.#writer ??= new QueuesEventWriter(isFlowChange(event) ? 'flow' : event.event, event.queues.length);
    const begunBefore = isFlowChange(event) ? event.begun.length : 0;
    this.#held.apply(event, this.#topic as TopicEntry, from, this.#takenCount);
    const told = isFlowChange(event)
      ? event.begun.slice(begunBefore)
      : event.queues.slice(from, this.#takenCount);
    for (const queue of told) {
      this.#writer.add(queue);
    }
    return true;
  }

  #tookAll(event: QueuesEvent): void {
    const payload = (this.#writer as QueuesEventWriter).finish();
    this.#writer = null;
    if (!isFlowChange(event) || event.begun.length > 0) {
      this.#owner.sendPayload(this, payload);
      this.#context.deliverSoon();
    }
    if (isFlowChange(event)) {
      event.done();
    }
  }

  /** With another queue first, by chance. */
  #turned(event: AssignEvent): AssignEvent {
    const { queues } = event;
    const first = this.#context.options.pickFirst(queues.length);
    return { ...event, queues: [...queues.slice(first), ...queues.slice(0, first)] };
  }

  #handle(event: ControlEvent): void {
    if (event.event === 'ended') {
      this.#owner.ended(this, event.code as ErrorCode, event.message);
      return;
    }
    if (event.event === 'revoke') {
      this.#held.apply(event, this.#topic as TopicEntry, 0, event.queues.length);
    }
    if (event.event === 'assign') {
      // The queues are read before the client hears of them: in a memory topic nothing is kept for whoever
      // does not read yet.
      this.#held.apply(this.#turned(event), this.#topic as TopicEntry, 0, event.queues.length);
      this.#context.deliverSoon();
    }
    this.#owner.sendEvent(this, event);
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
    const topic = this.#topic;
    if (topic === null || this.#isClosed) {
      return;
    }
    await new Promise<void>((done) => {
      const change: FlowChange = { event: 'changeFlow', queues, begun: [], done };
      if (this.#events.length > 0 || queues.length > QUEUES_AT_ONCE) {
        this.#events.push(change);
        this.#context.host.workTurns.add(this);
        return;
      }
      this.#held.apply(change, topic, 0, queues.length);
      this.#flowChanged(change);
    });
  }

  #flowChanged({ begun, done }: FlowChange): void {
    if (begun.length > 0) {
      // Ahead of the deliveries: what came before it is of the reading that has ended.
      this.#owner.sendEvent(this, { event: 'flow', queues: begun });
      this.#context.deliverSoon();
    }
    done();
  }

  /** Stops reading. The member itself is the caller's to remove. */
  close(): void {
    this.#isClosed = true;
    this.#writer = null;
    const events = this.#events;
    this.#events = [];
    for (const event of events) {
      if (isFlowChange(event)) {
        event.done();
      }
    }
    if (this.#held.closeSome()) {
      this.#context.host.workTurns.add(this);
    }
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
