/**
 * One broker at a time on a data directory. Node has no file locks, so `LOCK` names its owner precisely
 * enough to tell whether that still lives (lock-owner.ts). A lock whose owner is gone is taken over by one,
 * however many find it at the same moment:
 *
 * - Each opening has a random token, so no two locks are ever the same one.
 * - The right to follow the owner T has who links his own line to `LOCK.after.T`: the system gives a name to one only.
 * - Who has that name looks again whether `LOCK` still is T's. If it is, nobody else may touch it (T is dead, all others lack the name), and
 *   his own line is renamed over it, in one step. If it is not, he was too late, and takes his name away again.
 * - Who finds the name taken by somebody dead follows that one in the same way, with `LOCK.after.<token of the dead>`.
 *
 * So `LOCK` is never missing while it changes hands, and what is replaced is what was read. An owner gives
 * its lock back by removing `LOCK` while it is alive; a `LOCK` that names somebody else it leaves alone.
 *
 * People remove a `LOCK` that they take for a leftover. Its owner sees that after a second or two, and until
 * then says of messages that they are on disk. So the owner's file has a second name, `.opening`: who gets
 * `LOCK` because there was none looks there too, and goes away again while the one it names lives. In a copy
 * of the directory it means nothing.
 *
 * All these files are made elsewhere and linked into place, so that they never stand there without their
 * owner's line: the file system must know hard links.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  futimesSync,
  linkSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { clearInterval, monotonicMs, setInterval } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/errors.js';
import { diskErrorCode } from './disk.js';
import { identityOf } from './file-identity.js';
import {
  BEAT_MS,
  type FoundLock,
  isAlive,
  isLockOf,
  isSurelyDead,
  NO_BEAT_MS,
  ownLine,
  readLock,
} from './lock-owner.js';
import { type LockSocket, openLockSocket } from './lock-socket.js';
import { makeDir } from './make-dir.js';
import { NodeDisk } from './node-disk.js';
import { LOCK_FILE, type OpenedDir } from './opened-dir.js';

/** The second name of the owner's file. */
const OPENING_FILE = '.opening';
/** Who finds others at work on a dead owner's lock looks again so soon, and gives up after so long. */
const AGAIN_MS = 5;
const GIVE_UP_MS = 30_000;
const LEFTOVER_MS = 600_000;

/** A lock that this thread holds. */
export interface DataDirLock {
  readonly dir: OpenedDir;
  /** The lock was that of a thread of this process, which has ended: its token. */
  readonly ofDeadThread: string | undefined;
  /** Gives it back, if it still is this opening's. Harmless when done twice. */
  release(): void;
}

/** `what`: for a log line, before an owner that cannot be asked is watched for some seconds. */
export type OnWatch = (what: string) => void;

/**
 * Takes the lock of `dataDir`, made when missing. The path is resolved here, once. Throws `DATA_DIR_LOCKED`
 * when a living owner, also in this process, holds it; disk errors otherwise.
 */
export async function lockDataDir(dataDir: string, onWatch: OnWatch = () => {}): Promise<DataDirLock> {
  const absolute = resolve(dataDir);
  makeDir(absolute);
  const path = realpathSync(absolute);
  syncParent(path);
  const found = readLock(`${path}/${LOCK_FILE}`);
  const watch = (): void =>
    onWatch(
      `${path}/${LOCK_FILE} names a broker that cannot be asked from here (in another container, on another machine, before a restart of this one, or with the directory of which this is a copy): it is watched for up to ${NO_BEAT_MS / 1000} s`,
    );
  // Most who come too late leave nothing behind, not even for a moment.
  if (found !== undefined && (await isAlive(`${path}/${LOCK_FILE}`, found, watch))) {
    throw locked(path, found);
  }
  const claim = await Claim.make(path, watch);
  try {
    const before = await claim.take(found?.identity);
    await claim.checkAlone(before?.identity);
    await claim.sweep();
    return claim.hold(before);
  } catch (error) {
    claim.giveUp();
    throw error;
  }
}

