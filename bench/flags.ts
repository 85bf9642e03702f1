/** Flags of a `bench:` command: `--help` tells what there is, and what cannot be used ends with one line. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

const WRONG_USAGE = 2;

/** Reads the process's flags. Ends the process for `--help` and for wrong usage. `help` is the whole text of the help. */
export function readFlags<T extends ParseArgsConfig>(
  help: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(`${help}\n`);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    const [why] = (error as Error).message.split('. ');
    process.stderr.write(`${why}; see --help\n`);
    process.exit(WRONG_USAGE);
  }
}
