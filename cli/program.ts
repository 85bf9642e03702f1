import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { addAccess } from './access-program.js';
import { addBench } from './bench-program.js';
import { type DestroyFlags, destroys } from './destroy.js';
import {
  collect,
  countFlag,
  countUpTo,
  durationFlag,
  intervalFlag,
  nameArgument,
  namesFlag,
  portFlag,
  propertyFlag,
  queueFlag,
  startFlag,
  timeoutFlag,
  topicRetentionFlag,
  urlFlag,
  waitFlag,
} from './flags.js';
import { dressCommands } from './help.js';
import { chooseTrust } from './link-trust.js';
import { addMessage } from './message/message-program.js';
import { addTools } from './tool-commands.js';
import { addWatching } from './watch-program.js';

/**
 * Every command with its flags. What a command does lies in a module of its own that is loaded only when the
 * command runs, so that `ringmq --help` and small commands start at once.
 */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  // One that is set to nothing counts as not set.
  if (process.env['RINGMQ_URL'] === '') {
    delete process.env['RINGMQ_URL'];
  }
  if (process.env['RINGMQ_CONTEXT'] === '') {
    delete process.env['RINGMQ_CONTEXT'];
  }
  const program = new Command('ringmq')
    .description('RingMQ, a message broker for Node.js')
    .version(readVersion(), '-V, --version')
    .exitOverride()
    .addOption(
      new Option('--url <url>', "the broker, or a cluster's name servers, several with commas")
        .env('RINGMQ_URL')
        .default('ws://127.0.0.1:9876')
        .argParser(urlFlag),
    )
    .addOption(
      new Option('-o, --output <form>', 'form of results').choices(['text', 'json']).default('text'),
    );
  program
    .option('--user <name>', 'as whom to log in (or RINGMQ_USER)', nameArgument)
    .option(
      '--password-file <file>',
      'file of its password, one line (or RINGMQ_PASSWORD, the password itself); behind `user add` and `user passwd` it is the new one',
    )
    .addOption(
      new Option(
        '--ca <file>',
        "who may have issued the broker's certificate, in PEM, for wss:// addresses",
      ).env('RINGMQ_CA'),
    )
    .addOption(new Option('--cert <file>', "the client's own certificate, in PEM").env('RINGMQ_CERT'))
    .addOption(
      new Option('--client-key <file>', 'its key; before the command --key is the same').env('RINGMQ_KEY'),
    )
    .addOption(
      new Option('--servername <name>', "the name in the broker's certificate, if not the address's").env(
        'RINGMQ_SERVERNAME',
      ),
    )
    .option(
      '--token-file <file>',
      'file of a token to log in with, read anew when it expires (or RINGMQ_TOKEN, the token itself)',
    )
    .addOption(
      new Option('--context <name>', 'a saved one, for what no other flag says (default: the selected one)')
        .env('RINGMQ_CONTEXT')
        .argParser(nameArgument),
    )
    .hook('preAction', async (_program, command) => {
      // What keeps contexts uses none, and a broker connects to nobody as a client.
      if (command.parent?.name() !== 'context' && !['broker', 'nameserver'].includes(command.name())) {
        (await import('./context/use-context.js')).useContext(program);
        (await import('./credentials.js')).chooseCredentials(program);
        chooseTrust(program);
      }
    });
  // The flags come from the schemas of options, which take a tenth of a second to load.
  const needsAll = args.includes('completion');
  await addBroker(program, needsAll || args.includes('broker'));
  await addNameServer(program, needsAll || args.includes('nameserver'));
  addCluster(program);
  addTopic(program);
  addGroup(program);
  addPub(program);
  addSub(program);
  addMessage(program);
  addStats(program);
  addAccess(program);
  addWatching(program);
  addLog(program);
  addBench(program);
  addTools(program);
  dressCommands(program);
  return program;
}

