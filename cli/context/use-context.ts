import type { Command } from 'commander';
import { RingMQError } from '../../native-free/wire/index.js';
import { urlFlag } from '../flags.js';
import { type Context, type Contexts, readContexts } from './context-file.js';

/**
 * Puts what the context has in the place of flags and variables that were not given: that of `--context` or RINGMQ_CONTEXT, else the selected one.
 * Who is named by flag or variable takes no password from a context.
 * @throws RingMQError BAD_ARGUMENT for one there is not, BAD_CONFIG for a file that cannot be used
 */
export function useContext(program: Command): void {
  const { context: name, user } = program.opts<{ context?: string; user?: string }>();
  const isUrlGiven = program.getOptionValueSource('url') !== 'default';
  const { tokenFile } = program.opts<{ tokenFile?: string }>();
  const isGiven = (name: string): boolean => (process.env[name] ?? '') !== '';
  const isUserGiven =
    user !== undefined || tokenFile !== undefined || isGiven('RINGMQ_USER') || isGiven('RINGMQ_TOKEN');
  if (name === undefined && isUrlGiven) {
    // A context's user belongs to its broker, and this is another.
    return;
  }
  const known = readContexts();
  const context = name === undefined ? selectedOf(known) : named(known, name);
  if (context === null) {
    return;
  }
  if (!isUrlGiven) {
    // As if it had been written out, or as if the variable were set.
    const source = program.getOptionValueSource('context') === 'cli' ? 'cli' : 'env';
    program.setOptionValueWithSource('url', urlFlag(context.url), source);
  }
  for (const part of ['ca', 'cert', 'clientKey', 'servername'] as const) {
    if (program.getOptionValueSource(part) === undefined && context[part] !== undefined) {
      program.setOptionValueWithSource(part, context[part], 'config');
    }
  }
  if (!isUserGiven && context.tokenFile !== undefined) {
    program.setOptionValueWithSource('tokenFile', context.tokenFile, 'config');
  }
  if (!isUserGiven && context.user !== undefined) {
    program.setOptionValueWithSource('user', context.user, 'config');
    if (
      program.opts<{ passwordFile?: string }>().passwordFile === undefined &&
      context.passwordFile !== undefined
    ) {
      program.setOptionValueWithSource('passwordFile', context.passwordFile, 'config');
    }
  }
}

function selectedOf({ selected, contexts }: Contexts): Context | null {
  return selected === null ? null : (contexts[selected] ?? null);
}

/** @throws RingMQError BAD_ARGUMENT */
export function named({ contexts }: Contexts, name: string): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context === undefined) {
    const names = Object.keys(contexts);
    const there = names.length === 0 ? 'there is none yet' : `there are ${names.slice(0, 20).join(', ')}`;
    throw new RingMQError(
      'BAD_ARGUMENT',
      `there is no context '${name}' (${there}); see \`ringmq context save\``,
      {
        details: { option: 'context' },
      },
    );
  }
  return context;
}
