/**
 * As whom the command connects: `--user` with `--password-file`, or RINGMQ_USER with RINGMQ_PASSWORD. A
 * password stands in no command line, where everybody on the machine could read it.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Credentials } from '../native-free/client/index.js';
import { ScramUser } from '../native-free/client/internal.js';
import { MAX_PASSWORD_CHARACTERS, RingMQError } from '../native-free/wire/index.js';

let chosen: Credentials | undefined;

/** Of this run of the command; undefined: it comes without. */
export function credentials(): Credentials | undefined {
  return chosen;
}

/** The same for a question on a connection of its own. */
export function scramUser(): ScramUser | null {
  return chosen === undefined ? null : new ScramUser(chosen);
}

/** Reads them from the flags of the whole command, before it runs. @throws RingMQError BAD_ARGUMENT */
export function chooseCredentials(program: Command): void {
  const flags = program.opts<{ user?: string; passwordFile?: string }>();
  const user = flags.user ?? nonEmpty(process.env['RINGMQ_USER']);
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

/** The one line of a file; `-`: of stdin. @throws RingMQError BAD_ARGUMENT, and what the system says */
export function passwordIn(path: string): string {
  const password = readFileSync(path === '-' ? 0 : path, 'utf8').replace(/\r?\n$/, '');
  if (password === '' || password.length > MAX_PASSWORD_CHARACTERS || /[\r\n]/.test(password)) {
    const where = path === '-' ? 'stdin' : path;
    throw new RingMQError(
      'BAD_ARGUMENT',
      `a password is one line of 1 to ${MAX_PASSWORD_CHARACTERS} characters; what ${where} has is not`,
    );
  }
  return password;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
