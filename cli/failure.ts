import { type ErrorCode, isRingMQError, RingMQError } from '../native-free/wire/errors.js';
import { ADVICE } from './advice.js';

/** Exit statuses of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

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
  'if it is your own, name the file of it, or of the authority that signed it, with --ca, before the command, or in NODE_EXTRA_CA_CERTS';
/** What to do about a certificate of the broker that is refused, by Node's code. */
const CERTIFICATE_ADVICE: Record<string, string> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: TRUST_IT,
  SELF_SIGNED_CERT_IN_CHAIN: TRUST_IT,
  UNABLE_TO_GET_ISSUER_CERT: TRUST_IT,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TRUST_IT,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TRUST_IT,
  CERT_HAS_EXPIRED: 'give the broker a new certificate, or set the clock of this machine',
  CERT_NOT_YET_VALID: 'set the clock of this machine, or give the broker a certificate that is valid by now',
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
  // A message that already says what to do (after its own semicolon) is not told twice. What Node says of
  // certificates has one, too, and helps less.
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
