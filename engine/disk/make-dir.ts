/** Making directories, and never without end. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { diskErrorCode } from './disk.js';

/** More levels than a path of 4096 bytes can have. */
const MAX_LEVELS = 2048;

/**
 * Makes a directory and what is missing above it; Unlike `mkdirSync(…, { recursive: true })` it gives up
 * where the system says that the parent is not there although it is (below /proc, in a directory that was
 * removed), instead of trying for ever. Throws disk errors; `ENOTDIR` when something else has the name. `mode`: of
 * what is made.
 */
export function makeDir(path: string, mode = 0o777): void {
  const missing: string[] = [];
  for (let at = resolve(path); !isDirectory(at); at = dirname(at)) {
    if (missing.length === MAX_LEVELS || at === dirname(at)) {
      throw Object.assign(new Error(`ENOENT: no directory above ${path} is there`), { code: 'ENOENT' });
    }
    missing.push(at);
  }
  for (const at of missing.reverse()) {
    try {
      mkdirSync(at, mode);
    } catch (error) {
      // Somebody else makes it, too.
      if (diskErrorCode(error) !== 'EEXIST') {
        throw error;
      }
    }
  }
}

function isDirectory(path: string): boolean {
  try {
    if (statSync(path).isDirectory()) {
      return true;
    }
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return false;
    }
    throw error;
  }
  throw Object.assign(new Error(`ENOTDIR: ${path} is not a directory`), { code: 'ENOTDIR' });
}
