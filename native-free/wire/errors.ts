/**
 * Every error RingMQ raises, in one table. `wire` is its number in ack entries and never changes, nor is one
 * used again; `retryable`: the same call may succeed later without anyone changing anything; `closes`: over a
 * socket, the connection ends with it. `closeCode`: the WebSocket close code of a connection that ends with
 * it, as RFC 6455 has them: 1002 not our protocol, 1009 too big, 1001 going away, 1011 our fault; where there
 * is none, 1008.
 */
export const ERRORS = {
  // protocol
  BAD_FRAME: {
    wire: 1,
    retryable: false,
    closes: true,
    closeCode: 1002,
    message: 'the frame cannot be understood',
  },
  UNSUPPORTED_VERSION: {
    wire: 2,
    retryable: false,
    closes: true,
    closeCode: 1002,
    message: 'no common protocol version',
  },
  FRAME_TOO_LARGE: {
    wire: 3,
    retryable: false,
    closes: true,
    closeCode: 1009,
    message: 'the frame is over the size limit',
  },
  CREDIT_EXCEEDED: {
    wire: 4,
    retryable: false,
    closes: true,
    message: 'more was sent than the credit allows',
  },
  HANDSHAKE_TIMEOUT: { wire: 5, retryable: true, closes: true, message: 'no hello arrived in time' },
  BAD_BATCH: { wire: 6, retryable: false, closes: true, closeCode: 1002, message: 'the batch is malformed' },
  BAD_CHECKSUM: {
    wire: 7,
    retryable: false,
    closes: true,
    closeCode: 1002,
    message: 'the batch was damaged on its way',
  },
  ORIGIN_REFUSED: { wire: 8, retryable: false, closes: true, message: 'this web origin is not allowed here' },
  NOT_AUTHENTICATED: { wire: 9, retryable: false, closes: true, message: 'credentials are needed' },
  TOKEN_EXPIRED: { wire: 11, retryable: false, closes: true, message: 'the token has expired' },
  TOO_MANY_CONNECTIONS: {
    wire: 10,
    retryable: true,
    closes: true,
    message: 'the broker holds as many connections as it may',
  },
  CONNECTION_CLOSED: {
    wire: 13,
    retryable: true,
    closes: true,
    message: 'the connection was closed by an administrator',
  },
  // requests
  BAD_REQUEST: { wire: 20, retryable: false, closes: false, message: 'the request is malformed' },
  BAD_ARGUMENT: { wire: 21, retryable: false, closes: false, message: 'an argument is out of its range' },
  NOT_SUPPORTED: {
    wire: 22,
    retryable: false,
    closes: false,
    message: 'this is not supported by this version',
  },
  TOPIC_NOT_FOUND: { wire: 23, retryable: false, closes: false, message: 'there is no such topic' },
  TOPIC_EXISTS: { wire: 24, retryable: false, closes: false, message: 'the topic exists already' },
  QUEUE_NOT_FOUND: { wire: 25, retryable: false, closes: false, message: 'the topic has no such queue' },
  GROUP_NOT_FOUND: { wire: 26, retryable: false, closes: false, message: 'there is no such consumer group' },
  GROUP_BUSY: { wire: 27, retryable: true, closes: false, message: 'the group has members at work' },
  NOT_A_MEMBER: { wire: 29, retryable: false, closes: false, message: 'no such consumer on this connection' },
  BAD_FILTER: { wire: 30, retryable: false, closes: false, message: 'the filter expression is malformed' },
  TOO_MANY_QUEUES: {
    wire: 31,
    retryable: false,
    closes: false,
    message: 'the broker has no room for so many queues',
  },
  TOO_MANY_REQUESTS: {
    wire: 32,
    retryable: true,
    closes: false,
    message: 'too many requests wait for an answer',
  },
  TOO_MANY_GROUPS: {
    wire: 33,
    retryable: false,
    closes: false,
    message: 'the broker has as many consumer groups as it may',
  },
  TOO_MANY_MEMBERS: {
    wire: 34,
    retryable: false,
    closes: false,
    message: 'the group has as many members as it may',
  },
  GROUP_EXISTS: { wire: 35, retryable: false, closes: false, message: 'the consumer group exists already' },
  NOT_ALLOWED: { wire: 36, retryable: false, closes: false, message: 'the user has no right to do that' },
  USER_NOT_FOUND: { wire: 37, retryable: false, closes: false, message: 'there is no such user or role' },
  USER_EXISTS: { wire: 38, retryable: false, closes: false, message: 'the user or role exists already' },
  CONNECTION_NOT_FOUND: {
    wire: 39,
    retryable: false,
    closes: false,
    message: 'there is no such connection',
  },
  // messages
  MESSAGE_TOO_LARGE: {
    wire: 40,
    retryable: false,
    closes: false,
    message: 'the message is over the size limit',
  },
  BAD_MESSAGE: { wire: 41, retryable: false, closes: false, message: 'the message is malformed' },
  BUFFER_FULL: { wire: 42, retryable: true, closes: false, message: 'the send buffer is full' },
  PRODUCER_FENCED: { wire: 43, retryable: false, closes: false, message: 'a newer producer has this id' },
  SEQUENCE_UNKNOWN: {
    wire: 44,
    retryable: false,
    closes: false,
    message: 'the batch was sent before, too long ago to say where it is',
  },
  MESSAGE_NOT_FOUND: { wire: 49, retryable: false, closes: false, message: 'there is no such message' },
  // broker state
  DISK_FULL: { wire: 60, retryable: true, closes: false, message: 'the disk is full' },
  DISK_FAILED: {
    wire: 61,
    retryable: false,
    closes: false,
    message: 'the disk failed; the broker has stopped writing',
  },
  LOG_CORRUPT: { wire: 62, retryable: false, closes: false, message: 'data on disk is damaged' },
  DATA_DIR_LOCKED: {
    wire: 63,
    retryable: false,
    closes: false,
    message: 'another process has this data directory',
  },
  PORT_IN_USE: { wire: 64, retryable: false, closes: false, message: 'the port is taken' },
  BAD_CONFIG: { wire: 65, retryable: false, closes: false, message: 'the configuration cannot be used' },
  BROKER_CLOSED: {
    wire: 66,
    retryable: false,
    closes: true,
    closeCode: 1001,
    message: 'the broker is closed',
  },
  BROKER_BUSY: {
    wire: 67,
    retryable: true,
    closes: false,
    message: 'the broker has no place for another thread or connection',
  },
  DATA_DIR_LOST: {
    wire: 68,
    retryable: false,
    closes: false,
    message: "the data directory is not this broker's any more",
  },
  NOT_MASTER: {
    wire: 69,
    retryable: true,
    closes: false,
    message: 'this broker is not the master of its set',
  },
  NOT_ENOUGH_REPLICAS: {
    wire: 70,
    retryable: true,
    closes: false,
    message: 'too few slaves are in sync',
  },
  NOT_FURTHEST: {
    wire: 74,
    retryable: false,
    closes: false,
    message: 'another broker of the set may have log that this one has not',
  },
  // client
  CONNECT_FAILED: { wire: 80, retryable: true, closes: false, message: 'the broker could not be reached' },
  CONNECTION_LOST: { wire: 81, retryable: true, closes: false, message: 'the connection was lost' },
  TIMEOUT: { wire: 82, retryable: true, closes: false, message: 'no answer came in time' },
  ABORTED: { wire: 83, retryable: false, closes: false, message: 'the call was aborted' },
  CLOSED: { wire: 84, retryable: false, closes: false, message: 'it is closed' },
  CHECK_FAILED: { wire: 85, retryable: true, closes: false, message: 'something is beyond its limit' },
  INTERNAL: {
    wire: 99,
    retryable: false,
    closes: false,
    closeCode: 1011,
    message: 'a defect in RingMQ; please report it',
  },
} as const satisfies Record<
  string,
  { wire: number; retryable: boolean; closes: boolean; closeCode?: number; message: string }
