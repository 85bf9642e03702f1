#!/usr/bin/env node
import { CommanderError } from 'commander';
import { isRingMQError } from '../native-free/wire/errors.js';
import { describeFailure, EXIT, wantsJson } from './failure.js';
import { clientKey, commandsOf } from './link-trust.js';
import { newPasswordFile } from './new-password.js';
import { buildProgram } from './program.js';

/** The `ringmq` command. Exit status: 0 done, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
  try {
    const program = await buildProgram(process.argv.slice(2));
    await program.parseAsync(clientKey(newPasswordFile(process.argv), commandsOf(program)));
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    }
    tell(error);
    // Also a value that only the library or the broker could find wrong.
    return isRingMQError(error) && error.code === 'BAD_ARGUMENT' ? EXIT.usage : EXIT.failed;
  }
}

function tell(error: unknown): void {
  process.stderr.write(`${describeFailure(error, wantsJson(process.argv))}\n`);
}

// A reader that has gone away (`ringmq topic list | head -1`) has had what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') {
    return;
  }
  tell(error);
  process.exitCode = EXIT.failed;
});
process.exitCode = await main();
