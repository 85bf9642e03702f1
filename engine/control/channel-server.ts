/** The control plane's end of the channel: answers every thread's calls and tells threads their events. */
import { setTimeout as delay } from 'node:timers/promises';
import { BroadcastChannel } from 'node:worker_threads';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import { encodeAnswer } from './answer-bytes.js';
import { CallTurns } from './call-turns.js';
import {
  type AnswerMessage,
  askerOf,
  type CallMessage,
  type ChannelMessage,
  type ClosedMessage,
  type ControlHandler,
  type ControlListener,
  type ControlPort,
  channelOf,
  type GoneMessage,
  type GrownFacts,
} from './channel-messages.js';
import type { ThreadQuestion } from './connection-desk.js';
import type { ThreadAnswers } from './connections-view.js';
import { packEvent } from './packed-event.js';
import { ThreadQuestions } from './thread-questions.js';

/** So long threads that are attached to a broker which died get to hear of it. */
const TELL_MS = 100;

/** Ends what is still attached to an opening whose own thread has ended: its directory is about to have another owner. */
export async function endAttached(openingId: string): Promise<void> {
  const channel = new BroadcastChannel(channelOf(openingId));
  const message: ClosedMessage = { to: 'all', brokerClosed: true, hasDied: true };
  channel.postMessage(message);
  await delay(TELL_MS);
  channel.close();
}

/** Answers calls from other threads and from its own ({@link ControlServer.port}). */
export class ControlServer {
  readonly #channel: BroadcastChannel;
  readonly #handler: ControlHandler;
  /** Consumer keys a seat has joined with, so that a dead thread's members can be put out. */
  readonly #keys = new Map<number, Set<string>>();
  readonly #localListeners = new Set<ControlListener>();
  readonly #turns: CallTurns;
  readonly #questions = new ThreadQuestions();
  #isClosed = false;

  constructor(channelName: string, handler: ControlHandler) {
    this.#handler = handler;
    this.#turns = new CallTurns(handler.measured);
    this.#channel = new BroadcastChannel(channelName);
    this.#channel.onmessage = (event) => this.#receive((event as { data: ChannelMessage }).data);
    this.#channel.unref();
  }

