/** What Linux says of a process or thread in /proc/…/stat: the one place that knows its fields. */
import { readFileSync } from 'node:fs';

export interface ProcStat {
  /** Its number: a process's id, or the kernel's of a thread. */
  number: number;
  /** When it was started, in clock ticks since the boot: tells it from a later one of the same number. */
  start: number;
  /** It has begun to end and does not run the program any more; its files and sockets may still be open for a moment. */
  isEnding: boolean;
}

/** The flag `PF_EXITING` of field 9. */
const EXITING = 4;

/**
 * `path` lies below /proc: a process's id, `self`, `thread-self`, `self/task/<number>`. `gone`: there is
 * none, or it is a zombie, dead and not waited for. `unknown`: it cannot be told (no descriptor left, no
 * Linux).
 */
export function readProcStat(path: string): ProcStat | 'gone' | 'unknown' {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${path}/stat`, 'latin1');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const isGone = code === 'ESRCH' || (code === 'ENOENT' && process.platform === 'linux');
    return isGone ? 'gone' : 'unknown';
  }
  // The name in parentheses may contain anything, so count from its end: state is field 3, flags field 9,
  // start time field 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const number = Number.parseInt(stat, 10);
  const start = Number(fields[19]);
  if (!(number > 0) || !Number.isSafeInteger(start)) {
    return 'unknown';
  }
  const state = fields[0];
  if (state === 'Z' || state === 'X') {
    return 'gone';
  }
  return { number, start, isEnding: (Number(fields[6]) & EXITING) !== 0 };
}
