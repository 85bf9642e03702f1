import { Argument, type Command, Option } from 'commander';
import { type DestroyFlags, destroys } from './destroy.js';
import {
  collect,
  countOrNoneFlag,
  durationFlag,
  listenFlag,
  nameArgument,
  sizeFlag,
  timeoutFlag,
} from './flags.js';

/** Commands for those who operate: about the command, the errors, the machine, and limits to be kept. */
export function addTools(program: Command): void {
  addErrors(program);
  addDoctor(program);
  addCheck(program);
  addContext(program);
  addBundle(program);
  program
    .command('completion')
    .description('print what makes a shell complete commands and flags')
    .addArgument(new Argument('<shell>', 'for which').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      process.stdout.write((await import('./completion.js')).completionScript(program, shell));
    });
}

function addErrors(program: Command): void {
  const errors = program.command('errors').description('what error codes mean, and what to do');
  errors
    .command('lookup')
    .description('what a code means, when it comes, what to do')
    .argument('<code>', 'its name, or its number on the wire')
    .action(async (code: string, _options: unknown, command: Command) => {
      (await import('./errors-command.js')).lookUpError(command, code);
    });
  errors
    .command('list')
    .description('all codes, one a line')
    .action(async (_options: unknown, command: Command) => {
      (await import('./errors-command.js')).listErrors(command);
    });
}

function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('look whether this machine is fit for a broker; exits 1 when something is not')
    .option('--data <dir>', 'data directory', './ringmq-data')
    .addOption(
      new Option('--listen <host:port>', 'where it is to listen')
        .default({ host: '127.0.0.1', port: 9876 }, '127.0.0.1:9876')
        .argParser(listenFlag),
    )
    .option('--tls-cert <file>', 'certificate it is to show')
    .option('--tls-key <file>', 'its key')
    .option('--secret-file <file>', "file of the cluster's secret")
    .action(async (options: object, command: Command) => {
      await (await import('./doctor/doctor-command.js')).runDoctor(command, options as never);
    });
}

function addCheck(program: Command): void {
  const check = program
    .command('check')
    .description('whether limits are kept, for monitoring; exits 1 when one is not');
  for (const [name, description] of [
    [
      'alive',
      'whether the port answers and the disk has not failed: else restart it; for brokers and name servers',
    ],
    ['ready', 'whether sends are taken'],
  ] as const) {
    check
      .command(name)
      .description(description)
      .option('--timeout <duration>', 'how long to wait for its answer', timeoutFlag, 3_000)
      .action(async ({ timeout }: { timeout: number }, command: Command) => {
        await (await import('./check-alive.js')).checkPort(command, name, timeout);
      });
  }
  const add = (name: string, description: string): Command =>
    check
      .command(name)
      .description(description)
      .option('--prometheus', 'print what was measured in the text format of Prometheus');
  add('lag', "how far a group is behind: in messages, and in its oldest unread message's age")
    .addArgument(new Argument('<group>', 'the group').argParser(nameArgument))
    .option('--max <n>', 'most messages that may wait, in all its queues together', countOrNoneFlag)
    .option('--max-age <duration>', 'how old the oldest message that waits may be', durationFlag)
    .action(async (group: string, flags: object, command: Command) => {
      await (await import('./check-command.js')).checkLag(command, group, flags as never);
    });
  add('disk', 'whether the broker writes, and has room')
    .option('--min-free <bytes>', 'least room', sizeFlag, 1024 ** 3)
    .action(async (flags: object, command: Command) => {
      await (await import('./check-command.js')).checkDisk(command, flags as never);
    });
  add(
    'replicas',
    'whether each broker set has its master and enough slaves in sync; --url names name servers',
  )
    .option('--min <n>', 'least slaves in sync of each set', countOrNoneFlag, 1)
    .option('--max-lag <duration>', 'how far a slave may be behind', durationFlag)
    .action(async (flags: object, command: Command) => {
      await (await import('./check-command.js')).checkReplicas(command, flags as never);
    });
}

function addContext(program: Command): void {
  const context = program.command('context').description('brokers by name: where they are, and as whom');
  const name = (): Argument => new Argument('<name>', 'what it is called').argParser(nameArgument);
  context
    .command('save')
    .description('keep --url, --user and --password-file under a name; the first one is selected')
    .addArgument(name())
    .action(async (given: string, _options: unknown, command: Command) => {
      (await import('./context/context-command.js')).saveContext(command, given);
    });
  context
    .command('select')
    .description('use it in commands that name no other')
    .addArgument(name())
    .action(async (given: string, _options: unknown, command: Command) => {
      (await import('./context/context-command.js')).selectContext(command, given);
    });
  context
    .command('list')
    .description('all of them; the selected one is marked')
    .action(async (_options: unknown, command: Command) => {
      (await import('./context/context-command.js')).listContexts(command);
    });
  destroys(context.command('delete'), true)
    .description('forget one')
    .addArgument(name())
    .action(async (given: string, flags: DestroyFlags, command: Command) => {
      await (await import('./context/context-command.js')).deleteContext(command, given, flags);
    });
}

function addBundle(program: Command): void {
  program
    .command('bundle')
    .description('write an archive for who is to help: no message, no secret; prints what is in it')
    .option('--out <file>', 'where to (default: ringmq-bundle-TIME.tar.gz); no file is overwritten')
    .option(
      '--data <dir>',
      "this machine's data directory: file sizes, headers of the log, and its check if the broker is stopped",
    )
    .option('--config <file>', 'the config file of the broker')
    .option('--log <file>', 'a log of the broker, its last 1 MiB; repeatable', collect)
    .option('--dir <dir>', 'folder of a cluster of this machine: its state and logs')
    .option('--anonymous', 'put hashes in place of the names of topics, groups, users, brokers, hosts, paths')
    .action(async (flags: object, command: Command) => {
      const version = program.version() ?? '';
      await (await import('./bundle/bundle-command.js')).runBundle(command, version, flags);
    });
}
