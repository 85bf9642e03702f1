/** The commands that look at stored messages, with their flags. */
import { Argument, type Command, Option } from 'commander';
import { countFlag, nameArgument, queueFlag, startFlag, timeFlag } from '../flags.js';

const FORMS = ['table', 'text', 'json', 'hex', 'csv', 'ndjson'];

export function addMessage(program: Command): void {
  const message = program
    .command('message')
    .description('look at stored messages: no group is joined, nothing is acked');
  addSearch(message.command('browse'), 'messages of a topic, in the order in which they were stored');
  addSearch(
    message.command('find').requiredOption('--key <key>', 'a key that they have'),
    'messages with a key, among all that are stored',
  );
  message
    .command('get')
    .description('one message, with all its parts')
    .argument('<id>', 'its id, as receipts and consumers have it')
    .option('--topic <topic>', 'only if it is of this topic', nameArgument)
    .addOption(
      new Option(
        '--as <form>',
        'its body alone: as it is, as JSON, in hex; or the line that -o json prints',
      ).choices(['text', 'json', 'hex', 'ndjson']),
    )
    .action(async (id: string, options: object, command: Command) => {
      await (await import('./message-command.js')).getMessage(command, id, options);
    });
}

function addSearch(command: Command, description: string): void {
  command
    .description(description)
    .addArgument(new Argument('<topic>', 'the topic').argParser(nameArgument))
    .option('--queue <n>', 'one queue of the topic (default: all)', queueFlag)
    .option('--broker-set <name>', 'in a cluster: one broker set (default: all)')
    .option(
      '--from <place>',
      'earliest (default), latest, the time from which on they were stored, or with --queue an offset',
      startFlag,
    )
    .option('--until <time>', 'stored at this time or before', timeFlag)
    .option('--tag <tag>', 'only those with this tag')
    .option('--count <n>', 'so many at most (default: all; of a table 100)', countFlag)
    .addOption(
      new Option(
        '--as <form>',
        'a table; bodies as text, JSON or in hex; for other programs csv, or ndjson, which is what -o json prints',
      )
        .choices(FORMS)
        .default('table'),
    )
    .action(async (topic: string, options: object, used: Command) => {
      await (await import('./message-command.js')).browseMessages(used, topic, options);
    });
}
