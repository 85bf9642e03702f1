/** The produce window of a connection whose user has a limit: it gets credit no sooner than the limit lets it, and no more at once. */
import type { UserPace } from '../../engine/engine-thread.js';
import { Paced } from './paced.js';

/** A window is what comes at once, however small the limit is. */
const LEAST_BYTES = 64 * 1024;

export class PacedWindow extends Paced {
  readonly maxBytes: number;

  /** `bytesPerSecond`: 0, no limit of bytes. `resume`: it may go on. */
  constructor(pace: UserPace, bytesPerSecond: number, meter: { pacedWaits: number }, resume: () => void) {
    super(pace, meter, resume);
    this.maxBytes = Math.max(LEAST_BYTES, bytesPerSecond);
  }
}
