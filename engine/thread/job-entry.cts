/**
 * Entry of each thread for jobs. The module that has their `run` is its first argument.
 *
 * CommonJS, because the pool loads its entry by `require`: an ES module that is loaded so ends the whole process with a native error if its
 * thread, or the process, is ended meanwhile (Node 20.20: `IsGraphAsync must be used on an instantiated module`).
 */
const jobs: Promise<{ run(job: unknown): unknown }> = import(process.argv[2] as string);

// Without it (no descriptor is left, say) the thread is of no use: it ends by that error, and the next job has another one.
jobs.catch((error: unknown) => {
  process.nextTick(() => {
    throw error;
  });
});

// The pool waits for it before it says that the thread is there.
module.exports = { run: jobs.then(({ run }) => run) };
