import { type ErrorCode, isRingMQError, RingMQError } from '../native-free/wire/index.js';

/** Exit statuses of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** What to do about an error, for the end of its line. */
const ADVICE: Record<ErrorCode, string> = {
  CONNECT_FAILED: 'start one with `ringmq broker`, or name another with --url or RINGMQ_URL',
  CONNECTION_LOST: 'look at the log of the broker, then run it again',
  TIMEOUT: 'look at the load and the log of the broker, then run it again',
  TOPIC_NOT_FOUND: 'create it with `ringmq topic create NAME --queues N`',
  TOPIC_EXISTS: 'take another name, or delete it with `ringmq topic delete NAME`',
  GROUP_NOT_FOUND: 'see `ringmq group list`',
  GROUP_BUSY: 'stop the members of the group first',
  GROUP_EXISTS: 'use it as it is (--if-not-exists), or delete it first',
  TOO_MANY_GROUPS: 'delete groups that are not needed (ringmq group list, group delete), or raise maxGroups',
  TOO_MANY_MEMBERS:
    'stop some members, or raise the limit that the message names (maxMembersPerGroup, maxGroups, maxGroupQueues)',
  BAD_FILTER: "write tags joined by ||, like 'paid || refunded', or *",
  MESSAGE_TOO_LARGE: 'send it in pieces',
  DISK_FULL: 'make room; the broker takes messages again by itself',
  DISK_FAILED: 'check the disk, then start the broker again',
  LOG_CORRUPT: 'see `ringmq log verify DIR`',
  DATA_DIR_LOCKED: 'stop the other broker, or name another directory with --data',
  DATA_DIR_LOST:
    'nothing more is written; find out who moved or replaced it, bring it back, then start the broker again',
  PORT_IN_USE: 'name another with --listen, or port 0 for a free one',
  BAD_CONFIG: 'correct the configuration',
  NOT_AUTHENTICATED: 'listen on 127.0.0.1, or say --insecure if everybody who reaches it may use it',
  NOT_SUPPORTED: 'leave it out',
  BAD_ARGUMENT: 'see --help',
  ABORTED: 'run it again if that was not meant',
  BAD_BATCH: 'see `ringmq log verify DIR` with the broker stopped',
  BAD_CHECKSUM: 'see `ringmq log verify DIR` with the broker stopped',
  BAD_FRAME: 'check that --url names a RingMQ broker of this version',
  BAD_MESSAGE: 'correct the message',
  BAD_REQUEST: 'check that broker and command are of the same version',
  NOT_MASTER: 'send it to the master of the set',
  NOT_ENOUGH_REPLICAS: 'bring the slaves back, or lower --min-in-sync, or say --on-missing-slave degrade',
  BROKER_BUSY: 'wait, or spread the load over more groups and connections',
  BROKER_CLOSED: 'start the broker again',
  BUFFER_FULL: 'wait for ready() before the next write',
  CLOSED: 'open a new one',
  CREDIT_EXCEEDED: 'check that broker and command are of the same version',
  FRAME_TOO_LARGE: 'send it in pieces',
  HANDSHAKE_TIMEOUT: 'look at the load of both sides, then run it again',
  NOT_A_MEMBER: 'run it again',
  ORIGIN_REFUSED: 'allow it with --allow-origin at the broker',
  PRODUCER_FENCED: 'stop this producer, a newer one has taken its place',
  QUEUE_NOT_FOUND: 'see `ringmq topic describe NAME`',
  SEQUENCE_UNKNOWN: 'look whether the message was stored before it is sent again',
  TOO_MANY_CONNECTIONS: 'close some, or raise maxConnections in the config file of the broker',
  TOO_MANY_QUEUES: 'delete topics that are not needed, or ask for fewer queues',
  TOO_MANY_REQUESTS: 'have fewer calls under way at once',
  UNSUPPORTED_VERSION: 'use a command and a broker of the same version',
  INTERNAL: 'please report it with the command and the log',
};

