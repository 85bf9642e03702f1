/** Node refuses this one for a worker, which has a file of its own. */
const INPUT_TYPE = /^--input-type(=|$)/;

/**
 * `execArgv` among the options of a worker. Left out, a worker inherits the flags of this process. It must
 * not be given a copy of them: in a list Node refuses flags of V8 and of the process, like
 * `--max-old-space-size`, which it inherits without a word. Only where `node --input-type=module -e '…'` is
 * the main program do workers get none.
 */
export function workerFlags(given: readonly string[] = process.execArgv): { execArgv?: string[] } {
  return given.some((flag) => INPUT_TYPE.test(flag)) ? { execArgv: [] } : {};
}
