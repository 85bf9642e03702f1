import { CommanderError } from 'commander';
import { isRingMQError } from '../native-free/wire/errors.js';
import { describeFailure, EXIT, wantsJson } from './failure.js';
import { clientKey, commandsOf } from './link-trust.js';
import { newPasswordFile } from './new-password.js';
import { buildProgram } from './program.js';

/** Does what `process.argv` asks for, and says what went wrong. The exit status: 0 done, 1 failed, 2 wrong usage. */
export async function run(): Promise<number> {
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

/** A line on stderr, as text or JSON as the arguments ask for. */
export function tell(error: unknown): void {
  process.stderr.write(`${describeFailure(error, wantsJson(process.argv))}\n`);
}
