import { rmSync } from 'node:fs';

/** A directory of a broker at work, with what is put into it meanwhile. */
export function removeWhole(path: string): void {
  for (let tries = 1; ; tries++) {
    try {
      rmSync(path, { recursive: true });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || tries === 100) {
        throw error;
      }
    }
  }
}