const SYSTEM_ADVICE: Record<string, string> = {
  EACCES: 'check who owns it and its permissions',
  EPERM: 'check who owns it and its permissions',
  ENOENT: 'check the path',
  ENOTDIR: 'check the path',
  ENOSPC: 'make room on the disk',
  EADDRNOTAVAIL: 'name an address of this machine with --listen',
  EMFILE: 'raise the limit of open files (ulimit -n)',
};

const TRUST_IT =
  'if it is your own, name the file of it, or of the authority that signed it, in NODE_EXTRA_CA_CERTS';
/** What to do about a certificate of the broker that is refused, by Node's code. */
const CERTIFICATE_ADVICE: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST_IT,
  SELF_SIGNED_CERT_IN_CHAIN: TRUST_IT,
  UNABLE_TO_GET_ISSUER_CERT: TRUST_IT,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST_IT,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST_IT,
  CERT_HAS_EXPIRED: 'give the broker a new certificate',
  ERR_TLS_CERT_ALTNAME_INVALID: 'use a host name that the certificate is for',
};

/** A failure as it is told: what happened, and what to do. */
export interface Failure {
  code: string;
  message: string;
  advice: string | undefined;
  retryable: boolean;
  details: Readonly<Record<string, unknown>>;
}

/** The one line a failure gets on stderr: `CODE: what happened; what to do`, or a JSON object with the same. */
export function describeFailure(error: unknown, json = false): string {
  return failureOutput(failureOf(error), json);
}

function failureOf(error: unknown): Failure {
  if (isRingMQError(error)) {
    const cause = (error.cause as NodeJS.ErrnoException | undefined)?.code;
    const advice = CERTIFICATE_ADVICE[cause ?? ''] ?? ADVICE[error.code];
    return {
      code: error.code,
      message: error.message,
      advice,
      retryable: error.retryable,
      details: error.details,
    };
  }
  const unexpected = { retryable: false, details: {} };
  if (!(error instanceof Error)) {
    return { code: 'INTERNAL', message: String(error), advice: ADVICE.INTERNAL, ...unexpected };
  }
  const code = (error as NodeJS.ErrnoException).code;
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    // Node begins such a message with the code.
    const message = error.message.startsWith(`${code}: `)
      ? error.message.slice(code.length + 2)
      : error.message;
    return { code, message, advice: SYSTEM_ADVICE[code], ...unexpected };
  }
  return { code: 'INTERNAL', message: error.message, advice: ADVICE.INTERNAL, ...unexpected };
}

/** A failure as one line, without its end. */
export function failureOutput(failure: Failure, json: boolean): string {
  const { code, message, advice, retryable, details } = failure;
  const what = message.replaceAll(/\s*\n\s*/g, ' ').replace(/[.;\s]+$/, '');
  if (json) {
    const failed = { code, message: what, advice: advice ?? null, retryable, details };
    return JSON.stringify(failed, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
  }
  // A message that already says what to do (after its own semicolon) is not told twice. What Node says of certificates has one, too, and
  // helps less.
  const saysIt = what.includes('; ') && !Object.values(CERTIFICATE_ADVICE).includes(advice ?? '');
  return advice === undefined || saysIt ? `${code}: ${what}` : `${code}: ${what}; ${advice}`;
}

/** The same failure with other advice, where what helps in general does not help here. */
export function advised(error: unknown, code: ErrorCode, advice: string): unknown {
  if (!isRingMQError(error) || error.code !== code) {
    return error;
  }
  return new RingMQError(code, `${error.message}; ${advice}`, { cause: error.cause, details: error.details });
}

/** Whether results, and so failures, are to be JSON; also where the arguments could not be parsed. */
export function wantsJson(args: readonly string[]): boolean {
  return args.some(
    (arg, i) =>
      ['-ojson', '-o=json', '--output=json'].includes(arg) ||
      (arg === 'json' && ['-o', '--output'].includes(args[i - 1] ?? '')),
  );
}

/** For what the contract names and this version has not built. */
export function notSupported(what: string, instead: string): RingMQError {
  return new RingMQError('NOT_SUPPORTED', `${what} is not supported by this version; ${instead}`);
}
