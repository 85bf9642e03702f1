import { Argument, type Command, Option } from 'commander';
import { countFlag, gapFlag, nameArgument, sizeFlag, timeoutFlag } from './flags.js';

/** `ringmq bench` with its flags. */
export function addBench(program: Command): void {
  program
    .command('bench')
    .description('load the broker from this process and print what it did')
    .addArgument(new Argument('<work>', 'what to do').choices(['produce', 'consume', 'e2e']))
    .requiredOption('--topic <topic>', 'made with 4 queues when missing', nameArgument)
    .option('--size <bytes>', 'body of one message', sizeFlag, 100)
    .option(
      '--count <n>',
      'messages in all (default: 1000000; with --duration as many as it is time for)',
      countFlag,
    )
    .option(
      '--duration <duration>',
      'write, or read, for so long; prints a line of CSV each second',
      timeoutFlag,
    )
    .option(
      '--csv <file>',
      'where the lines of CSV go, `-`: stdout (default: stdout with --duration, none with -o json)',
    )
    .addOption(
      new Option(
        '--ack-gap <duration>',
        'in the CSV, mark where acks stay away for so long, and where they come back',
      )
        .default(500, '500ms')
        .argParser(gapFlag),
    )
    .option('--producers <n>', 'connections that produce', countFlag, 1)
    .option('--rate <n>', 'messages a second in all (default: as fast as it goes)', countFlag)
    .addOption(
      new Option('--api <form>', 'how messages are handed to the library')
        .choices(['write', 'send', 'batch'])
        .default('write'),
    )
    .option('--warm-up <n>', 'produce: so many messages go first and are not counted', countFlag)
    .option(
      '--timeout <duration>',
      'give a message up that is not acked after so long (default: 30s)',
      timeoutFlag,
    )
    .option(
      '--in-flight <n>',
      'with --api send: messages of one connection under way (32768, or as many as have 12 MiB)',
      countFlag,
    )
    .action(async (work: 'produce' | 'consume' | 'e2e', options: object, command: Command) => {
      await (await import('./bench-command.js')).runBench(command, work, options as never);
    });
}
