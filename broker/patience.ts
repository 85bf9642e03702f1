/** What a slave does when its log is to be opened anew and the disk has no room, or the process no descriptor left: it waits, and says so. */
import { setTimeout as delay } from 'node:timers/promises';
import { isShortage } from '../engine/disk/index.js';
import { isRingMQError } from '../native-free/wire/index.js';

/** Between tries. */
const RETRY_MS = 1_000;

/** Passes by itself once somebody makes room, or closes files. */
export function isPassing(error: unknown): boolean {
  if (isRingMQError(error)) {
    return error.code === 'DISK_FULL' || isShortage(error.cause);
  }
  return isShortage(error);
}

/**
 * Does `work` until it succeeds, or fails for another reason than that something is short. `tell` hears of the first such failure. null: it was over before.
 */
export async function patiently<T>(
  work: () => T | Promise<T>,
  isOver: () => boolean,
  tell: (error: unknown) => void,
): Promise<T | null> {
  for (let tries = 0; !isOver(); tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) {
        throw error;
      }
      if (tries === 0) {
        tell(error);
      }
      await delay(RETRY_MS);
    }
  }
  return null;
}
