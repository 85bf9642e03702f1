#!/usr/bin/env node
/** The `ringmq` command. */
import { EXIT } from './failure.js';
import { run, tell } from './run.js';

// A reader that has gone away (`ringmq topic list | head -1`) has had what it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') {
    return;
  }
  tell(error);
  process.exitCode = EXIT.failed;
});
process.exitCode = await run();