>;

export type ErrorCode = keyof typeof ERRORS;

const BRAND = Symbol.for('ringmq.error');

/** The one error class; tell errors apart by `code`. */
export class RingMQError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** Facts for programs: limits, values, names; also which message, for a send that failed. */
  readonly details: Readonly<Record<string, unknown>>;
  constructor(
    code: ErrorCode,
    message?: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    const entry = ERRORS[code];
    super(message ?? entry.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RingMQError';
    this.code = code;
    this.retryable = entry.retryable;
    this.details = options.details ?? {};
  }

  /** Of the class, not of each error: it is not printed with them. */
  get [BRAND](): true {
    return true;
  }

  /** What `JSON.stringify` makes of it: all but stack and cause. */
  toJSON(): { name: string; code: ErrorCode; message: string; retryable: boolean; details: object } {
    const { name, code, message, retryable, details } = this;
    return { name, code, message, retryable, details };
  }
}

/** True for a RingMQError of any copy of this library. */
export function isRingMQError(value: unknown): value is RingMQError {
  return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

const BY_WIRE = new Map<number, ErrorCode>(
  (Object.entries(ERRORS) as [ErrorCode, { wire: number }][]).map(([code, entry]) => [entry.wire, code]),
);

/** The WebSocket close code of a connection that ends with this error. */
export function closeCodeOf(code: ErrorCode): number {
  const entry = ERRORS[code];
  return 'closeCode' in entry ? entry.closeCode : 1008;
}

/** The code behind a wire number; INTERNAL for one this version does not know. */
export function errorCodeOfWire(wire: number): ErrorCode {
  return BY_WIRE.get(wire) ?? 'INTERNAL';
}

/** The code behind a name received from the other side; INTERNAL for one this version does not know. */
export function errorCodeOfName(name: string): ErrorCode {
  return Object.hasOwn(ERRORS, name) ? (name as ErrorCode) : 'INTERNAL';
}
