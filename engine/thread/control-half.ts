/**
 * A thread's half that talks with the control plane: topics it has met, members of groups and their events,
 * and what it tells the thread that opened the broker. Nothing here happens per message or batch.
 */
import {
  type ControlEvent,
  type ControlMethod,
  type ControlMethods,
  RingMQError,
} from '../../native-free/wire/index.js';
import type { ControlListener, ControlPort, GrownFacts } from '../control/channel-messages.js';
import { ConnectionDesk, type ThreadQuestion } from '../control/connection-desk.js';
import type { DamageReport } from '../control/damage-list.js';
import type { ExpiredReport } from '../control/expired-log.js';
import type { ConnectionSource, ControlCalls, MemberSink, TopicEntry } from '../engine-thread.js';
import type { MetDamage } from '../lane/damage.js';
import type { DiagnosticEvents } from '../stats/index.js';

/** Facts about a topic as the control plane hands them to another thread. */
export interface TopicFacts {
  topicId: number;
  topic: string;
  queues: number;
  memory: boolean;
  slots: Int32Array;
}

/** What a thread tells the one that opened the broker: something is wrong. */
export interface ThreadWarning {
  message: string;
  details: Record<string, unknown>;
}

/** … and what the thread at a seat is called. */
export interface SeatedThread {
  seat: number;
  name: string;
}

export interface ControlHalfDeps {
  readonly seat: number;
  /** Somebody wants to hear of connections. */
  wantsConnections(): boolean;
}

export abstract class ControlHalf implements ControlCalls, ControlListener {
  readonly seat: number;
  protected readonly port: ControlPort;
  /** The thread has left its seat: no call is made, and no turn is run any more. */
  protected isClosed = false;
  readonly #wantsConnections: () => boolean;
  readonly #topics = new Map<number, TopicEntry>();
  readonly #members = new Map<string, MemberSink>();
  readonly #connections = new ConnectionDesk();
  /** What statistics call it. */
  name = 'main';
  readonly #topicListeners = new Set<(topic: string, topicId: number) => void>();
  #onBrokerClosed: (() => void) | null = null;

  constructor(deps: ControlHalfDeps, openPort: (seat: number, listener: ControlListener) => ControlPort) {
    this.seat = deps.seat;
    this.#wantsConnections = deps.wantsConnections;
    this.port = openPort(deps.seat, this);
  }

  /** A topic that this thread has met was deleted, or moved to other queue slots. */
  protected abstract topicGone(entry: TopicEntry): void;
  /** The thread that opened the broker has ended without closing it. */
  protected abstract brokerDied(): void;

  /** Tells the broker's host, whichever thread this is. */
  warn(message: string, details: Record<string, unknown> = {}): void {
    // Nobody is left to be told when the broker has gone.
    this.port.callInternal('warn', { message, details } satisfies ThreadWarning).catch(() => undefined);
  }

  noteConnection(event: 'opened' | 'closed', connection: string, client: string): void {
    if (this.#wantsConnections()) {
      const message: DiagnosticEvents['connection'] = { event, thread: this.seat, connection, client };
      this.port.callInternal('connection', message).catch(() => undefined);
    }
  }

  /** Says what the thread is called, for statistics. */
  introduce(name: string): void {
    this.name = name;
    this.port.callInternal('seated', { seat: this.seat, name } satisfies SeatedThread).catch(() => undefined);
  }

  topicById(topicId: number): TopicEntry | undefined {
    return this.#topics.get(topicId);
  }

  async resolveTopicById(topicId: number): Promise<TopicEntry | undefined> {
    const facts = (await this.port.callInternal('topicEntry', { topicId })) as TopicFacts | null;
    if (facts === null) {
      return undefined;
    }
    const known = this.#topics.get(topicId);
    if (known !== undefined) {
      return known;
    }
    const entry: TopicEntry = { ...facts, dead: false };
    this.#topics.set(topicId, entry);
    return entry;
  }

  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    consumerKey?: string,
  ): Promise<ControlMethods[M]['result']> {
    if (this.isClosed) {
      return Promise.reject(new RingMQError('BROKER_CLOSED'));
    }
    return this.port.call(method, params, consumerKey);
  }

  callForBytes(
    method: ControlMethod,
    params: unknown,
    consumerKey: string | undefined,
    asker: string,
  ): Promise<Uint8Array> {
    if (this.isClosed) {
      return Promise.reject(new RingMQError('BROKER_CLOSED'));
    }
    return this.port.callForBytes(method, params, consumerKey, asker);
  }

  askerGone(asker: string): void {
    this.port.left(asker);
  }

  addMember(consumerKey: string, sink: MemberSink): void {
    this.#members.set(consumerKey, sink);
  }

  expired(consumerKey: string, queueId: number, generation: number, from: number, to: number): void {
    const report: ExpiredReport = { consumerKey, queueId, generation, from, to };
    // It is for operators; the consumer is told over its own connection.
    this.port.callInternal('expired', report).catch(() => {});
  }

  removeMember(consumerKey: string): void {
    if (this.#members.delete(consumerKey)) {
      this.port.gone(consumerKey);
    }
  }

  showConnections(source: ConnectionSource): () => void {
    return this.#connections.add(source);
  }

  /** From the control plane. */
  asked(question: ThreadQuestion): Promise<unknown> {
    return this.#connections.answer(question);
  }

  onTopicChanged(listener: (topic: string, topicId: number) => void): () => void {
    this.#topicListeners.add(listener);
    return () => this.#topicListeners.delete(listener);
  }

  /** From the control plane. */
  onEvent(consumerKey: string, event: ControlEvent): void {
    this.#members.get(consumerKey)?.onEvent(event);
  }

  /** `listener` is called once, when the broker has been closed by the thread that opened it. */
  onBrokerClosed(listener: () => void): void {
    this.#onBrokerClosed = listener;
  }

  /** From the control plane. */
  brokerClosed(hasDied: boolean): void {
    if (hasDied) {
      this.brokerDied();
    }
    this.#onBrokerClosed?.();
    this.#onBrokerClosed = null;
  }

  /** From the control plane. */
  topicChanged(topic: string, topicId: number): void {
    const entry = this.#topics.get(topicId);
    if (entry !== undefined) {
      entry.dead = true;
      this.#topics.delete(topicId);
      this.topicGone(entry);
    }
    for (const listener of this.#topicListeners) {
      listener(topic, topicId);
    }
  }

  /** From the control plane. */
  topicRetained(topic: string, topicId: number): void {
    for (const listener of this.#topicListeners) {
      listener(topic, topicId);
    }
  }

  /** From the control plane. Readers of the queues there were, and batches under way to them, go on. */
  topicGrown({ topic, topicId, queues, slots }: GrownFacts): void {
    const entry = this.#topics.get(topicId);
    if (entry !== undefined) {
      entry.queues = queues;
      entry.slots = slots;
    }
    for (const listener of this.#topicListeners) {
      listener(topic, topicId);
    }
  }

  /** To the broker's own thread, which keeps the list. With the broker closing, nobody wants to know. */
  protected tellDamage({ topic, queueId, offset, damage, damagePosition, damageBytes }: MetDamage): void {
    const report: DamageReport = {
      topicId: topic.topicId,
      queueId,
      offset,
      position: damagePosition < 0 ? null : damagePosition,
      bytes: damageBytes,
      message: damage,
    };
    this.port.callInternal('damage', report).catch(() => {});
  }
}
