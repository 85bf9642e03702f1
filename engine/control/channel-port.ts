/** The end of the channel on any thread but the control plane's own. */

import { randomUUID } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { clearTimeout, setTimeout } from '../../native-free/time/index.js';
import {
  type ControlMethod,
  type ControlMethods,
  errorCodeOfName,
  RingMQError,
} from '../../native-free/wire/index.js';
import {
  type AnswerMessage,
  type AskMessage,
  askerOf,
  type ChannelMessage,
  type ControlListener,
  type ControlPort,
} from './channel-messages.js';
import { unpackEvent } from './packed-event.js';

/**
 * A caller's own time-out, an hour at most, ends its waiting before. This one is there so that what is asked
 * in vain is forgotten.
 */
const CONTROL_TIMEOUT_MS = 3_660_000;

/** A call that has no answer yet. */
interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  timer: NodeJS.Timeout;
}

export class ChannelPort implements ControlPort {
  readonly #channel: BroadcastChannel;
  readonly #seat: number;
  readonly #listener: ControlListener;
  /** Tells this port's answers and events from those of others. */
  readonly #name = randomUUID();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #isClosed = false;

  constructor(channelName: string, seat: number, listener: ControlListener) {
    this.#seat = seat;
    this.#listener = listener;
    this.#channel = new BroadcastChannel(channelName);
    this.#channel.unref();
    this.#channel.onmessage = (event) => this.#receive((event as { data: ChannelMessage }).data);
    this.#post({ to: 'control', seat, opened: this.#name });
  }

  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    consumerKey?: string,
  ): Promise<ControlMethods[M]['result']> {
    return this.#invoke(method, params, consumerKey, askerOf(consumerKey)) as Promise<
      ControlMethods[M]['result']
    >;
  }

  callForBytes(
    method: ControlMethod,
    params: unknown,
    consumerKey: string | undefined,
    asker: string,
  ): Promise<Uint8Array> {
    return this.#invoke(method, params, consumerKey, asker, true) as Promise<Uint8Array>;
  }

  callInternal(method: string, params: unknown): Promise<unknown> {
    return this.#invoke(method, params, undefined, '');
  }

  gone(consumerKey: string): void {
    this.#post({ to: 'control', from: this.#name, seat: this.#seat, gone: consumerKey });
  }

  left(asker: string): void {
    this.#post({ to: 'control', seat: this.#seat, left: asker });
  }

  close(): void {
    this.#post({ to: 'control', from: this.#name, seat: this.#seat, gone: undefined });
    this.#isClosed = true;
    for (const call of this.#waiting.values()) {
      clearTimeout(call.timer);
      call.reject(hasDetached());
    }
    this.#waiting.clear();
    this.#channel.close();
  }

  #receive(message: ChannelMessage): void {
    if ('topicChanged' in message) {
      this.#listener.topicChanged(message.topicChanged.topic, message.topicChanged.topicId);
    } else if ('topicRetained' in message) {
      this.#listener.topicRetained(message.topicRetained.topic, message.topicRetained.topicId);
    } else if ('topicGrown' in message) {
      this.#listener.topicGrown(message.topicGrown);
    } else if ('brokerClosed' in message) {
      this.#listener.brokerClosed(message.hasDied === true);
    } else if ('ask' in message) {
      void this.#tell(message);
    } else if (message.to === this.#name && 'event' in message) {
      this.#listener.onEvent(message.consumerKey, unpackEvent(message.event));
    } else if (message.to === this.#name && 'id' in message) {
      this.#settle(message as AnswerMessage);
    }
  }

  async #tell({ ask, question }: AskMessage): Promise<void> {
    const answer = await this.#listener.asked(question).catch(() => null);
    if (answer !== null) {
      this.#post({ to: 'control', told: ask, from: this.#name, answer });
    }
  }

  #settle(message: AnswerMessage): void {
    const call = this.#waiting.get(message.id);
    if (call === undefined) {
      return;
    }
    this.#forget(message.id, call);
    if (message.error === undefined) {
      call.resolve(message.result);
    } else {
      const { code, message: text, details } = message.error;
      call.reject(new RingMQError(errorCodeOfName(code), text, { details }));
    }
  }

  #invoke(
    method: string,
    params: unknown,
    consumerKey: string | undefined,
    asker: string,
    wantsBytes = false,
  ): Promise<unknown> {
    if (this.#isClosed) {
      return Promise.reject(hasDetached());
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      const timer = setTimeout(() => {
        this.#forget(id, call);
        const what = `the broker's own thread did not answer '${method}' within an hour; is it blocked?`;
        reject(new RingMQError('TIMEOUT', what));
      }, CONTROL_TIMEOUT_MS);
      timer.unref();
      const call: Waiting = { resolve, reject, timer };
      this.#waiting.set(id, call);
      // The process stays until the answer is there.
      this.#channel.ref();
      const from = { from: this.#name, seat: this.#seat };
      this.#post({ to: 'control', ...from, id, method, params, consumerKey, asker, wantsBytes });
    });
  }

  #forget(id: number, call: Waiting): void {
    this.#waiting.delete(id);
    clearTimeout(call.timer);
    if (this.#waiting.size === 0) {
      this.#channel.unref();
    }
  }

  #post(message: ChannelMessage): void {
    if (!this.#isClosed) {
      this.#channel.postMessage(message);
    }
  }
}

function hasDetached(): RingMQError {
  return new RingMQError('CLOSED', 'this thread has detached from the broker');
}
