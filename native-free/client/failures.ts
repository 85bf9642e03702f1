/** How failures are told: of many messages in one error, of a first connection by its cause. */
import { type ErrorCode, isRingMQError, type Receipt, RingMQError } from '../wire/index.js';
import type { SendFailure } from './types.js';

/** Messages listed one by one; the rest is counted. */
const MAX_LISTED = 1_000;

interface FailedMessage {
  number: number;
  topic: string;
  queueId: number | null;
  code: ErrorCode;
}

/** Written messages that failed and nobody was told of yet, for `flush` and `close` to report. */
export class Failures {
  #listed: FailedMessage[] = [];
  #count = 0;
  #first: RingMQError | null = null;

  add(failure: SendFailure): void {
    this.#first ??= failure.error;
    this.#count += failure.numbers.length;
    for (const number of failure.numbers) {
      if (this.#listed.length >= MAX_LISTED) {
        return;
      }
      this.#listed.push({ number, topic: failure.topic, queueId: failure.queueId, code: failure.error.code });
    }
  }

  /** The error that tells of all of them, once; null if there are none. */
  take(): RingMQError | null {
    const first = this.#first;
    if (first === null) {
      return null;
    }
    const error = new RingMQError(
      first.code,
      `${this.#count} written ${this.#count === 1 ? 'message was' : 'messages were'} not stored: ${first.message}`,
      { cause: first, details: { failed: this.#listed, failedCount: this.#count } },
    );
    this.#listed = [];
    this.#count = 0;
    this.#first = null;
    return error;
  }
}

/**
 * The error of a `sendBatch` of which some failed: the first one's, with `failed` (index, code),
 * `failedCount` and the receipts by index.
 */
export function sendBatchError(results: readonly PromiseSettledResult<Receipt>[]): RingMQError {
  const failed: { index: number; code: ErrorCode }[] = [];
  let failedCount = 0;
  let first: unknown;
  results.forEach((result, index) => {
    if (result.status === 'fulfilled') {
      return;
    }
    const error: unknown = result.reason;
    if (failedCount++ === 0) {
      first = error;
    }
    if (failed.length < MAX_LISTED) {
      failed.push({ index, code: isRingMQError(error) ? error.code : 'BAD_MESSAGE' });
    }
  });
  const receipts = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  const what = `${failedCount} of ${results.length} messages were not stored`;
  if (!isRingMQError(first)) {
    // Only a message's own code, a getter, throws something else: it could not be read.
    return new RingMQError('BAD_MESSAGE', `${what}: one of them threw when it was read; see cause`, {
      cause: first,
      details: { failed, failedCount, receipts },
    });
  }
  return new RingMQError(first.code, `${what}: ${first.message}`, {
    cause: first,
    details: { ...first.details, failed, failedCount, receipts },
  });
}

/** Somebody wrote past the limit. */
export function bufferFull(limitBytes: number, bytes: number): RingMQError {
  return new RingMQError(
    'BUFFER_FULL',
    'write was called on although it had returned false; wait for ready()',
    { details: { limit: limitBytes, value: bytes } },
  );
}

/** The error itself, or `INTERNAL` around something that should not have been thrown. */
export function asRingMQError(error: unknown): RingMQError {
  return isRingMQError(error) ? error : new RingMQError('INTERNAL', undefined, { cause: error });
}

/** Errors of a connection that another try cannot cure. */
const HOPELESS = new WeakSet<RingMQError>();

/** Marks the error: trying again is of no use. */
export function hopeless(error: RingMQError): RingMQError {
  HOPELESS.add(error);
  return error;
}

/** Is trying to connect again of no use after this? */
export function isHopeless(error: unknown): boolean {
  if (!isRingMQError(error)) {
    return false;
  }
  return HOPELESS.has(error) || (!error.retryable && error.code !== 'BROKER_CLOSED');
}

/**
 * A first connection that failed: what the broker said, or `CONNECT_FAILED` with the cause. `within`: how
 * long it was tried for, in words.
 */
export function asConnectError(error: unknown, within: string): RingMQError {
  if (isRingMQError(error) && error.code !== 'TIMEOUT' && error.code !== 'CONNECTION_LOST') {
    return error;
  }
  const why = error instanceof Error ? error.message : String(error);
  return new RingMQError('CONNECT_FAILED', `the broker could not be reached${within}: ${why}`, {
    cause: error,
  });
}
