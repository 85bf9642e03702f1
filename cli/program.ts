import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { addAccess } from './access-program.js';
import { addBench } from './bench-program.js';
import { addCluster } from './cluster/cluster-program.js';
import {
  collect,
  countFlag,
  durationFlag,
  intervalFlag,
  nameArgument,
  propertyFlag,
  startFlag,
  timeoutFlag,
  urlFlag,
  waitFlag,
} from './flags.js';
import { addGroup } from './group-program.js';
import { dressCommands } from './help.js';
import { chooseTrust } from './link-trust.js';
import { addMessage } from './message/message-program.js';
import { addTools } from './tool-commands.js';
import { addTopic } from './topic-program.js';
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
      // Each takes a while, and they are two threads: the one that listens loads while this one does.
      (await import('../broker/listener-thread.js')).loadListener();
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
