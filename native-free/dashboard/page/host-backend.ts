/** The page behind a host's own server: each call is a request to the handler that served it. */

import type { ErrorCode } from '../../client/index.js';
import { RingMQError } from '../../wire/index.js';
import { type Backend, fromJson, toJson } from '../desk/index.js';

interface Failure {
  error: { code: ErrorCode; message: string; details?: Record<string, unknown> };
}

/** As long as the page waits for a broker itself, and a little more. */
const ANSWER_MS = 30_000;

export class HostBackend implements Backend {
  readonly #onAnswer: (isThere: boolean, why: unknown) => void;

  constructor(onAnswer: (isThere: boolean, why: unknown) => void) {
    this.#onAnswer = onAnswer;
  }

  readonly where: Backend['where'] = () => this.#call('where');
  readonly control: Backend['control'] = (...args) => this.#call('control', ...args);
  readonly clusterStatus: Backend['clusterStatus'] = (...args) => this.#call('clusterStatus', ...args);
  readonly admin: Backend['admin'] = (...args) => this.#call('admin', ...args);
  readonly publish: Backend['publish'] = (...args) => this.#call('publish', ...args);

  async close(): Promise<void> {
    // Requests end by themselves.
  }

  async #call<T>(call: string, ...args: unknown[]): Promise<T> {
    let text: string;
    try {
      const response = await fetch('./call', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: toJson({ call, args }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      text = await response.text();
    } catch (error) {
      this.#onAnswer(false, error);
      throw new RingMQError('CONNECTION_LOST', 'the server of this page does not answer', { cause: error });
    }
    this.#onAnswer(true, null);
    let answer: unknown;
    try {
      answer = fromJson(text);
    } catch {
      throw new RingMQError(
        'INTERNAL',
        'the server of this page gave another answer than its dashboard does',
      );
    }
    const { error } = answer as Failure;
    if (error !== undefined) {
      throw new RingMQError(error.code, error.message, { details: error.details ?? {} });
    }
    return (answer as { result: T }).result;
  }
}
