/** What asks `ringmq broker` from outside to stop: a signal, or the end of the npm that started it. */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { clearInterval, monotonicMs, setInterval } from '../native-free/time/index.js';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * A signal this long after the first ends the process without waiting for the stop. Sooner ones are the same
 * wish: of one Ctrl-C the broker hears twice, from the terminal and from the npm between them.
 */
const PATIENCE_MS = 2_000;

const PARENT_LOOK_MS = 250;

/**
 * Resolves with the reason, in words for a log line, once the broker shall stop. To be called once, before anything is opened. `renew`: what SIGHUP
 * does in place of that; false: it has nothing to do so. A terminal that is closed sends one, too, and means a stop.
 */
export function stopWanted(renew: () => boolean = () => false): Promise<string> {
  return new Promise((resolve) => {
    let askedAt: number | null = null;
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        if (signal === 'SIGHUP' && !process.stdin.isTTY && renew()) {
          return;
        }
        const now = monotonicMs();
        if (askedAt !== null && now - askedAt >= PATIENCE_MS) {
          process.exit(128 + constants.signals[signal]);
        }
        askedAt ??= now;
        resolve(signal);
      });
    }
    watchNpm(() => {
      askedAt ??= monotonicMs();
      resolve('the npm that started it has ended');
    });
  });
}

/**
 * `npm` and `npx` end at a SIGTERM without passing it on. A broker that they started would stay behind, with
 * its port and its directory, and nobody who knows of it.
 */
function watchNpm(onGone: () => void): void {
  const parent = process.ppid;
  if (!wasStartedByNpm() || parent === 1) {
    return;
  }
  // Between npm and the broker there is a shell, which outlives an npm that is killed.
  const npm = isShell(parent) ? parentOf(parent) : null;
  const timer = setInterval(() => {
    if (process.ppid !== parent || (npm !== null && parentOf(parent) !== npm)) {
      clearInterval(timer);
      onGone();
    }
  }, PARENT_LOOK_MS);
  timer.unref();
}

/** False for a process that leads a group of its own: whoever started it so wants it to outlive them. */
function wasStartedByNpm(): boolean {
  if (process.env.npm_execpath === undefined && process.env.npm_lifecycle_event === undefined) {
    return false;
  }
  const group = statOf(process.pid)?.group;
  return group === undefined || group !== process.pid;
}

function isShell(pid: number): boolean {
  return /^(ba|da|a|z|k)?sh$/.test(statOf(pid)?.name ?? '');
}

function parentOf(pid: number): number | null {
  return statOf(pid)?.parent ?? null;
}

/** undefined where the system does not say: it is not Linux, or there is no such process. */
function statOf(pid: number): { name: string; parent: number; group: number } | undefined {
  try {
    // `pid (name) state ppid pgrp …`; the name may have blanks and brackets in it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const end = stat.lastIndexOf(')');
    const [, parent, group] = stat.slice(end + 2).split(' ');
    return { name: stat.slice(stat.indexOf('(') + 1, end), parent: Number(parent), group: Number(group) };
  } catch {
    return undefined;
  }
}
