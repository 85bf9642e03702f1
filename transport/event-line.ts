/**
 * What changes the queues of a consumer, in the order in which it came: the coordinator's events, and what its
 * client asks of their flow. One about many queues is taken in pieces, and those behind it wait.
 */
import type { TopicEntry } from '../engine/engine-thread.js';
import type { SlicedWork } from '../native-free/listener/work-turns.js';
import type { ControlEvent, PackedOffsets } from '../native-free/wire/index.js';
import type { HeldQueues } from './held-queues.js';
import { QueuesEventWriter } from './queues-event.js';
import type { SessionContext } from './session-context.js';
import {
  type AssignEvent,
  type FlowChange,
  isFlowChange,
  isLong,
  QUEUES_AT_ONCE,
  type QueuesEvent,
  type SubscriptionEvent,
} from './subscription-events.js';

export interface EventLineOwner {
  /** The client is to hear of it. */
  told(event: ControlEvent): void;
  /** The same of an event that is encoded. */
  toldEncoded(payload: Uint8Array): void;
}

export class EventLine implements SlicedWork {
  readonly #owner: EventLineOwner;
  readonly #held: HeldQueues;
  readonly #context: Pick<SessionContext, 'host' | 'options' | 'deliverSoon' | 'failWith'>;
  /** null: the answer to `join` is not out yet. */
  #topic: TopicEntry | null = null;
  /** Came before the answer to `join` was out, are about many queues, or came behind one that is. */
  #events: SubscriptionEvent[] = [];
  /** Queues of the first of them that were begun or ended; 0: none is under way. */
  #takenCount = 0;
  /** What the client will be told when the event under way was taken whole. */
  #writer: QueuesEventWriter | null = null;
  #isClosed = false;

  constructor(
    owner: EventLineOwner,
    held: HeldQueues,
    context: Pick<SessionContext, 'host' | 'options' | 'deliverSoon' | 'failWith'>,
  ) {
    this.#owner = owner;
    this.#held = held;
    this.#context = context;
  }

  /** An event was taken in part: until all of it is, nothing is delivered. */
  get isInPieces(): boolean {
    return this.#takenCount > 0;
  }

  /** The join was answered: events that waited go out. */
  begin(topic: TopicEntry): void {
    this.#topic = topic;
    const early = this.#events;
    this.#events = [];
    for (const event of early) {
      // What was asked of its flow meanwhile was answered: it had no queues.
      this.onEvent(event as ControlEvent);
    }
  }

  onEvent(event: ControlEvent): void {
    if (this.#isClosed) {
      return;
    }
    if (this.#topic !== null && this.#events.length === 0 && !isLong(event)) {
      this.#handle(event, this.#topic);
      return;
    }
    this.#events.push(event.event === 'assign' && isLong(event) ? this.#turned(event) : event);
    if (this.#topic !== null) {
      this.#context.host.workTurns.add(this);
    }
  }

  /** Resolves when the change is made, or of no account any more. */
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

  /** The next piece of an event about many queues, or of what is left to close. */
  step(): boolean {
    if (this.#isClosed) {
      return this.#held.closeSome();
    }
    const event = this.#events[0];
    // Events wait for their turn only once the topic is known.
    const topic = this.#topic as TopicEntry;
    if (event === undefined) {
      return false;
    }
    try {
      if (isLong(event) && this.#takePiece(event, topic)) {
        return true;
      }
      this.#events.shift();
      this.#takenCount = 0;
      if (isLong(event)) {
        this.#tookAll(event);
      } else if (isFlowChange(event)) {
        this.#flowChanged(event);
      } else {
        this.#handle(event, topic);
      }
    } catch (error) {
      this.#context.failWith(error);
    }
    return this.#isClosed ? this.#held.count > 0 : this.#events.length > 0;
  }

  /** Nobody is told any more, and the queues are given up, in pieces too. */
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
   * Begins or ends to read the next of its queues. False: that was done with all. The client hears of them in
   * one event, for the first one after a join names all that it gets; until then nothing is delivered to it.
   */
  #takePiece(event: QueuesEvent, topic: TopicEntry): boolean {
    const from = this.#takenCount;
    if (from >= event.queues.length) {
      return false;
    }
    this.#takenCount = from + QUEUES_AT_ONCE;
    this.#writer ??= new QueuesEventWriter(isFlowChange(event) ? 'flow' : event.event, event.queues.length);
    const begunBefore = isFlowChange(event) ? event.begun.length : 0;
    this.#held.apply(event, topic, from, this.#takenCount);
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
      this.#owner.toldEncoded(payload);
      this.#context.deliverSoon();
    }
    if (isFlowChange(event)) {
      event.done();
    }
  }

  #handle(event: ControlEvent, topic: TopicEntry): void {
    if (event.event === 'revoke') {
      this.#held.apply(event, topic, 0, event.queues.length);
    }
    if (event.event === 'assign') {
      // The queues are read before the client hears of them: in a memory topic nothing is kept for whoever
      // does not read yet.
      this.#held.apply(this.#turned(event), topic, 0, event.queues.length);
      this.#context.deliverSoon();
    }
    this.#owner.told(event);
  }

  #flowChanged({ begun, done }: FlowChange): void {
    if (begun.length > 0) {
      // Ahead of the deliveries: what came before it is of the reading that has ended.
      this.#owner.told({ event: 'flow', queues: begun });
      this.#context.deliverSoon();
    }
    done();
  }

  /** With another queue first, by chance. */
  #turned(event: AssignEvent): AssignEvent {
    const { queues } = event;
    const first = this.#context.options.pickFirst(queues.length);
    return { ...event, queues: [...queues.slice(first), ...queues.slice(0, first)] };
  }
}