  /** A port for the control plane's own thread: direct calls. */
  port(seat: number, listener: ControlListener): ControlPort {
    this.#localListeners.add(listener);
    const invoke = (method: string, params: unknown, consumerKey?: string): Promise<unknown> => {
      this.#remember(seat, consumerKey);
      return this.#handler.handle(method, params, {
        seat,
        ...(consumerKey === undefined ? {} : { consumerKey }),
        send: (event) => queueMicrotask(() => listener.onEvent(consumerKey ?? '', event)),
      });
    };
    return {
      call: (method, params, consumerKey) => invoke(method, params, consumerKey) as Promise<never>,
      callForBytes: async (method, params, consumerKey) =>
        encodeAnswer(await invoke(method, params, consumerKey)),
      callInternal: (method, params) => invoke(method, params),
      gone: (consumerKey) => this.#forget(seat, consumerKey),
      // Its calls began when they were made.
      left: () => {},
      close: () => {
        this.#localListeners.delete(listener);
        this.seatGone(seat);
      },
    };
  }

  /** Tells every thread, this one included. */
  topicChanged(topic: string, topicId: number): void {
    for (const listener of this.#localListeners) {
      listener.topicChanged(topic, topicId);
    }
    this.#post({ to: 'all', topicChanged: { topic, topicId } });
  }

  /** Tells every thread, this one included. */
  topicGrown({ topic, topicId, queues, slots }: GrownFacts): void {
    const grown = { topic, topicId, queues, slots };
    for (const listener of this.#localListeners) {
      listener.topicGrown(grown);
    }
    this.#post({ to: 'all', topicGrown: grown });
  }

  /** Tells every thread, this one included: what threads know of the topic holds, and clients may look at it anew. */
  topicRetained(topic: string, topicId: number): void {
    for (const listener of this.#localListeners) {
      listener.topicRetained(topic, topicId);
    }
    this.#post({ to: 'all', topicRetained: { topic, topicId } });
  }

  /** Asks every thread, this one included. */
  ask(question: ThreadQuestion): Promise<ThreadAnswers> {
    const own = [...this.#localListeners].map((listener) => listener.asked(question));
    return this.#questions.ask(own, (ask) => this.#post({ to: 'all', ask, question }));
  }

  /** A thread has gone: its members leave their groups. What it asked before counts. */
  seatGone(seat: number): void {
    this.#turns.finish(`${seat}/`);
    this.#questions.gone(seat);
    for (const key of this.#keys.get(seat) ?? []) {
      this.#handler.callerGone(seat, key);
    }
    this.#keys.delete(seat);
  }

  /** Tells the other threads that it is over. */
  close(): void {
    this.#post({ to: 'all', brokerClosed: true });
    this.#isClosed = true;
    this.#questions.close();
    this.#turns.clear();
    this.#channel.close();
  }

  /** What was under way when the channel was closed has nobody to go to, and a closed channel would throw. */
  #post(message: ChannelMessage): void {
    if (!this.#isClosed) {
      this.#channel.postMessage(message);
    }
  }

  #receive(message: ChannelMessage): void {
    if (message.to !== 'control') {
      return;
    }
    if ('gone' in message) {
      this.#gone(message);
    } else if ('left' in message) {
      this.#turns.giveUp(`${message.seat}/${message.left}`);
    } else if ('opened' in message) {
      this.#questions.opened(message.opened, message.seat);
    } else if ('told' in message) {
      this.#questions.told(message.told, message.from, message.answer);
    } else {
      this.#called(message as CallMessage);
    }
  }

  #gone({ seat, gone }: GoneMessage): void {
    if (gone === undefined) {
      this.seatGone(seat);
      return;
    }
    this.#turns.add(`${seat}/${askerOf(gone)}`, {
      begin: () => this.#forget(seat, gone),
      giveUp: () => false,
    });
  }

  #called(call: CallMessage): void {
    this.#turns.add(`${call.seat}/${call.asker}`, {
      begin: () => void this.#answer(call),
      giveUp: () => {
        // What a consumer had done with its messages is so, whether it is told that this was noted or not.
        if (call.method === 'commit') {
          return false;
        }
        const { from: to, id } = call;
        const error = new RingMQError('CLOSED', 'the connection that asked has gone');
        this.#post({ to, id, error: { code: error.code, message: error.message, details: {} } });
        return true;
      },
    });
  }

  async #answer(call: CallMessage): Promise<void> {
    const { from, seat, id, consumerKey, wantsBytes } = call;
    this.#remember(seat, consumerKey);
    let answer: AnswerMessage;
    try {
      const result = await this.#handler.handle(call.method, call.params, {
        seat,
        ...(consumerKey === undefined ? {} : { consumerKey }),
        send: (event) => this.#post({ to: from, consumerKey: consumerKey ?? '', event: packEvent(event) }),
      });
      answer = { to: from, id, result: wantsBytes ? encodeAnswer(result) : result };
    } catch (error) {
      const known = isRingMQError(error) ? error : new RingMQError('INTERNAL', String(error));
      answer = {
        to: from,
        id,
        error: { code: known.code, message: known.message, details: { ...known.details } },
      };
    }
    this.#post(answer);
  }

  #remember(seat: number, consumerKey: string | undefined): void {
    if (consumerKey === undefined) {
      return;
    }
    let keys = this.#keys.get(seat);
    if (keys === undefined) {
      keys = new Set();
      this.#keys.set(seat, keys);
    }
    keys.add(consumerKey);
  }

  #forget(seat: number, consumerKey: string): void {
    if (this.#keys.get(seat)?.delete(consumerKey) === true) {
      this.#handler.callerGone(seat, consumerKey);
    }
  }
}
