/**
 * File descriptors: each connection takes one, and so does each file of the log. What a listener does so that
 * connections do not take the last one.
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { clearInterval, setInterval } from '../time/index.js';

/** Kept for the broker's files, and for connections that are being refused. */
const RESERVE_COUNT = 64;
/** Beside that, this part of all: segments that consumers far behind read from. */
const RESERVE_PART = 1 / 8;
const MOST_RESERVED_COUNT = 512;
/** However few there are, so many connections are tried. */
const LEAST_CONNECTIONS = 16;

/** How many connections this process can hold; null where the system does not say (it is not Linux). */
export function connectionsPossible(): { count: number; limit: number } | null {
  try {
    const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    const used = readdirSync('/proc/self/fd').length;
    const reserved = Math.min(MOST_RESERVED_COUNT, RESERVE_COUNT + Math.floor(limit * RESERVE_PART));
    return Number.isFinite(limit)
      ? { count: Math.max(LEAST_CONNECTIONS, limit - used - reserved), limit }
      : null;
  } catch {
    return null;
  }
}

export const NO_DESCRIPTORS =
  'no file descriptor is left: no connections are taken until there are some; raise the limit of open files (ulimit -n), or lower maxConnections';
export const DESCRIPTORS_AGAIN = 'there are file descriptors again: connections are taken';

const LOOK_MS = 500;
/** Taking connections again begins with so many free. */
const FREE_AGAIN_COUNT = 16;

/**
 * Looks twice a second whether there is a descriptor. Connections that have not asked for anything yet are
 * counted by nobody, so these can use them up all the same; then an event loop whose listening socket says
 * that somebody waits, and that cannot accept him, spins.
 */
export class DescriptorWatch {
  readonly #onChange: (isShort: boolean) => void;
  readonly #timer: NodeJS.Timeout;
  #isShort = false;

  constructor(onChange: (isShort: boolean) => void) {
    this.#onChange = onChange;
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const isShort = !canOpen(this.#isShort ? FREE_AGAIN_COUNT : 1);
    if (isShort !== this.#isShort) {
      this.#isShort = isShort;
      this.#onChange(isShort);
    }
  }
}

/** Whether there are so many file descriptors now. */
export function canOpen(count: number): boolean {
  const open: number[] = [];
  try {
    while (open.length < count) {
      open.push(openSync(devNull, 'r'));
    }
    return true;
  } catch {
    return false;
  } finally {
    for (const descriptor of open) {
      closeSync(descriptor);
    }
  }
}
