/** The real disk: Node's synchronous file calls, without anything in between. */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { Disk, DiskSpace } from './disk.js';
import { makeDir } from './make-dir.js';

/** {@link Disk} over the file system. Has no state: one may be shared, or each thread make its own. */
export class NodeDisk implements Disk {
  open(path: string, mode: 'read' | 'write'): number {
    return openSync(path, mode === 'read' ? 'r' : 'r+');
  }

  create(path: string): number {
    return openSync(path, 'wx+');
  }

  close(fd: number): void {
    closeSync(fd);
  }

  truncate(fd: number, bytes: number): void {
    ftruncateSync(fd, bytes);
  }

  read(fd: number, target: Uint8Array, at: number, length: number, filePosition: number): number {
    let done = 0;
    while (done < length) {
      const read = readSync(fd, target, at + done, length - done, filePosition + done);
      if (read === 0) {
        break;
      }
      done += read;
    }
    return done;
  }

  write(fd: number, bytes: Uint8Array, at: number, length: number, filePosition: number): void {
    let done = 0;
    while (done < length) {
      done += writeSync(fd, bytes, at + done, length - done, filePosition + done);
    }
  }

  fdatasync(fd: number): void {
    fdatasyncSync(fd);
  }

  fsyncDir(path: string): void {
    // Windows cannot open a directory and needs no such call: its renames and creations are journalled.
    if (process.platform === 'win32') {
      return;
    }
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  rename(from: string, to: string): void {
    renameSync(from, to);
  }

  unlink(path: string): void {
    unlinkSync(path);
  }

  mkdir(path: string): void {
    makeDir(path);
  }

  readdir(path: string): string[] {
    return readdirSync(path);
  }

  size(path: string): number {
    return statSync(path).size;
  }

  space(path: string): DiskSpace {
    const stat = statfsSync(path);
    return { free: stat.bavail * stat.bsize, total: stat.blocks * stat.bsize };
  }
}
