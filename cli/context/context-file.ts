/**
 * The brokers somebody works with, by name: where they are, as whom, and in which file the password is. The file lies in the user's own
 * configuration, only the user may read it, and it has no secret.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { NAME_PATTERN, RingMQError } from '../../native-free/wire/index.js';

export interface Context {
  url: string;
  user?: string;
  /** As an absolute path. */
  passwordFile?: string;
  /** The same of a token's. */
  tokenFile?: string;
  /** Files of TLS, too. */
  ca?: string;
  cert?: string;
  clientKey?: string;
  servername?: string;
}

/** What may be in it besides the address. */
export const CONTEXT_PARTS = [
  'user',
  'passwordFile',
  'tokenFile',
  'ca',
  'cert',
  'clientKey',
  'servername',
] as const satisfies readonly (keyof Context)[];

export interface Contexts {
  /** Used where a command names none; null: the defaults of the flags. */
  selected: string | null;
  contexts: Record<string, Context>;
}

/** `$XDG_CONFIG_HOME/ringmq/contexts.json`, else below `~/.config`. */
export function contextPath(): string {
  const given = process.env['XDG_CONFIG_HOME'];
  const base = given === undefined || given === '' ? join(homedir(), '.config') : given;
  return join(base, 'ringmq', 'contexts.json');
}

/** None where there is no file. @throws RingMQError BAD_CONFIG for one that cannot be used */
export function readContexts(path = contextPath()): Contexts {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    // Accounts of services have a home that is none, like /dev/null.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return { selected: null, contexts: {} };
    }
    throw error;
  }
  const read = parsed(text);
  if (read === null) {
    throw new RingMQError('BAD_CONFIG', `${path} is no file of contexts; correct or delete it`, {
      details: { path },
    });
  }
  return read;
}

function parsed(text: string): Contexts | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value) || !isObject(value['contexts'])) {
    return null;
  }
  const contexts: Record<string, Context> = {};
  for (const [name, context] of Object.entries(value['contexts'])) {
    if (!NAME_PATTERN.test(name) || !isContext(context)) {
      return null;
    }
    contexts[name] = context;
  }
  const { selected } = value;
  return {
    selected: typeof selected === 'string' && Object.hasOwn(contexts, selected) ? selected : null,
    contexts,
  };
}

function isContext(value: unknown): value is Context {
  return (
    isObject(value) &&
    typeof value['url'] === 'string' &&
    CONTEXT_PARTS.map((part) => value[part]).every((part) => part === undefined || typeof part === 'string')
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
