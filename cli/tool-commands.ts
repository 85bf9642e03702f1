import { Argument, type Command, Option } from 'commander';
import { listenFlag } from './flags.js';

/** Commands about the command, the errors and the machine; none of them needs a broker. */
export function addTools(program: Command): void {
  addErrors(program);
  addDoctor(program);
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
    .action(async (options: object, command: Command) => {
      await (await import('./doctor/doctor-command.js')).runDoctor(command, options as never);
    });
}
