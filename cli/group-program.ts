/** The commands for consumer groups, with their flags. */
import { Argument, type Command } from 'commander';
import { type DestroyFlags, destroys } from './destroy.js';
import { countFlag, nameArgument, queueFlag, startFlag } from './flags.js';

export function addGroup(program: Command): void {
  const group = program
    .command('group')
    .description('create, list, describe, delete, rewind consumer groups');
  const name = (): Argument => new Argument('<name>', 'the group').argParser(nameArgument);
  group
    .command('create')
    .description('make a group that stays until it is deleted; others come with their first ack')
    .addArgument(name())
    .option('--if-not-exists', 'a group that is there already is no error')
    .action(async (groupName: string, options: { ifNotExists?: boolean }, command: Command) => {
      await (await import('./group-command.js')).createGroup(command, groupName, options);
    });
  destroys(group.command('delete'))
    .description('forget a group without members, and all it has acked')
    .addArgument(name())
    .action(async (groupName: string, flags: DestroyFlags, command: Command) => {
      await (await import('./group-command.js')).deleteGroup(command, groupName, flags);
    });
  group
    .command('list')
    .description('all groups, one a line')
    .action(async (_options: unknown, command: Command) => {
      await (await import('./group-command.js')).listGroups(command);
    });
  group
    .command('describe')
    .description('what a group has read of each queue, what is left, and who reads')
    .addArgument(name())
    .action(async (groupName: string, _options: unknown, command: Command) => {
      await (await import('./group-command.js')).describeGroup(command, groupName);
    });
  group
    .command('reset-offset')
    .description('set where a group without members reads on')
    .addArgument(name())
    .requiredOption('--topic <topic>', 'the topic', nameArgument)
    .requiredOption('--to <place>', 'earliest, latest, a time or an offset', startFlag)
    .option('--queue <n>', 'one queue of the topic (default: all)', queueFlag)
    .option('--broker-set <name>', 'in a cluster: the broker set whose queues are meant (default: all)')
    .option('--dry-run', 'say what it would do, and do nothing')
    .action(
      async (
        groupName: string,
        options: {
          topic: string;
          to: ReturnType<typeof startFlag>;
          queue?: number;
          brokerSet?: string;
          dryRun?: boolean;
        },
        command: Command,
      ) => {
        await (await import('./group-command.js')).resetOffset(command, groupName, options);
      },
    );
  group
    .command('copy')
    .description('have a group without members, made if it is not there, go on where another one does')
    .addArgument(new Argument('<from>', 'the group that is read off').argParser(nameArgument))
    .addArgument(new Argument('<to>', 'the group that is set').argParser(nameArgument))
    .requiredOption('--topic <topic>', 'the topic', nameArgument)
    .option('--dry-run', 'say what it would do, and do nothing')
    .action(
      async (from: string, to: string, options: { topic: string; dryRun?: boolean }, command: Command) => {
        await (await import('./group-command.js')).copyOffsets(command, from, to, options);
      },
    );
  for (const change of ['pause', 'resume'] as const) {
    group
      .command(change)
      .description(
        change === 'pause'
          ? 'have a group get nothing until it is resumed; its members keep their place'
          : 'have a paused group go on',
      )
      .addArgument(name())
      .option('--topic <topic>', 'on this topic (default: on all)', nameArgument)
      .action(async (groupName: string, options: { topic?: string }, command: Command) => {
        await (await import('./group-command.js')).setPaused(command, change, groupName, options);
      });
  }
  group
    .command('skip')
    .description('have a group, also one at work, pass over the next messages of a queue')
    .addArgument(name())
    .requiredOption('--topic <topic>', 'the topic', nameArgument)
    .requiredOption('--queue <n>', 'the queue', queueFlag)
    .option('--count <n>', 'how many messages', countFlag, 1)
    .option('--broker-set <name>', 'in a cluster: the broker set whose queue is meant')
    .option('--dry-run', 'say what it would do, and do nothing')
    .action(async (groupName: string, options: object, command: Command) => {
      await (await import('./group-command.js')).skipMessages(command, groupName, options as never);
    });
}
