/** CPU time and memory of processes, threads included, as Linux tells them in /proc. Elsewhere, and of ended ones: nothing. */
import { readFileSync } from 'node:fs';

/** `_SC_CLK_TCK`, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Fields of /proc/PID/stat after the name, which may contain blanks: utime and stime. */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

export interface ProcessUse {
  /** Since the processes started. */
  cpuSeconds: number;
  rssBytes: number;
  /** The most they ever held, each. */
  peakRssBytes: number;
}

/** Sums over the processes. */
export function readProcessUse(pids: readonly number[]): ProcessUse {
  const use = { cpuSeconds: 0, rssBytes: 0, peakRssBytes: 0 };
  for (const pid of pids) {
    const stat = readOrNothing(`/proc/${pid}/stat`);
    const status = readOrNothing(`/proc/${pid}/status`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[USER_TICKS] ?? 0) + Number(fields[SYSTEM_TICKS] ?? 0);
    use.cpuSeconds += ticks / TICKS_PER_SECOND;
    use.rssBytes += kibOf(status, 'VmRSS') * 1024;
    use.peakRssBytes += kibOf(status, 'VmHWM') * 1024;
  }
  return use;
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function kibOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0);
}
