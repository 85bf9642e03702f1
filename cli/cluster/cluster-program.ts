/** The commands for clusters of one machine, with their flags. */
import { Argument, type Command, Option } from 'commander';
import { type DestroyFlags, destroys } from '../destroy.js';
import { countUpTo, nameArgument, portFlag, timeoutFlag } from '../flags.js';

/** The modes, as in cluster-plan.ts, which is not loaded for the help of other commands. */
const CLUSTER_MODES = ['single', 'multi-master', 'async-replication', 'sync-double-write'];

export function addCluster(program: Command): void {
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
      await (await import('./cluster-command.js')).runStart(command, flags as never, brokerFlags);
    });
  inFolder(cluster.command('status'))
    .description('role, epoch, log, lag of each broker; by --dir, or by name servers with --url')
    .action(async (flags: { dir?: string }, command: Command) => {
      await (await import('./cluster-command.js')).runStatus(command, flags);
    });
  inFolder(destroys(cluster.command('kill'), true))
    .description('end a node with SIGKILL, as a crash would')
    .addArgument(name())
    .action(async (node: string, flags: DestroyFlags & { dir?: string }, command: Command) => {
      await (await import('./cluster-command.js')).runKill(command, node, flags);
    });
  inFolder(destroys(cluster.command('restart'), true))
    .description('stop a node if it runs, and start it again at the same port')
    .addArgument(name())
    .addOption(timeout())
    .action(
      async (node: string, flags: DestroyFlags & { dir?: string; timeout: number }, command: Command) => {
        await (await import('./cluster-command.js')).runRestart(command, node, flags);
      },
    );
  inFolder(destroys(cluster.command('stop'), true))
    .description('end all nodes; their data stays')
    .action(async (flags: DestroyFlags & { dir?: string }, command: Command) => {
      await (await import('./cluster-command.js')).runStop(command, flags);
    });
  inFolder(destroys(cluster.command('promote')))
    .description(
      'make a slave the master of its set, of a new epoch; by --dir, or by name servers with --url',
    )
    .addArgument(name())
    .option('--force', 'also where another slave has log that it lacks: that is lost')
    .action(
      async (node: string, flags: DestroyFlags & { dir?: string; force?: boolean }, command: Command) => {
        await (await import('./cluster-command.js')).runPromote(command, node, flags);
      },
    );
}
