/**
 * Disks that get full or break when a test says so. Real ones where this process may mount (root on Linux): a
 * small tmpfs to be filled, and an ext4 whose own disk, a file on a tmpfs, has no room behind it. Everywhere:
 * any directory, with the file calls of the broker's process made to fail.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const MIB = 1024 * 1024;
const SMALL_DISK_BYTES = 12 * MIB;

export interface FaultDisk {
  /** Where the data directory may be made. */
  readonly dir: string;
  /** For the environment of the broker's process. */
  readonly env: Record<string, string>;
  /** Leaves no room, or as much as is said (in bytes, where the disk is real). */
  fill(leave?: number): void;
  makeRoom(): void;
  /** From now on nothing more gets to the disk, and fdatasync says so. */
  breakDown(): void;
  /** As after an exchange of the disk by one with what had got there. */
  repair(): void;
  remove(): void;
}

/** A real disk and an injected one; only the latter where nothing can be mounted. */
export const DISKS: [name: string, make: () => FaultDisk][] = [
  ...(mayMount() ? [['a mounted disk', () => new MountedDisk()] as [string, () => FaultDisk]] : []),
  ['failing file calls', () => new InjectedDisk()],
];

export class InjectedDisk implements FaultDisk {
  readonly #top = mkdtempSync(`${tmpdir()}/ringmq-fault-`);
  readonly dir = `${this.#top}/disk`;
  readonly env = {
    NODE_OPTIONS: `--import=${fileURLToPath(new URL('./faulty-fs.js', import.meta.url))}`,
    RINGMQ_TEST_FAULTS: `${this.#top}/faults`,
  };

  constructor() {
    mkdirSync(this.dir);
  }

  fill(): void {
    writeFileSync(this.env.RINGMQ_TEST_FAULTS, 'full');
  }

  makeRoom(): void {
    rmSync(this.env.RINGMQ_TEST_FAULTS, { force: true });
  }

  /** No file of the log or the index can be opened, until there is room. */
  useUpDescriptors(): void {
    writeFileSync(this.env.RINGMQ_TEST_FAULTS, 'descriptors');
  }

  breakDown(): void {
    writeFileSync(this.env.RINGMQ_TEST_FAULTS, 'sync');
  }

  /** An fdatasync of the log takes until `repair`. */
  slowDown(): void {
    writeFileSync(this.env.RINGMQ_TEST_FAULTS, 'slow');
  }

  repair(): void {
    this.makeRoom();
  }

  remove(): void {
    rmSync(this.#top, { recursive: true, force: true });
  }
}

class MountedDisk implements FaultDisk {
  readonly #top = mkdtempSync(`${tmpdir()}/ringmq-fault-`);
  readonly #under = `${this.#top}/under`;
  readonly dir = `${this.#top}/disk`;
  readonly env = {};

  constructor() {
    mkdirSync(this.dir);
    mkdirSync(this.#under);
    run('mount', '-t', 'tmpfs', '-o', `size=${SMALL_DISK_BYTES + MIB}`, 'tmpfs', this.#under);
    const image = `${this.#under}/image`;
    // Larger than what is behind it: it is the disk under the file system that has no room when it breaks
    // down.
    run('truncate', '-s', `${SMALL_DISK_BYTES}`, image);
    run('mkfs.ext4', '-q', '-O', '^has_journal', '-m', '0', '-E', 'lazy_itable_init=1', image);
    run('mount', '-o', 'loop', image, this.dir);
  }

  fill(leave = 0): void {
    fillWith(`${this.dir}/ballast`, leave);
  }

  makeRoom(): void {
    rmSync(`${this.dir}/ballast`, { force: true });
  }

  breakDown(): void {
    fillWith(`${this.#under}/ballast`, 0);
  }

  repair(): void {
    rmSync(`${this.#under}/ballast`, { force: true });
  }

  remove(): void {
    for (const dir of [this.dir, this.#under]) {
      run('umount', '-l', dir);
    }
    rmSync(this.#top, { recursive: true, force: true });
  }
}

/** Writes a file until the disk is full, then gives `leave` bytes back. */
function fillWith(path: string, leave: number): void {
  const fd = openSync(path, 'w');
  let size = 0;
  try {
    for (let piece = MIB; piece >= 512; ) {
      try {
        size += writeSync(fd, new Uint8Array(piece));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') {
          throw error;
        }
        piece /= 2;
      }
    }
  } finally {
    closeSync(fd);
  }
  if (leave > 0) {
    run('truncate', '-s', `${Math.max(0, size - leave)}`, path);
  }
}

function mayMount(): boolean {
  const dir = mkdtempSync(`${tmpdir()}/ringmq-fault-`);
  try {
    run('mkfs.ext4', '-V');
    run('mount', '-t', 'tmpfs', 'tmpfs', dir);
    try {
      run('truncate', '-s', '1M', `${dir}/image`);
      run('mkfs.ext4', '-q', '-O', '^has_journal', `${dir}/image`);
      mkdirSync(`${dir}/disk`);
      run('mount', '-o', 'loop', `${dir}/image`, `${dir}/disk`);
      run('umount', `${dir}/disk`);
      return true;
    } finally {
      run('umount', '-l', dir);
    }
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: 'pipe' });
}
