/** Whom a connection tells of what happens to it: its user, who made it, its producers, and who watches topics. */
import type { RingMQError } from '../../wire/index.js';
import { callUser } from '../callback.js';
import type { ConnectionOptions } from './connection-options.js';
import type { SendLine } from './send-line.js';

export class ConnectionNews {
  readonly #options: ConnectionOptions;
  readonly #produce: SendLine;
  #onTopicChanged: (topic: string) => void = () => {};

  constructor(options: ConnectionOptions, produce: SendLine) {
    this.#options = options;
    this.#produce = produce;
  }

  /** Tells the user of something that is tried again. */
  warn(message: string, details: Record<string, unknown>): void {
    callUser(this.#options.onWarning, message, details);
  }

  /** A try failed and there will be another one. `isNew`: the one before did not fail in the same way. */
  trouble(trouble: RingMQError, isNew: boolean): void {
    this.#produce.trouble = trouble;
    this.#options.onTrouble?.();
    if (isNew) {
      this.warn(`${trouble.message}; trying again`, { code: trouble.code });
    }
  }

  connected(): void {
    callUser(this.#options.onConnection, 'connected');
  }

  disconnected(reason: RingMQError): void {
    callUser(this.#options.onConnection, 'disconnected', reason);
  }

  /** The broker has ended the link over something that was sent. */
  ourFault({ code, message }: RingMQError): void {
    this.warn(`the connection ended over what was sent (${code}: ${message})`, { code });
  }

  /** What was known of the topic does not hold any more: the broker says so, or this client has just changed it. */
  topicChanged(topic: string): void {
    this.#produce.onTopicChanged(topic);
    this.#options.onTopicChanged?.(topic);
    this.#onTopicChanged(topic);
  }

  /** The one who is told of topics that changed, beside senders. */
  watchTopics(listener: (topic: string) => void): void {
    this.#onTopicChanged = listener;
  }

  /** An event that is no consumer's. */
  event(event: Record<string, unknown>): void {
    this.#options.onEvent?.(event);
  }
}
