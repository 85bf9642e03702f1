/** What every command has alike: its help, what is said of wrong usage, and refusals of what is not built. */
import type { Command, Option } from 'commander';
import { EXAMPLES } from './examples.js';
import { failureOutput, wantsJson } from './failure.js';
import { addNotBuilt } from './not-built.js';

/** What other brokers' commands call it, and what it may be here. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  add: ['create', 'save'],
  alter: ['set', 'grow'],
  consume: ['sub'],
  consumer: ['group'],
  create: ['add', 'save'],
  del: ['delete'],
  edit: ['set', 'limit'],
  get: ['describe'],
  info: ['describe', 'status'],
  inspect: ['describe'],
  ls: ['list'],
  new: ['create', 'add'],
  produce: ['pub'],
  publish: ['pub'],
  remove: ['delete'],
  rm: ['delete'],
  seek: ['reset-offset'],
  send: ['pub'],
  server: ['broker'],
  show: ['describe', 'list', 'status'],
  subscribe: ['sub'],
  tail: ['sub'],
  update: ['set', 'limit'],
  use: ['select'],
};

/** Gives a command and all below it examples, the global options in their help, and errors that name the command. */
export function dressCommands(command: Command, path: readonly string[] = []): void {
  const name = path.join(' ');
  addNotBuilt(command, name);
  command.configureHelp({ showGlobalOptions: true, optionDescription });
  command.configureOutput({
    writeErr: (text) => process.stderr.write(text),
    outputError: (text, write) => write(usageError(text, command, ['ringmq', ...path].join(' '))),
  });
  const examples = EXAMPLES[name];
  if (examples !== undefined) {
    command.addHelpText('after', `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`);
  }
  for (const below of command.commands) {
    dressCommands(below, [...path, below.name()]);
  }
}

function optionDescription(option: Option): string {
  const notes = [
    option.mandatory ? 'required' : null,
    option.envVar === undefined ? null : `or ${option.envVar}`,
    option.defaultValue === undefined
      ? null
      : `default: ${option.defaultValueDescription ?? option.defaultValue}`,
  ].filter((note) => note !== null);
  const choices = option.argChoices === undefined ? '' : `: ${option.argChoices.join(', ')}`;
  return `${option.description}${choices}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

/** Commander says `error: …` over several lines; here it is one line in the shape of every other failure. */
function usageError(text: string, { commands }: Command, command: string): string {
  const [first = '', second = ''] = text.split('\n');
  const what = first.replace(/^error: /, '').replace(/\.$/, '');
  const word = /^unknown command '(.+)'$/.exec(what)?.[1] ?? '';
  const here = OTHER_WORDS[word]?.find((name) => commands.some((each) => each.name() === name));
  const meant = here ?? /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(second)?.[1];
  const said = meant === undefined ? what : `${what}, did you mean ${meant}?`;
  const line = failureOutput(
    { code: 'BAD_ARGUMENT', message: said, advice: `see ${command} --help`, retryable: false, details: {} },
    wantsJson(process.argv),
  );
  return `${line}\n`;
}
