/**
 * Control calls between the threads of one process. The control plane lives on the thread that opened the broker; every other thread
 * reaches it over a BroadcastChannel, which needs no port to be handed over, so that a plain handle is
 * enough to attach. Calls are rare (joins, commits, topics): nothing per message or batch comes this way.
 */
import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import {
  type ControlEvent,
  type ControlMethod,
  type ControlMethods,
  errorCodeOfName,
  isRingMQError,
  RingMQError,
} from '../../native-free/wire/index.js';

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
}

/** What a thread hears without having asked. */
export interface ControlListener {
  onEvent(consumerKey: string, event: ControlEvent): void;
  topicChanged(topic: string, topicId: number): void;
  /** Nothing comes any more, to threads other than the control plane's own. */
  brokerClosed(): void;
}

/** A thread's way to the control plane. */
export interface ControlPort {
  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    consumerKey?: string,
  ): Promise<ControlMethods[M]['result']>;
  /** A call the wire does not have, between the threads of a broker only. */
  callInternal(method: string, params: unknown): Promise<unknown>;
  gone(consumerKey: string): void;
  close(): void;
}

interface CallMessage {
  to: 'control';
  from: string;
  seat: number;
  id: number;
  method: string;
  params: unknown;
  consumerKey: string | undefined;
}
interface GoneMessage {
  to: 'control';
  from: string;
  seat: number;
  /** undefined: the whole thread. */
  gone: string | undefined;
}
interface AnswerMessage {
  to: string;
  id: number;
  result?: unknown;
  error?: { code: string; message: string; details: Record<string, unknown> };
}
interface EventMessage {
  to: string;
  consumerKey: string;
  event: ControlEvent;
}
interface TopicMessage {
  to: 'all';
  topicChanged: { topic: string; topicId: number };
}
interface ClosedMessage {
  to: 'all';
  brokerClosed: true;
}
type Message = CallMessage | GoneMessage | AnswerMessage | EventMessage | TopicMessage | ClosedMessage;

const CONTROL_TIMEOUT_MS = 30_000;

/** Answers calls from other threads and from its own ({@link ControlServer.port}). */
export class ControlServer {
  readonly #channel: BroadcastChannel;
  readonly #handler: ControlHandler;
  /** Consumer keys a seat has joined with, so that a dead thread's members can be put out. */
  readonly #keys = new Map<number, Set<string>>();
  readonly #localListeners = new Set<ControlListener>();
  #isClosed = false;

  constructor(channelName: string, handler: ControlHandler) {
    this.#handler = handler;
    this.#channel = new BroadcastChannel(channelName);
    this.#channel.onmessage = (event) => this.#receive((event as { data: Message }).data);
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
      callInternal: (method, params) => invoke(method, params),
      gone: (consumerKey) => this.#forget(seat, consumerKey),
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

  /** A thread has gone: its members leave their groups. */
  seatGone(seat: number): void {
    for (const key of this.#keys.get(seat) ?? []) {
      this.#handler.callerGone(seat, key);
    }
    this.#keys.delete(seat);
  }

  /** Tells the other threads that it is over. */
  close(): void {
    this.#post({ to: 'all', brokerClosed: true });
    this.#isClosed = true;
    this.#channel.close();
  }

  /** What was under way when the channel was closed has nobody to go to, and a closed channel would throw. */
  #post(message: Message): void {
    if (!this.#isClosed) {
      this.#channel.postMessage(message);
    }
  }

  #receive(message: Message): void {
    if (message.to !== 'control') {
      return;
    }
    if ('gone' in message) {
      if (message.gone === undefined) {
        this.seatGone(message.seat);
      } else {
        this.#forget(message.seat, message.gone);
      }
      return;
    }
    void this.#answer(message as CallMessage);
  }

  async #answer(call: CallMessage): Promise<void> {
    const { from, seat, id, consumerKey } = call;
    this.#remember(seat, consumerKey);
    let answer: AnswerMessage;
    try {
      const result = await this.#handler.handle(call.method, call.params, {
        seat,
        ...(consumerKey === undefined ? {} : { consumerKey }),
        send: (event) => this.#post({ to: from, consumerKey: consumerKey ?? '', event }),
      });
      answer = { to: from, id, result };
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

/** A port for any other thread of the process. */
export function openControlPort(channelName: string, seat: number, listener: ControlListener): ControlPort {
  const channel = new BroadcastChannel(channelName);
  const me = randomUUID();
  const waiting = new Map<
    number,
    { resolve(value: unknown): void; reject(error: unknown): void; timer: NodeJS.Timeout }
  >();
  let nextId = 1;
  let isClosed = false;
  channel.unref();
  channel.onmessage = (event) => {
    const message = (event as { data: Message }).data;
    if ('topicChanged' in message) {
      listener.topicChanged(message.topicChanged.topic, message.topicChanged.topicId);
    } else if ('brokerClosed' in message) {
      listener.brokerClosed();
    } else if (message.to === me && 'event' in message) {
      listener.onEvent(message.consumerKey, message.event);
    } else if (message.to === me && 'id' in message) {
      settle(message as AnswerMessage);
    }
  };

  function settle(message: AnswerMessage): void {
    const call = waiting.get(message.id);
    if (call === undefined) {
      return;
    }
    waiting.delete(message.id);
    clearTimeout(call.timer);
    if (waiting.size === 0) {
      channel.unref();
    }
    if (message.error === undefined) {
      call.resolve(message.result);
    } else {
      const { code, message: text, details } = message.error;
      call.reject(new RingMQError(errorCodeOfName(code), text, { details }));
    }
  }

  function post(message: Message): void {
    if (!isClosed) {
      channel.postMessage(message);
    }
  }

  function invoke(method: string, params: unknown, consumerKey?: string): Promise<unknown> {
    if (isClosed) {
      return Promise.reject(hasDetached());
    }
    return new Promise((resolve, reject) => {
      const id = nextId++;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(
          new RingMQError(
            'TIMEOUT',
            `the broker's own thread did not answer '${method}' within 30 s; is it blocked?`,
          ),
        );
      }, CONTROL_TIMEOUT_MS);
      timer.unref();
      waiting.set(id, { resolve, reject, timer });
      channel.ref();
      post({ to: 'control', from: me, seat, id, method, params, consumerKey });
    });
  }

  return {
    call: (method, params, consumerKey) => invoke(method, params, consumerKey) as Promise<never>,
    callInternal: (method, params) => invoke(method, params),
    gone: (consumerKey) => post({ to: 'control', from: me, seat, gone: consumerKey }),
    close: () => {
      post({ to: 'control', from: me, seat, gone: undefined });
      isClosed = true;
      for (const call of waiting.values()) {
        clearTimeout(call.timer);
        call.reject(hasDetached());
      }
      waiting.clear();
      channel.close();
    },
  };
}

function hasDetached(): RingMQError {
  return new RingMQError('CLOSED', 'this thread has detached from the broker');
}
