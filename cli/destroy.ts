/** What commands that destroy something have alike: `--dry-run`, `--yes`, and a question where somebody sits in front of it. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { printJson, sharedOptions } from './output.js';

export interface DestroyFlags {
  dryRun?: boolean;
  yes?: boolean;
}

/** What would be done, if it were. */
export interface Deed {
  /** With `-o json`. */
  told: object;
  /** Behind `would`, and in the question: `delete the topic orders, with 12 messages`. */
  text: string;
}

/** Gives a command the flags. `canBeUndone`: another command brings back what it takes away, so it asks nobody. */
export function destroys(command: Command, canBeUndone = false): Command {
  command.option('--dry-run', 'say what it would do, and do nothing');
  return canBeUndone
    ? command
    : command.option(
        '--yes',
        'ask no question; without it one is asked where stdin is a terminal, nowhere else',
      );
}

interface Terminal {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
}

const TERMINAL: Terminal = { input: process.stdin, output: process.stderr };

/**
 * Whether it is to be done. `look` finds out what that would be, and fails where it would; it is called only
 * where that is told. Who says no to the question ends with 1. A command without `--yes` gets `yes: true` here.
 */
export async function isToBeDone(
  command: Command,
  { dryRun = false, yes = false }: DestroyFlags,
  look: () => Promise<Deed> | Deed,
  { input, output }: Terminal = TERMINAL,
): Promise<boolean> {
  if (dryRun) {
    const { told, text } = await look();
    if (sharedOptions(command).output === 'json') {
      printJson({ dryRun: true, ...told });
    } else {
      process.stdout.write(`would ${text}; nothing was done\n`);
    }
    return false;
  }
  if (yes || input.isTTY !== true) {
    return true;
  }
  const { text } = await look();
  if (await isAgreed(`${text}? [y/N] `, input, output)) {
    return true;
  }
  output.write('nothing was done\n');
  process.exitCode = 1;
  return false;
}

/** The end of input is no. */
async function isAgreed(
  question: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<boolean> {
  const lines = createInterface({ input, output });
  const ended = new AbortController();
  lines.once('close', () => ended.abort());
  try {
    const answer = await lines.question(question, { signal: ended.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    return false;
  } finally {
    lines.close();
  }
}