/** The process that holds the lock of `dataDir`, if a living one does. */
export async function lockOwner(dataDir: string): Promise<number | undefined> {
  const [path, owner] = ownerFile(dataDir);
  return owner !== undefined && (await isAlive(path, owner, () => {})) ? owner.pid : undefined;
}

/** `LOCK`, or what its owner is known by when somebody has removed that. */
function ownerFile(dataDir: string): [path: string, owner: FoundLock | undefined] {
  const path = `${dataDir}/${LOCK_FILE}`;
  const owner = readLock(path);
  if (owner !== undefined) {
    return [path, owner];
  }
  const opening = `${dataDir}/${OPENING_FILE}`;
  const other = readLock(opening);
  return [opening, other !== undefined && other.directory === identityOf(dataDir) ? other : undefined];
}

/** One try to get the lock: a token, its socket, and a file with its line. */
class Claim {
  readonly #dir: string;
  readonly #token: string;
  readonly #socket: LockSocket | undefined;
  readonly #own: string;
  readonly #fd: number;
  readonly #watch: () => void;

  private constructor(dir: string, token: string, socket: LockSocket | undefined, watch: () => void) {
    this.#dir = dir;
    this.#token = token;
    this.#socket = socket;
    this.#watch = watch;
    this.#own = `${dir}/${LOCK_FILE}.${token}`;
    this.#fd = openSync(this.#own, 'wx');
  }

