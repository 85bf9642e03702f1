import { RingMQError } from '../../native-free/wire/index.js';

/** The path cannot be a data directory, or not for this user. */
const OF_THE_PATH = [
  'EACCES',
  'EROFS',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'EPERM',
  'ENOENT',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
];

/** A disk error at the opening, as the caller can use it: what is no failure of the disk is no DISK_FAILED. */
export function asOpenError(error: unknown, dataDir: string): RingMQError {
  const known = error instanceof RingMQError;
  if (known && (error.code !== 'DISK_FAILED' || !(error.cause instanceof Error))) {
    return error;
  }
  const code = ((known ? error.cause : error) as NodeJS.ErrnoException).code;
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new RingMQError('DISK_FULL', `no room to open ${dataDir}: ${text}`, { cause: error });
  }
  if (code === 'ESTALE') {
    return new RingMQError('DATA_DIR_LOST', text, { cause: error, details: { dataDir } });
  }
  if (code !== undefined && OF_THE_PATH.includes(code)) {
    return new RingMQError('BAD_CONFIG', `the data directory ${dataDir} cannot be used: ${text}`, {
      cause: error,
    });
  }
  if (known) {
    return error;
  }
  // Node's own codes (`ERR_…`) are no errors of the system.
  const isErrno = typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
  return new RingMQError(isErrno ? 'DISK_FAILED' : 'INTERNAL', text, { cause: error });
}
