/**
 * Loaded into a broker's process before anything else (`node --import`), on each of its threads: lets Node's
 * own file calls fail as a full or broken disk's would, while a control file says so. Stands in where no disk
 * can be mounted; none of the project's parts is replaced.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/** Environment variable with the control file's path. */
const CONTROL = process.env['RINGMQ_TEST_FAULTS'] ?? '';

const { fdatasyncSync, fsyncSync, openSync, readFileSync, readlinkSync, statfsSync, writeSync } = fs;

const NEVER = new Int32Array(new SharedArrayBuffer(4));
/** So often a call that is to take long looks whether it may end. */
const LOOK_MS = 5;

/** Words in the control file; no such file, no faults. */
function has(fault: 'full' | 'sync' | 'slow' | 'descriptors'): boolean {
  try {
    return readFileSync(CONTROL, 'utf8').includes(fault);
  } catch {
    return false;
  }
}

/** Where the system does not say it, any file may be one. */
function isOfSegment(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).endsWith('.seg');
  } catch {
    return true;
  }
}

function fail(code: string, errno: number, syscall: string): never {
  throw Object.assign(new Error(`${code}: injected, ${syscall}`), { code, errno, syscall });
}

if (CONTROL !== '') {
  // Only writes to a place in a file: those of logs and pipes have none.
  fs.writeSync = ((fd: number, bytes: Uint8Array, offset: number, length: number, position: unknown) => {
    if (typeof position === 'number' && has('full')) {
      fail('ENOSPC', -28, 'write');
    }
    return writeSync(fd, bytes, offset, length, position as number);
  }) as typeof writeSync;
  fs.statfsSync = ((path: string) => {
    const stat = statfsSync(path);
    return has('full') ? { ...stat, bsize: stat.bsize, blocks: stat.blocks, bavail: 0 } : stat;
  }) as typeof statfsSync;
  // Only for the log and its index: the process has none left, but a test wants to talk to it.
  fs.openSync = ((path: fs.PathLike, ...rest: [fs.OpenMode]) => {
    if (/\.(seg|idx)$/.test(String(path)) && has('descriptors')) {
      fail('EMFILE', -24, 'open');
    }
    return openSync(path, ...rest);
  }) as typeof openSync;
  fs.fdatasyncSync = (fd) => {
    while (isOfSegment(fd) && has('slow')) {
      Atomics.wait(NEVER, 0, 0, LOOK_MS);
    }
    if (has('sync')) {
      fail('EIO', -5, 'fdatasync');
    }
    fdatasyncSync(fd);
  };
  fs.fsyncSync = (fd) => {
    if (has('sync')) {
      fail('EIO', -5, 'fsync');
    }
    fsyncSync(fd);
  };
  syncBuiltinESMExports();
}
