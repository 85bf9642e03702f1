/**
 * Old log, read for a slave that catches up, at a pace that leaves those who write and read the most of the
 * machine: while new log comes, each piece rests for a moment. What the link has not taken yet goes on
 * meanwhile, so that only a link faster than the pace notices.
 */
import { setTimeout } from '../../native-free/time/index.js';
import type { ReplicateFiles } from '../replica/replicate-stage.js';

/** After each piece of half a MiB: some 200 MB/s at most, while new log comes. */
export const REST_MS = 2;

export class PacedFiles implements ReplicateFiles {
  readonly #files: ReplicateFiles;
  readonly #end: () => number;
  #endBefore = -1;

  /** `end`: where the log ends; it moves while there is work. */
  constructor(files: ReplicateFiles, end: () => number) {
    this.#files = files;
    this.#end = end;
  }

  start(): number {
    return this.#files.start();
  }

  async read(position: number, length: number, target: Uint8Array): Promise<number> {
    const bytes = await this.#files.read(position, length, target);
    const end = this.#end();
    const isBusy = end !== this.#endBefore;
    this.#endBefore = end;
    if (isBusy) {
      await new Promise((resolve) => {
        setTimeout(resolve, REST_MS);
      });
    }
    return bytes;
  }
}
