/**
 * As whom the command connects: `--user` with `--password-file`, or RINGMQ_USER with RINGMQ_PASSWORD; or a token, by `--token-file` or
 * RINGMQ_TOKEN. Neither password nor token stands in no command line, where everybody on the machine could read it.
 */

import type { Command } from 'commander';
import type { Credentials, TokenSource } from '../native-free/client/index.js';
import { readSmallFile, readSmallStdin } from '../native-free/files/small-file.js';
import {
  MAX_PASSWORD_CHARACTERS,
  MAX_TOKEN_CHARACTERS,
  RingMQError,
  TOKEN_PATTERN,
} from '../native-free/wire/index.js';

let chosen: Credentials | undefined;

/** Of this run of the command; undefined: it comes without. */
export function credentials(): Credentials | undefined {
  return chosen;
}

/** Reads them from the flags of the whole command, before it runs. @throws RingMQError BAD_ARGUMENT */
export function chooseCredentials(program: Command): void {
  const flags = program.opts<CredentialFlags>();
  chosen = undefined;
  const user = flags.user ?? nonEmpty(process.env['RINGMQ_USER']);
  const token = tokenSource(flags, user);
  if (token !== undefined) {
    chosen = { scheme: 'jwt', token };
    return;
  }
  if (user === undefined) {
    if (flags.passwordFile !== undefined) {
      throw new RingMQError('BAD_ARGUMENT', '--password-file goes with --user, before the command');
    }
    return;
  }
  const password =
    flags.passwordFile === undefined
      ? nonEmpty(process.env['RINGMQ_PASSWORD'])
      : passwordIn(flags.passwordFile);
  if (password === undefined) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `the password of '${user}' is missing: name its file with --password-file, or set RINGMQ_PASSWORD`,
    );
  }
  chosen = { scheme: 'scram', user, password };
}

interface CredentialFlags {
  user?: string;
  passwordFile?: string;
  tokenFile?: string;
}

/** Of a file that is read anew each time: whoever writes tokens there replaces it before it expires. */
function tokenSource(
  { tokenFile, user }: CredentialFlags,
  asUser: string | undefined,
): TokenSource | undefined {
  if (tokenFile !== undefined) {
    if (user !== undefined) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        '--user and --token-file do not go together: a token says whose it is',
      );
    }
    tokenIn(tokenFile);
    return () => tokenIn(tokenFile);
  }
  return asUser === undefined ? nonEmpty(process.env['RINGMQ_TOKEN']) : undefined;
}

/** A password's characters may take four bytes each; a file has the end of its line, too, and a byte order mark. */
const MAX_PASSWORD_FILE_BYTES = MAX_PASSWORD_CHARACTERS * 4 + 8;
const MAX_TOKEN_FILE_BYTES = MAX_TOKEN_CHARACTERS + 8;

/** @throws RingMQError BAD_ARGUMENT */
function tokenIn(path: string): string {
  const token = textIn('--token-file', path, MAX_TOKEN_FILE_BYTES).trim();
  if (token.length > MAX_TOKEN_CHARACTERS || !TOKEN_PATTERN.test(token)) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `${path} has no token: one line, three parts in base64url with dots between`,
    );
  }
  return token;
}

/** The one line of a file; `-`: of stdin. @throws RingMQError BAD_ARGUMENT, and what the system says */
export function passwordIn(path: string): string {
  // A byte order mark is no part of what anybody types.
  const text = textIn('--password-file', path, MAX_PASSWORD_FILE_BYTES);
  const password = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  if (password === '' || password.length > MAX_PASSWORD_CHARACTERS || /[\r\n]/.test(password)) {
    const where = path === '-' ? 'stdin' : path;
    throw new RingMQError(
      'BAD_ARGUMENT',
      `a password is one line of 1 to ${MAX_PASSWORD_CHARACTERS} characters; what ${where} has is not`,
    );
  }
  return password;
}

/** Whatever is named, it comes to an end. @throws RingMQError BAD_ARGUMENT, and what the system says of a file that is not there or not to be read */
function textIn(flag: string, path: string, maxBytes: number): string {
  try {
    return (path === '-' ? readSmallStdin(maxBytes) : readSmallFile(path, maxBytes)).toString('utf8');
  } catch (cause) {
    if (['ENOENT', 'EACCES'].includes(String((cause as NodeJS.ErrnoException).code))) {
      throw cause;
    }
    throw new RingMQError('BAD_ARGUMENT', `${flag}: ${path} cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
