/**
 * One process at a time on a data directory. Node has no file locks, so `LOCK` names its owner precisely enough
 * to tell whether it still lives: process id, the time that process started (ids are used again), and the boot of the
 * machine. A lock whose owner is gone is taken over.
 *
 * Taking over is itself guarded by a file that only one can make (`LOCK.takeover`), and the lock is read again under
 * that guard: two brokers that find the same dead owner cannot both win. A guard whose maker died in the few
 * system calls that it is held is removed like a lock.
 *
 * Both files are made elsewhere and linked into place, so that they never stand there without their owner's name: the file
 * system must know hard links.
 *
 * What it cannot see: an owner on another machine or in another pid namespace that shares the directory.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { RingMQError } from '../../native-free/wire/index.js';
import { diskErrorCode } from './disk.js';

export const LOCK_FILE = 'LOCK';
const GUARD_FILE = 'LOCK.takeover';
const MAX_TRIES = 5;

/** Who holds a lock; one line of three words in the file. */
interface Owner {
  pid: number;
  /** Kernel ticks since boot; `-` where the system does not say. */
  started: string;
  /** Boot id; `-` where the system does not say. */
  boot: string;
}

/** A lock that this process holds. */
export interface DataDirLock {
  /** Gives it back. Harmless when done twice. */
  release(): void;
}

/**
 * Takes the lock of `dataDir`, made when missing. Throws `DATA_DIR_LOCKED` when a living process, also this one, holds it; disk
 * errors otherwise.
 */
export function lockDataDir(dataDir: string): DataDirLock {
  mkdirSync(dataDir, { recursive: true });
  const path = `${dataDir}/${LOCK_FILE}`;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (createOwned(path)) {
      return { release: releaseOnce(path) };
    }
    const owner = readOwner(path);
    if (owner !== undefined && isAlive(owner)) {
      throw locked(dataDir, owner.pid);
    }
    removeDead(dataDir, path);
  }
  throw locked(dataDir, readOwner(path)?.pid ?? 0);
}

/** The process that holds the lock of `dataDir`, if a living one does. */
export function lockOwner(dataDir: string): number | undefined {
  const owner = readOwner(`${dataDir}/${LOCK_FILE}`);
  return owner !== undefined && isAlive(owner) ? owner.pid : undefined;
}

/** Removes a dead owner's lock, unless somebody else is at it. */
function removeDead(dataDir: string, path: string): void {
  const guard = `${dataDir}/${GUARD_FILE}`;
  if (!createOwned(guard)) {
    const owner = readOwner(guard);
    if (owner !== undefined && isAlive(owner)) {
      throw locked(dataDir, owner.pid);
    }
    unlinkIfThere(guard);
    return;
  }
  try {
    const owner = readOwner(path);
    if (owner === undefined || !isAlive(owner)) {
      unlinkIfThere(path);
    }
  } finally {
    unlinkIfThere(guard);
  }
}

/** Makes `path` with our line in it, in one step: nobody ever sees it without an owner. False when it is there. */
function createOwned(path: string): boolean {
  const own = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(own, `${process.pid} ${startOf(process.pid)} ${bootId()}\n`, { flag: 'wx', flush: true });
    linkSync(own, path);
    return true;
  } catch (error) {
    if (diskErrorCode(error) === 'EEXIST') {
      return false;
    }
    throw error;
  } finally {
    unlinkIfThere(own);
  }
}

function releaseOnce(path: string): () => void {
  let held = true;
  return () => {
    if (held) {
      unlinkIfThere(path);
    }
    held = false;
  };
}

/** undefined: no such file, or one whose line was lost in a power cut; either way nobody has it. */
function readOwner(path: string): Owner | undefined {
  const [pid, started, boot] = (readText(path) ?? '').trim().split(' ');
  if (pid === undefined || started === undefined || boot === undefined || !/^[1-9]\d*$/.test(pid)) {
    return undefined;
  }
  return { pid: Number(pid), started, boot };
}

function isAlive(owner: Owner): boolean {
  if (owner.boot !== bootId()) {
    return false;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (diskErrorCode(error) !== 'EPERM') {
      return false;
    }
  }
  return owner.started === startOf(owner.pid);
}

/** Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and brackets, so it is counted from the last one. */
function startOf(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '-';
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() || '-';
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    return undefined;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (diskErrorCode(error) !== 'ENOENT') {
      throw error;
    }
  }
}

function locked(dataDir: string, pid: number): RingMQError {
  return new RingMQError('DATA_DIR_LOCKED', `process ${pid} has the data directory ${dataDir}`, {
    details: { dataDir, pid },
  });
}
