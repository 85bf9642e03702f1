/** The commands for topics, with their flags. */
import { Argument, type Command } from 'commander';
import { type DestroyFlags, destroys } from './destroy.js';
import { countFlag, nameArgument, namesFlag, topicRetentionFlag } from './flags.js';

interface TopicFlags {
  queues: number;
  memory?: boolean;
  sets?: string[];
  retention?: number;
  ifNotExists?: boolean;
}

const GROWTH_HELP = `
What there is stays as it is: queues, messages and offsets. Producers spread over the new queues, and groups read
them from their beginning, without a restart. A sharding key may have another queue from then on: what was sent
with it before stays in the old one, and is in no order with what comes. Where that matters, let consumers catch
up before producers go on. In a cluster each broker set gets so many.
`;

export function addTopic(program: Command): void {
  const topic = program.command('topic').description('create, grow, set, list, describe, delete topics');
  const name = (): Argument => new Argument('<name>', 'the topic').argParser(nameArgument);
  topic
    .command('create')
    .description('make a topic')
    .addArgument(name())
    .requiredOption('--queues <n>', 'how many queues', countFlag)
    .option('--memory', 'keep its messages in memory only')
    .option(
      '--sets <names>',
      'in a cluster: broker sets that are to have it, with commas (default: all)',
      namesFlag,
    )
    .option(
      '--retention <duration>',
      "age from which its messages are not given out any more (default: the broker's own)",
      topicRetentionFlag,
    )
    .option('--if-not-exists', 'a topic that is there already is no error, however many queues it has')
    .action(async (topicName: string, options: TopicFlags, command: Command) => {
      await (await import('./topic-command.js')).createTopic(command, topicName, options);
    });
  topic
    .command('grow')
    .description('give a topic more queues')
    .addArgument(name())
    .requiredOption('--queues <n>', 'how many it is to have; never fewer than it has', countFlag)
    .addHelpText('after', GROWTH_HELP)
    .action(async (topicName: string, options: { queues: number }, command: Command) => {
      await (await import('./topic-command.js')).growTopic(command, topicName, options);
    });
  destroys(topic.command('set'))
    .description('say how long messages of a topic are given out')
    .addArgument(name())
    .requiredOption(
      '--retention <duration>',
      "age from which they are not given out any more, no longer than the broker keeps its log; default: the broker's own",
      (text) => (text === 'default' ? text : topicRetentionFlag(text)),
    )
    .action(
      async (
        topicName: string,
        options: DestroyFlags & { retention: number | 'default' },
        command: Command,
      ) => {
        await (await import('./topic-command.js')).setTopic(command, topicName, options);
      },
    );
  topic
    .command('list')
    .description('all topics, one a line')
    .action(async (_options: unknown, command: Command) => {
      await (await import('./topic-command.js')).listTopics(command);
    });
  topic
    .command('describe')
    .description('each queue of a topic, with its first and next offset')
    .addArgument(name())
    .action(async (topicName: string, _options: unknown, command: Command) => {
      await (await import('./topic-command.js')).describeTopic(command, topicName);
    });
  destroys(topic.command('delete'))
    .description('delete a topic and all of its messages')
    .addArgument(name())
    .action(async (topicName: string, flags: DestroyFlags, command: Command) => {
      await (await import('./topic-command.js')).deleteTopic(command, topicName, flags);
    });
}
