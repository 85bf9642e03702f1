/** Putting `meta/state` in its place. Apart from reading it, which takes all that a state is made of: a thread that only writes it starts sooner. */
import { type Disk, replaceFile } from '../disk/disk.js';

export const STATE_FILE = 'state';

/** Replaces the file in `dir`, durably. Throws disk errors. */
export function writeState(disk: Disk, dir: string, bytes: Uint8Array): void {
  replaceFile(disk, dir, STATE_FILE, bytes);
}
