/**
 * Entry of each thread for jobs. The module that has their `run` is its first argument.
 *
 * CommonJS, because the pool loads its entry by `require`: an ES module that is loaded so ends the whole process with a native error if its
 * thread, or the process, is ended meanwhile (Node 20.20: `IsGraphAsync must be used on an instantiated module`).
 */
type Run = (job: unknown) => unknown;

const jobs: Promise<{ run: Run }> = import(process.argv[2] as string);

// The pool waits for it before it says that the thread is there. What cannot be loaded fails each job by its own reason.
module.exports = {
  run: jobs.then(
    ({ run }): Run => run,
    (error: unknown): Run =>
      () => {
        throw error;
      },
  ),
};
