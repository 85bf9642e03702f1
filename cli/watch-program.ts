/** The commands of whoever watches over brokers, with their flags. */
import { Argument, type Command, Option } from 'commander';
import { LOG_LEVELS } from '../native-free/wire/configuration.js';
import { CONNECTION_FIELDS } from '../native-free/wire/connections.js';
import { type DestroyFlags, destroys } from './destroy.js';
import { countUpTo, intervalFlag } from './flags.js';

/** Rows of one page. */
const MAX_ROWS = 10_000;

export function addWatching(program: Command): void {
  addConnection(program);
  addConfig(program);
  addTop(program);
}

function addConnection(program: Command): void {
  const connection = program.command('connection').description('who is connected, and closing connections');
  connection
    .command('list')
    .description('connections of the broker, over a cluster of all masters, one a line')
    .addOption(
      new Option('--sort <field>', 'with a - in front: from the highest down')
        .choices([...CONNECTION_FIELDS, ...CONNECTION_FIELDS.map((field) => `-${field}`)])
        .default('openedTime'),
    )
    .option('--filter <text>', 'only those of which id, user, name, address, a group or a topic has it')
    .option('--limit <n>', 'at most so many', countUpTo(MAX_ROWS), 1_000)
    .option('--topic <topic>', 'only who sends to it, or reads it; with the groups in which it does')
    .action(async (options: object, command: Command) => {
      await (await import('./watch-command.js')).listConnections(command, options as never);
    });
  destroys(connection.command('close'), true)
    .description('end a connection; its client connects again if it wants to')
    .argument('<id>', 'as connection list has it')
    .action(async (id: string, flags: DestroyFlags, command: Command) => {
      await (await import('./watch-command.js')).closeConnection(command, id, flags);
    });
}

function addConfig(program: Command): void {
  const config = program.command('config').description("a running broker's options");
  config
    .command('list')
    .description('every option with its value, and where that comes from; over a cluster of each master')
    .option('--changed', 'only what is not the default')
    .option('--name-servers', 'of the name servers that the brokers register with, in place of the brokers')
    .action(async (options: { changed?: boolean; nameServers?: boolean }, command: Command) => {
      await (await import('./watch-command.js')).listConfiguration(command, options);
    });
  config
    .command('log-level')
    .description('what the log of a running broker, or name server, tells, until it ends')
    .addArgument(new Argument('<level>', 'the level').choices([...LOG_LEVELS]))
    .option('--name-server <url>', "that name server's, as config list --name-servers has it")
    .action(async (level: 'info', options: { nameServer?: string }, command: Command) => {
      await (await import('./watch-command.js')).setLogLevel(command, level, options);
    });
}

function addTop(program: Command): void {
  program
    .command('top')
    .description('what topics, groups or connections do now: live on a terminal, else a snapshot')
    .addArgument(
      new Argument('[view]', 'of what').choices(['topics', 'groups', 'connections']).default('topics'),
    )
    .option('--sort <column>', 'by the name of a column, such as in/s (default: what is busiest)')
    .option('--reverse', 'the other way round')
    .addOption(
      new Option('--interval <duration>', 'between two readings')
        .default(2_000, '2s')
        .argParser(intervalFlag),
    )
    .option('--limit <n>', 'rows at most', countUpTo(MAX_ROWS), 50)
    .action(async (view: 'topics', flags: object, command: Command) => {
      await (await import('./top/top-command.js')).runTop(command, view, flags as never);
    });
}