  static async make(dir: string, watch: () => void): Promise<Claim> {
    const token = randomBytes(8).toString('hex');
    // Before any file says the token: whoever reads it may ask.
    const socket = await openLockSocket(token);
    let claim: Claim;
    try {
      claim = new Claim(dir, token, socket, watch);
    } catch (error) {
      socket?.close();
      throw error;
    }
    try {
      writeSync(claim.#fd, ownLine(token, identityOf(dir)));
      fdatasyncSync(claim.#fd);
    } catch (error) {
      claim.giveUp();
      throw error;
    }
    return claim;
  }

  /**
   * Returns when `LOCK` is ours, with the one it was before, if any. `dead`: a lock whose owner has been
   * found dead, and is not watched once more.
   */
  async take(dead: string | undefined): Promise<FoundLock | undefined> {
    const path = `${this.#dir}/${LOCK_FILE}`;
    const until = monotonicMs() + GIVE_UP_MS;
    for (;;) {
      if (this.#linkTo(path)) {
        return undefined;
      }
      const owner = readLock(path);
      if (owner !== undefined) {
        if (owner.identity !== dead && (await isAlive(path, owner, this.#watch))) {
          throw locked(this.#dir, owner);
        }
        if (await this.#follow(path, owner)) {
          return owner;
        }
        if (monotonicMs() >= until) {
          throw locked(this.#dir, owner);
        }
      }
      await delay(AGAIN_MS);
    }
  }

  /** Puts our line at `path`, where that of somebody dead stands. False: it is not there any more, or another is about to. */
  async #follow(path: string, dead: FoundLock): Promise<boolean> {
    const right = `${this.#dir}/${LOCK_FILE}.after.${dead.identity}`;
    if (!this.#linkTo(right)) {
      const other = readLock(right);
      if (
        other === undefined ||
        (await isAlive(right, other, () => {})) ||
        !(await this.#follow(right, other))
      ) {
        return false;
      }
    }
    try {
      if (readLock(path)?.identity !== dead.identity) {
        return false;
      }
      const copy = `${this.#own}.over`;
      linkSync(this.#own, copy);
      renameSync(copy, path);
      return true;
    } finally {
      unlinkIfThere(right);
    }
  }

  /** False: somebody has that name. */
  #linkTo(path: string): boolean {
    try {
      linkSync(this.#own, path);
      return true;
    } catch (error) {
      if (diskErrorCode(error) === 'EEXIST') {
        return false;
      }
      throw error;
    }
  }

  /** Throws when somebody lives whose `LOCK` was removed or overwritten. `dead`: who is known not to. */
  async checkAlone(dead: string | undefined): Promise<void> {
    const path = `${this.#dir}/${OPENING_FILE}`;
    const other = readLock(path);
    if (other === undefined || other.identity === dead || other.directory !== identityOf(this.#dir)) {
      return;
    }
    if (await isAlive(path, other, this.#watch)) {
      throw locked(this.#dir, other, ', and stops by itself because its LOCK was removed or overwritten');
    }
  }

  /** Removes what others left who died over this lock. Rights to follow anybody but us are worth nothing now. */
  async sweep(): Promise<void> {
    for (const name of readdirSync(this.#dir)) {
      if (!name.startsWith(`${LOCK_FILE}.`) || name === `${LOCK_FILE}.after.${this.#token}`) {
        continue;
      }
      const path = `${this.#dir}/${name}`;
      if (/^LOCK\.(?:after\..*|takeover)$/.test(name) || (await isSurelyDead(path)) || this.#isOld(path)) {
        unlinkIfThere(path);
      }
    }
  }

  /** By the file system's own clock: no try takes so long. */
  #isOld(path: string): boolean {
    const time = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return time < fstatSync(this.#fd).mtimeMs - LEFTOVER_MS;
  }

  hold(before: FoundLock | undefined): DataDirLock {
    const opening = `${this.#dir}/${OPENING_FILE}`;
    renameSync(this.#own, opening);
    // Both may be one file already, and then the name is left where it was.
    unlinkIfThere(this.#own);
    const timer = setInterval(() => this.#beat(), BEAT_MS);
    timer.unref();
    const path = `${this.#dir}/${LOCK_FILE}`;
    const dir = { path: this.#dir, identity: identityOf(this.#dir), token: this.#token };
    let isHeld = true;
    const release = (): void => {
      if (!isHeld) {
        return;
      }
      isHeld = false;
      clearInterval(timer);
      try {
        for (const name of [path, opening]) {
          if (isOurs(dir, name)) {
            unlinkIfThere(name);
          }
        }
      } finally {
        this.#close();
      }
    };
    return { dir, ofDeadThread: before?.pid === process.pid ? before.token : undefined, release };
  }

  giveUp(): void {
    try {
      if (isLockOf(`${this.#dir}/${LOCK_FILE}`, this.#token)) {
        unlinkIfThere(`${this.#dir}/${LOCK_FILE}`);
      }
      unlinkIfThere(this.#own);
    } finally {
      this.#close();
    }
  }

  #close(): void {
    closeSync(this.#fd);
    this.#socket?.close();
  }

  /** By descriptor: it can only be our own file. */
  #beat(): void {
    const now = Date.now() / 1000;
    try {
      futimesSync(this.#fd, now, now);
    } catch (error) {
      if (diskErrorCode(error) === undefined) {
        throw error;
      }
    }
  }
}

/** What stands at `name` is that of this opening, in this very directory. */
function isOurs({ path, identity, token }: OpenedDir, name: string): boolean {
  try {
    return identityOf(path) === identity && isLockOf(name, token);
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    return false;
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

function locked(dataDir: string, { pid }: FoundLock, why = ''): RingMQError {
  const who = pid > 0 ? `process ${pid}` : 'a broker whose LOCK was emptied';
  return new RingMQError('DATA_DIR_LOCKED', `${who} has the data directory ${dataDir}${why}`, {
    details: { dataDir, pid },
  });
}

/** Makes the name of a directory durable in the one above it. Whoever may not open that one has to trust its owner with it. */
function syncParent(path: string): void {
  try {
    new NodeDisk().fsyncDir(dirname(path));
  } catch (error) {
    const code = diskErrorCode(error) ?? '';
    // EINVAL, ENOTSUP: a file system that has no such call.
    if (!['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EROFS'].includes(code)) {
      throw error;
    }
  }
}
