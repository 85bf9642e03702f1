/** What a file or a directory is told from another one by. */
import { fstatSync, statSync } from 'node:fs';

/** Device and inode of what has a path, or is open; two files that exist at the same time never share it. Throws disk errors. */
export function identityOf(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

/** Of an open file. Throws disk errors. */
export function identityOfFile(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}
