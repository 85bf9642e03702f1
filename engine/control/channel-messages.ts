/**
 * Control calls between the threads of one process. The control plane lives on the thread that opened the
 * broker; every other thread reaches it over a BroadcastChannel, which needs no port to be handed over, so
 * that a plain handle is enough to attach. Calls are rare (joins, commits, topics): nothing per message or
 * batch comes this way.
 */
import type { ControlEvent } from '../../native-free/wire/index.js';

import type { ControlCalls } from '../engine-thread.js';
import type { ThreadQuestion } from './connection-desk.js';
import type { PackedEvent } from './packed-event.js';

/** Who a control call comes from, as the control plane sees it. */
export interface ControlCaller {
  /** The thread. */
  seat: number;
  /** The consumer, unique on its thread; needed by join, leave, released and commit. */
  consumerKey?: string;
  /** Takes the consumer's events, in their order. */
  send(event: ControlEvent): void;
}

/** The control plane's side, wherever it runs. */
export interface ControlHandler {
  handle(method: string, params: unknown, caller: ControlCaller): Promise<unknown>;
  callerGone(seat: number, consumerKey: string): void;
  /** Runs a piece of its work, and may measure it. */
  readonly measured?: (run: () => void) => void;
}

/** What a thread hears without having asked. */
export interface ControlListener {
  onEvent(consumerKey: string, event: ControlEvent): void;
  topicChanged(topic: string, topicId: number): void;
  /** A topic has another retention. */
  topicRetained(topic: string, topicId: number): void;
  /** A topic has more queues. */
  topicGrown(grown: GrownFacts): void;
  /** Every thread is asked. */
  asked(question: ThreadQuestion): Promise<unknown>;
  /** Nothing comes any more, to threads other than the control plane's own. `hasDied`: nobody closed it, and another has its directory. */
  brokerClosed(hasDied: boolean): void;
}

/** A thread's way to the control plane. */
export interface ControlPort extends ControlCalls {
  /** A call the wire does not have, between the threads of a broker only. */
  callInternal(method: string, params: unknown): Promise<unknown>;
  gone(consumerKey: string): void;
  /** A connection has gone: what it has asked and has not begun is given up, but for commits. */
  left(asker: string): void;
  close(): void;
}

/** The connection a consumer's calls come from: what its key begins with, up to a colon. */
export function askerOf(consumerKey: string | undefined): string {
  return consumerKey?.split(':', 1)[0] ?? '';
}

/** A thread asks the control plane. */
export interface CallMessage {
  to: 'control';
  from: string;
  seat: number;
  id: number;
  method: string;
  params: unknown;
  consumerKey: string | undefined;
  /** The connection that waits for it; each has its turns. Empty: the thread itself. */
  asker: string;
  wantsBytes: boolean;
}

/** A consumer of a thread has gone, or the whole thread. */
export interface GoneMessage {
  to: 'control';
  from: string;
  seat: number;
  /** undefined: the whole thread. */
  gone: string | undefined;
}

/** A connection of a thread has gone: nobody waits for what it asked. */
export interface LeftMessage {
  to: 'control';
  seat: number;
  left: string;
}

/** A thread has opened its end of the channel: it will answer what all are asked. */
export interface OpenedMessage {
  to: 'control';
  seat: number;
  opened: string;
}

/** All threads are asked; each answers by a {@link ToldMessage}. */
export interface AskMessage {
  to: 'all';
  ask: number;
  question: ThreadQuestion;
}

export interface ToldMessage {
  to: 'control';
  told: number;
  from: string;
  answer: unknown;
}

/** The control plane's answer, to the thread that asked. */
export interface AnswerMessage {
  to: string;
  id: number;
  result?: unknown;
  error?: { code: string; message: string; details: Record<string, unknown> };
}

/** An event for one consumer of one thread. */
export interface EventMessage {
  to: string;
  consumerKey: string;
  event: ControlEvent | PackedEvent;
}

/** Every thread is to forget what it knows of the topic. */
export interface TopicMessage {
  to: 'all';
  topicChanged: { topic: string; topicId: number };
}

/** What threads have to know of a topic that has got more queues. */
export interface GrownFacts {
  readonly topic: string;
  readonly topicId: number;
  readonly queues: number;
  /** Queue table slot of each, those that there were as before. */
  readonly slots: Int32Array;
}

/** A topic has more queues; what every thread knows of the others holds. */
export interface GrownMessage {
  to: 'all';
  topicGrown: GrownFacts;
}

/** A topic has another retention. */
export interface RetainedMessage {
  to: 'all';
  topicRetained: { topic: string; topicId: number };
}

/** The broker has been closed. */
export interface ClosedMessage {
  to: 'all';
  brokerClosed: true;
  /** Its thread had ended without closing it; said by who has opened its directory since. */
  hasDied?: true;
}

/** Name of the channel of one opening. */
export function channelOf(openingId: string): string {
  return `ringmq-${openingId}`;
}

/** All that is posted on the channel. */
export type ChannelMessage =
  | CallMessage
  | GoneMessage
  | LeftMessage
  | AnswerMessage
  | EventMessage
  | TopicMessage
  | GrownMessage
  | RetainedMessage
  | OpenedMessage
  | AskMessage
  | ToldMessage
  | ClosedMessage;
