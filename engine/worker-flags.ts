/** Flags that say how the main program was given. A worker has a file of its own, and Node refuses `--input-type` for one. */
const MAIN_ONLY = new Set(['--input-type', '-e', '--eval', '-p', '--print', '-pe']);

/**
 * The flags of this process for its workers (`execArgv`): all but those of the main program, so that a broker can be opened from
 * `node --input-type=module -e '…'` too.
 */
export function workerFlags(given: readonly string[] = process.execArgv): string[] {
  const flags: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const flag = given[i] as string;
    if (MAIN_ONLY.has(flag)) i++;
    else if (!MAIN_ONLY.has(flag.split('=', 1)[0] as string)) flags.push(flag);
  }
  return flags;
}
