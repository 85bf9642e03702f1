/**
 * What the command is to have and this version has not built. It is refused by its name, never ignored and
 * never advertised: `NOT_SUPPORTED`, exit status 1. What is built meanwhile hides its entry here, so that one
 * may be left behind unharmed.
 */
import { type Command, Option } from 'commander';
import { notSupported } from './failure.js';

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  '': ['dlq'],
  message: ['trace', 'recall', 'delayed', 'transactions'],
};

const FLAGS: Readonly<Record<string, readonly string[]>> = {
  pub: ['--deliver-at <time>', '--ttl <duration>', '--priority <n>'],
  sub: ['--sql <expression>', '--shared'],
  'message browse': ['--sql <expression>'],
};

/** Adds them to a command, hidden; `path` is the command's name behind `ringmq`. */
export function addNotBuilt(command: Command, path: string): void {
  for (const name of COMMANDS[path] ?? []) {
    if (!command.commands.some((built) => built.name() === name)) {
      addRefused(command, name);
    }
  }
  const refused: Option[] = [];
  for (const flags of FLAGS[path] ?? []) {
    const option = new Option(flags).hideHelp();
    if (!command.options.some(({ long }) => long === option.long)) {
      command.addOption(option);
      refused.push(option);
    }
  }
  if (refused.length === 0) {
    return;
  }
  command.hook('preAction', () => {
    const asked = refused.filter((option) => command.getOptionValue(option.attributeName()) !== undefined);
    if (asked.length > 0) {
      throw notSupported(asked.map(({ long }) => long).join(', '), 'leave it out');
    }
  });
}

function addRefused(parent: Command, name: string): void {
  const path = `${parent.parent === null ? '' : `${parent.name()} `}${name}`;
  parent
    .command(name, { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(() => {
      throw notSupported(`\`ringmq ${path}\``, 'see `ringmq --help` for what there is');
    });
}
