/**
 * Which process a file speaks of. A number alone does not say: once its process has ended, another may get
 * it. So the time that the process was started at, and the boot of the machine, are kept with it, and nothing
 * is ever signalled that is not the very same.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readProcStat } from '../../engine/disk/proc-stat.js';
import { RingMQError } from '../../native-free/wire/index.js';

export interface ProcessId {
  pid: number;
  /** In the system's own words. */
  started: string;
}

/** Of a process that runs; null if none of this number does. */
export function identify(pid: number): ProcessId | null {
  if (process.platform === 'linux') {
    const stat = readProcStat(String(pid));
    if (stat === 'gone') {
      return null;
    }
    if (typeof stat !== 'string') {
      return { pid, started: `${stat.start} ${bootId()}` };
    }
  }
  return fromPs(pid);
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** Where there is no /proc. */
function fromPs(pid: number): ProcessId | null {
  if (process.platform === 'win32') {
    throw new RingMQError(
      'NOT_SUPPORTED',
      'ringmq cluster runs its processes on Linux and macOS; on Windows start brokers and name servers by hand',
    );
  }
  try {
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '/bin:/usr/bin' },
    }).trim();
    return started === '' ? null : { pid, started };
  } catch {
    return null;
  }
}

/** What a file says, if its process still runs; else null. */
export function runningProcess(path: string): ProcessId | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').slice(0, 256);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return null;
    }
    throw error;
  }
  const match = /^([1-9]\d{0,9}) (.+)\n$/.exec(text);
  if (match === null) {
    return null;
  }
  const now = identify(Number(match[1]));
  return now !== null && now.started === match[2] ? now : null;
}

export function writeProcess(path: string, id: ProcessId): void {
  writeFileSync(`${path}.new`, `${id.pid} ${id.started}\n`);
  renameSync(`${path}.new`, path);
}

export function forgetProcess(path: string): void {
  rmSync(path, { force: true });
}
