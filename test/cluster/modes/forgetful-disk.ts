/**
 * A disk that loses power: an ext4 in a file. What programs wrote and did not sync is in the page cache above
 * it and not in the file, so a copy of the file is what a machine finds after a power cut. The file system
 * writes by itself only after minutes. Linux, as root.
 */
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE = '1G';
/** Seconds until ext4 commits its journal unasked. */
const COMMIT_SECONDS = 600;

export class ForgetfulDisk {
  readonly #top = mkdtempSync(join(tmpdir(), 'ringmq-power-'));
  #image = join(this.#top, 'image-0');
  #cuts = 0;
  /** Where it is mounted. */
  readonly dir = join(this.#top, 'disk');

  constructor() {
    mkdirSync(this.dir);
    run('truncate', '-s', SIZE, this.#image);
    run('mkfs.ext4', '-q', '-m', '0', '-E', 'lazy_itable_init=1,lazy_journal_init=1', this.#image);
    this.#mount();
  }

  /** To be called when nothing writes any more: what was not synced is gone. */
  cutPower(): void {
    const after = join(this.#top, `image-${++this.#cuts}`);
    copyFileSync(this.#image, after, constants.COPYFILE_FICLONE);
    run('umount', this.dir);
    rmSync(this.#image);
    this.#image = after;
    this.#mount();
  }

  remove(): void {
    run('umount', '-l', this.dir);
    rmSync(this.#top, { recursive: true, force: true });
  }

  #mount(): void {
    run('mount', '-o', `loop,commit=${COMMIT_SECONDS}`, this.#image, this.dir);
  }
}

/** Whether such a disk can be made here. */
export function mayCutPower(): boolean {
  try {
    const disk = new ForgetfulDisk();
    disk.remove();
    return true;
  } catch {
    return false;
  }
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'pipe' });
}
