/** Errors as HTTP has them: a status, and `{ code, message, retryable, details }`. */
import { ERRORS, type ErrorCode, RingMQError } from '../../native-free/wire/index.js';
import { errorBody } from '../../transport/error-body.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import type { Exchange } from './exchange.js';

/** Where it is neither of the two that {@link statusOf} goes by. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  NOT_AUTHENTICATED: 401,
  TOKEN_EXPIRED: 401,
  NOT_ALLOWED: 403,
  ORIGIN_REFUSED: 403,
  TOPIC_NOT_FOUND: 404,
  QUEUE_NOT_FOUND: 404,
  GROUP_NOT_FOUND: 404,
  USER_NOT_FOUND: 404,
  CONNECTION_NOT_FOUND: 404,
  NOT_A_MEMBER: 404,
  TOPIC_EXISTS: 409,
  GROUP_EXISTS: 409,
  USER_EXISTS: 409,
  GROUP_BUSY: 409,
  NOT_FURTHEST: 409,
  SEQUENCE_UNKNOWN: 409,
  PRODUCER_FENCED: 409,
  MESSAGE_TOO_LARGE: 413,
  TOO_MANY_REQUESTS: 429,
  NOT_SUPPORTED: 501,
  TIMEOUT: 504,
  DISK_FULL: 507,
  DISK_FAILED: 500,
  LOG_CORRUPT: 500,
  INTERNAL: 500,
  BROKER_CLOSED: 503,
  CLOSED: 503,
  ABORTED: 503,
};

/** Every code has one. Of others: 503 where the same may succeed later, else 400. */
export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? (ERRORS[code].retryable ? 503 : 400);
}

/** What an answer has of an error; of one that is not ours, or that names files, as little as a frame has. */
export function jsonOfError(error: unknown): {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  details: Record<string, unknown>;
} {
  const { code, message, details = {} } = errorBody(error);
  return { code: code as ErrorCode, message, retryable: ERRORS[code as ErrorCode].retryable, details };
}

/** @param headers besides those that go with the status. */
export function answerError(
  exchange: Exchange,
  error: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = jsonOfError(error);
  const status = statusOf(body.code);
  exchange.answer(status, `${JSON.stringify(body)}\n`, {
    'Content-Type': JSON_TYPE,
    ...(status === 429 || status === 503 ? { 'Retry-After': '1' } : {}),
    ...headers,
  });
}

/** A wrong parameter, by its name. */
export function badParameter(name: string, what: string): RingMQError {
  return new RingMQError('BAD_REQUEST', `${name} ${what}`, { details: { parameter: name } });
}
