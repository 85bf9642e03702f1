/**
 * The little of a file system that the log needs, as synchronous calls, so that the same code runs over a
 * real disk and over a simulated one that loses power. Every failure is thrown as an `Error` with Node's
 * `code` (`ENOSPC`, `EIO`, …) and `syscall`.
 */

/** A disk. File descriptors are small integers; on a real disk they are valid on every thread of the process. */
export interface Disk {
  /** Opens an existing file; `ENOENT` when there is none. */
  open(path: string, mode: 'read' | 'write'): number;
  /** Creates an empty file for reading and writing; `EEXIST` when there is one. The directory is not synced. */
  create(path: string): number;
  close(fd: number): void;
  /** Sets the file's size: what is added reads as zero and may be a hole. */
  truncate(fd: number, bytes: number): void;
  /** Reads up to `length` bytes into `target` from `at`; fewer only at the end of the file. Returns how many. */
  read(fd: number, target: Uint8Array, at: number, length: number, filePosition: number): number;
  /** Writes all of `length` bytes, or throws having written any part of them. */
  write(fd: number, bytes: Uint8Array, at: number, length: number, filePosition: number): void;
  /** Returns when the file's data, and the size needed to read it, are on the disk. */
  fdatasync(fd: number): void;
  /** Makes creations, renames and removals in a directory durable. */
  fsyncDir(path: string): void;
  /** Replaces `to` when it exists. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Makes a directory and its parents; no error when it is there. */
  mkdir(path: string): void;
  /** Names in a directory, in no order; `ENOENT` when there is none. */
  readdir(path: string): string[];
  /** Size of a file in bytes; `ENOENT` when there is none. */
  size(path: string): number;
  /** Bytes that may still be written where `path` lies, and how many the file system has in all. */
  space(path: string): DiskSpace;
}

/** Bytes, of a whole file system. */
export interface DiskSpace {
  free: number;
  total: number;
}

/** The errno code of a disk error; undefined for anything else (a defect, a simulated crash), which is not to be handled. */
export function diskErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

const NO_SPACE = ['ENOSPC', 'EDQUOT'];
/** The process or the system has no descriptor, or no memory, left. */
const NO_RESOURCES = ['EMFILE', 'ENFILE', 'ENOMEM'];

/**
 * True for the errors that go away when somebody makes room, or gives descriptors or memory back. Not for a
 * failed sync, whatever its code: after one nobody knows which pages are on the disk, and a second call would
 * only say that nothing is dirty.
 */
export function isShortage(error: unknown): boolean {
  const code = diskErrorCode(error) ?? '';
  if (!NO_SPACE.includes(code) && !NO_RESOURCES.includes(code)) {
    return false;
  }
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall !== 'fdatasync' && syscall !== 'fsync';
}

/** Which of the two an {@link isShortage} error is: room on the disk would not help. */
export function isShortOfResources(error: unknown): boolean {
  return NO_RESOURCES.includes(diskErrorCode(error) ?? '');
}

/** Reads a whole file of at most `maxBytes`; undefined when there is none. Throws `EFBIG` for a larger one. */
export function readWholeFile(disk: Disk, path: string, maxBytes: number): Uint8Array | undefined {
  let fd: number;
  try {
    fd = disk.open(path, 'read');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  try {
    const size = disk.size(path);
    if (size > maxBytes) {
      throw Object.assign(new Error(`EFBIG: ${path} has ${size} bytes`), { code: 'EFBIG' });
    }
    const bytes = new Uint8Array(size);
    const read = disk.read(fd, bytes, 0, size, 0);
    return read === size ? bytes : bytes.subarray(0, read);
  } finally {
    disk.close(fd);
  }
}

/** What a failure is called that carries no error number. */
export const EIO = 5;

/** Replaces a file so that after a crash either the old or the new one is there, whole. `dir` is synced. */
export function replaceFile(disk: Disk, dir: string, name: string, bytes: Uint8Array): void {
  const fresh = `${dir}/${name}.new`;
  removeIfThere(disk, fresh);
  const fd = disk.create(fresh);
  try {
    disk.write(fd, bytes, 0, bytes.length, 0);
    disk.fdatasync(fd);
  } finally {
    disk.close(fd);
  }
  disk.rename(fresh, `${dir}/${name}`);
  disk.fsyncDir(dir);
}

/** Removes a file; nothing happens when there is none. The directory is not synced. */
export function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.unlink(path);
  } catch (error) {
    if (diskErrorCode(error) !== 'ENOENT') {
      throw error;
    }
  }
}
