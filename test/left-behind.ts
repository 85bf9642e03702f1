/** What tests leave behind, by the directory that they, and all that they start, have for temporary files. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Between two looks for those that were told to end. */
const LOOK_MS = 10;

/** Processes that were started with `directory` as their TMPDIR, by whomever. None where the system does not say (it is not Linux). */
export function startedWith(directory: string): number[] {
  const mark = `\0TMPDIR=${directory}\0`;
  return pids().filter((pid) => {
    try {
      return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`.includes(mark);
    } catch {
      // It has gone, or is another user's.
      return false;
    }
  });
}

function pids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

/** Ends them, and those that they start meanwhile. Resolves when there are none. */
export async function endStarted(directory: string): Promise<void> {
  for (;;) {
    const left = startedWith(directory);
    if (left.length === 0) {
      return;
    }
    for (const pid of left) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has gone.
      }
    }
    await setTimeout(LOOK_MS);
  }
}