function readVersion(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

async function addBroker(program: Command, isMeant: boolean): Promise<void> {
  const command = program
    .command('broker')
    .description('serve a data directory; prints `ready URL` once it does')
    .option('--config <file>', 'JSON file with the same settings; flags and variables win')
    .action(async (_options: unknown, used: Command) => {
      await (await import('./broker-command.js')).runBroker(used);
    });
  if (isMeant) {
    (await import('./broker-settings.js')).addBrokerFlags(command);
  }
  command.addHelpText(
    'after',
    '\nEach flag can also be a variable (--flush: RINGMQ_FLUSH) or a key of the config file ("flush"); docs/options.md has them all.',
  );
}

async function addNameServer(program: Command, isMeant: boolean): Promise<void> {
  const command = program
    .command('nameserver')
    .description('tell clients where the brokers of a cluster are; prints `ready URL` once it does')
    .action(async (_options: unknown, used: Command) => {
      await (await import('./name-server-command.js')).runNameServer(used);
    });
  if (isMeant) {
    (await import('./name-server-command.js')).addNameServerFlags(command);
  }
}

/** The modes, as in cluster-plan.ts, which is not loaded for the help of other commands. */
const CLUSTER_MODES = ['single', 'multi-master', 'async-replication', 'sync-double-write'];

function addCluster(program: Command): void {
  const cluster = program
    .command('cluster')
    .description('run a whole cluster on this machine in the background, and see how any is');
  const inFolder = (command: Command): Command =>
    command.option('--dir <dir>', 'its folder (default: ./ringmq-cluster)');
  const name = (): Argument => new Argument('<name>', 'the node, as cluster status calls it');
  const timeout = (): Option =>
    new Option(
      '--timeout <duration>',
      'wait so long for slaves to be in sync, or connected where nobody waits for them',
    )
      .default(60_000, '60s')
      .argParser(timeoutFlag);
  inFolder(cluster.command('start'))
    .description(
      'start name servers and brokers; prints `ready URL,…` of the name servers once messages are taken',
    )
    .addOption(
      new Option('--mode <mode>', 'which brokers there are').choices(CLUSTER_MODES).makeOptionMandatory(),
    )
    .addOption(
      new Option('--flush <policy>', 'when a message is acked: on disk, or in the page cache')
        .choices(['sync', 'async'])
        .default('sync'),
    )
    .option('--masters <n>', 'brokers that take messages (default: 2; single: 1)', countUpTo(26))
    .option('--name-servers <n>', 'how many (default: 2; single: 1)', countUpTo(9))
    .option('--cluster <name>', 'what the cluster is called', nameArgument, 'default')
    .option('--ports <first>', 'take ports from this one on (default: free ones)', portFlag)
    .option('--controller <urls>', 'etcd://HOST:PORT[,…]: slaves become masters by themselves')
    .addOption(timeout())
    .argument('[flags...]', 'behind --: more flags for every broker')
    .action(async (brokerFlags: string[], flags: object, command: Command) => {
      await (await import('./cluster/cluster-command.js')).runStart(command, flags as never, brokerFlags);
    });
  inFolder(cluster.command('status'))
    .description('role, epoch, log, lag of each broker; by --dir, or by name servers with --url')
    .action(async (flags: { dir?: string }, command: Command) => {
      await (await import('./cluster/cluster-command.js')).runStatus(command, flags);
    });
  inFolder(destroys(cluster.command('kill'), true))
    .description('end a node with SIGKILL, as a crash would')
    .addArgument(name())
    .action(async (node: string, flags: DestroyFlags & { dir?: string }, command: Command) => {
      await (await import('./cluster/cluster-command.js')).runKill(command, node, flags);
    });
  inFolder(destroys(cluster.command('restart'), true))
    .description('stop a node if it runs, and start it again at the same port')
    .addArgument(name())
    .addOption(timeout())
    .action(
      async (node: string, flags: DestroyFlags & { dir?: string; timeout: number }, command: Command) => {
        await (await import('./cluster/cluster-command.js')).runRestart(command, node, flags);
      },
    );
  inFolder(destroys(cluster.command('stop'), true))
    .description('end all nodes; their data stays')
    .action(async (flags: DestroyFlags & { dir?: string }, command: Command) => {
      await (await import('./cluster/cluster-command.js')).runStop(command, flags);
    });
  inFolder(destroys(cluster.command('promote')))
    .description(
      'make a slave the master of its set, of a new epoch; by --dir, or by name servers with --url',
    )
    .addArgument(name())
    .option('--force', 'also where another slave has log that it lacks: that is lost')
    .action(
      async (node: string, flags: DestroyFlags & { dir?: string; force?: boolean }, command: Command) => {
        await (await import('./cluster/cluster-command.js')).runPromote(command, node, flags);
      },
    );
}

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

function addTopic(program: Command): void {
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

function addGroup(program: Command): void {
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

function addPub(program: Command): void {
  program
    .command('pub')
    .description('send one message, or stdin with one message a line')
    .addArgument(new Argument('<topic>', 'the topic').argParser(nameArgument))
    .argument('[body]', 'the message; without it stdin is read')
    .addOption(
      new Option('-i, --input <form>', 'what a line of stdin is: a body, or what sub -o json prints')
        .choices(['lines', 'json'])
        .default('lines'),
    )
    .option('--tag <tag>', 'tag of every message')
    .option('--key <key>', 'key of every message; repeatable', collect)
    .option('--sharding-key <key>', 'messages of one sharding key keep their order')
    .option('--property <name=value>', 'property of every message; repeatable', propertyFlag)
    .addOption(new Option('--delay <duration>').argParser(durationFlag).hideHelp())
    .option(
      '--timeout <duration>',
      'give a message up that is not acked after so long (default: 30s)',
      timeoutFlag,
    )
    .action(async (topic: string, body: string | undefined, options: object, command: Command) => {
      await (await import('./pub-command.js')).runPub(command, topic, body, options);
    });
}

function addSub(program: Command): void {
  program
    .command('sub')
    .description('print messages to stdout, one body a line; what was printed is acked')
    .addArgument(new Argument('<topic>', 'the topic').argParser(nameArgument))
    .option('--group <group>', 'consumer group; required, but with --peek', nameArgument)
    .option('--peek', 'look at messages without a group: nothing is acked or taken from anybody')
    .option('--broadcast', 'get every message, whoever else reads; nothing is acked but with --member')
    .option(
      '--member <name>',
      'with --broadcast: ack under this name in the group, and go on there next time',
      nameArgument,
    )
    .option(
      '--from <place>',
      'where a group without a committed offset begins: earliest (default), latest, a time or an offset',
      startFlag,
    )
    .option('--filter <expression>', "tags, like 'paid || refunded'")
    .option('--count <n>', 'end after so many messages', countFlag)
    .option('--idle-exit <duration>', 'end after so long without a message', waitFlag)
    .action(async (topic: string, options: object, command: Command) => {
      await (await import('./sub-command.js')).runSub(command, topic, options as never);
    });
}

function addStats(program: Command): void {
  program
    .command('stats')
    .description('what the broker does: rates, backlog, ring, disk, threads')
    .option('--watch [interval]', 'again and again, every second or as said, 100ms to 1h', intervalFlag)
    .action(async ({ watch }: { watch?: number | true }, command: Command) => {
      const watchMs = watch === undefined ? null : watch === true ? 1_000 : watch;
      await (await import('./stats-command.js')).showStats(command, watchMs);
    });
}

function addLog(program: Command): void {
  program
    .command('log')
    .description('look at a data directory')
    .command('verify')
    .description('read the whole log of a stopped broker; exits 1 and says where if it is damaged')
    .argument('<dir>', 'data directory')
    .action(async (directory: string, _options: unknown, command: Command) => {
      await (await import('./log-command.js')).verifyLog(command, directory);
    });
}
