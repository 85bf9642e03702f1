/**
 * Who holds a lock: the one line of `LOCK`, and whether its writer still lives.
 *
 *     pid start boot token pidns netns directory
 *
 * A line with fewer words is of an earlier version. A word is `-` where the system does not say.
 */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { diskErrorCode } from './disk.js';
import { identityOf } from './file-identity.js';
import { isListening } from './lock-socket.js';
import { readProcStat } from './proc-stat.js';

/** How often an owner renews the time of its `LOCK`. */
export const BEAT_MS = 1_000;
/** An owner that cannot be asked otherwise, and whose `LOCK` has not been renewed for so long while somebody watched, is gone. */
export const NO_BEAT_MS = 6_000;
const WATCH_MS = 200;
/** A process that was killed may take so long to give back its memory, and only then its sockets. */
const ENDING_MS = 10_000;
/** A thread of this process: nothing says that it is about to end, and its error may be told before it has. */
const OWN_ENDING_MS = 500;
const ENDING_LOOK_MS = 20;

/** What the line says. */
export interface LockOwner {
  pid: number;
  /** Start time of the process in kernel ticks. */
  start: string;
  /** Id of the machine's boot; its host name where there is none. */
  boot: string;
  /** 16 hexadecimal digits, random, of one opening. Empty in an old line, or in one that was lost in a power cut. */
  token: string;
  /** Namespaces: whose process ids these are, and who can reach its socket. */
  pidNamespace: string;
  netNamespace: string;
  /** Device and inode of the directory it was written in: tells a copy. */
  directory: string;
}

/** A line as it was found: the owner, and what tells this very lock from every other. */
export interface FoundLock extends LockOwner {
  /** Never the same for two locks: the token, or for lack of one the file's number and text. */
  identity: string;
}

/** The calling process, as an owner with this token of the directory with this device and inode. */
export function ownLine(token: string, directory: string): string {
  const stat = readProcStat('self');
  const start = typeof stat === 'string' ? '-' : String(stat.start);
  return `${[process.pid, start, bootId(), token, namespaceOf('pid'), namespaceOf('net'), directory].join(
    ' ',
  )}\n`;
}

/** The lock at `path`; undefined when there is none. */
export function readLock(path: string): FoundLock | undefined {
  let text: string;
  let file: string;
  try {
    text = readFileSync(path, 'latin1').slice(0, 1024).trim();
    file = String(statSync(path).ino);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  const [
    pid = '',
    start = '-',
    boot = '-',
    token = '',
    pidNamespace = '-',
    netNamespace = '-',
    directory = '-',
  ] = text.split(' ');
  const known = /^[1-9]\d*$/.test(pid) ? Number(pid) : 0;
  const identity = /^[0-9a-f]{16}$/.test(token)
    ? token
    : Buffer.from(`${file} ${text}`).toString('hex').slice(0, 96);
  return {
    pid: known,
    start,
    boot,
    token: identity === token ? token : '',
    pidNamespace,
    netNamespace,
    directory,
    identity,
  };
}

/** The lock's text names the opening with this token. */
export function isLockOf(path: string, token: string): boolean {
  return readLock(path)?.token === token;
}

/**
 * Whether the owner of the lock at `path` lives. Exact where the same kernel can be asked: by its socket
 * (also about a thread that ended in a process that goes on, and about a process that is killed and not
 * waited for), or by its process id. Else, in another container or on another machine, and in a copy of the
 * directory, its `LOCK` is watched for some seconds; `onWatch` is called before that.
 */
export async function isAlive(path: string, owner: FoundLock, onWatch: () => void): Promise<boolean> {
  if (owner.pid === 0) {
    // Lost in a power cut, or emptied by somebody while its owner is at work: that one renews it until it has
    // seen so.
    onWatch();
    return beats(path, owner);
  }
  const isHere = owner.boot === bootId();
  if (owner.token === '') {
    // Of an older version, which renews nothing.
    return isHere && processLives(owner);
  }
  if (isHere && owner.netNamespace !== '-' && owner.netNamespace === namespaceOf('net')) {
    const answer = await isListening(owner.token);
    if (answer === true && isElsewhere(path, owner)) {
      // It lives, and has another directory. But the files of a copy may be the very files of that one (hard
      // links): then it renews this lock, too.
      onWatch();
      return beats(path, owner);
    }
    if (answer !== undefined) {
      return answer && !(await ends(owner));
    }
  }
  if (isHere && owner.pidNamespace === namespaceOf('pid') && !processLives(owner)) {
    return false;
  }
  onWatch();
  return beats(path, owner);
}

/** The lock was written in another directory than the one it stands in: this is a copy. */
function isElsewhere(path: string, owner: LockOwner): boolean {
  return owner.directory !== '-' && owner.directory !== identityOf(dirname(path));
}

/** Whether it is certain, at once, that who wrote the line at `path` has ended. */
export async function isSurelyDead(path: string): Promise<boolean> {
  const owner = readLock(path);
  if (owner === undefined || owner.boot !== bootId()) {
    return false;
  }
  if (owner.netNamespace === namespaceOf('net') && owner.token !== '') {
    return (await isListening(owner.token)) === false;
  }
  return owner.pidNamespace === namespaceOf('pid') && !processLives(owner);
}

/** Waits for an owner that listens and is, or may be, about to end; true once it has. */
async function ends(owner: LockOwner): Promise<boolean> {
  if (owner.pidNamespace !== namespaceOf('pid')) {
    return false;
  }
  const begun = monotonicMs();
  const maxMs = owner.pid === process.pid ? OWN_ENDING_MS : ENDING_MS;
  while (monotonicMs() - begun < maxMs && (owner.pid === process.pid || isEnding(owner.pid))) {
    await delay(ENDING_LOOK_MS);
    if ((await isListening(owner.token)) === false) {
      return true;
    }
  }
  return false;
}

/** It is a zombie with threads left, or on its way out, or has been sent a SIGKILL that it did not come to yet. */
function isEnding(pid: number): boolean {
  const stat = readProcStat(String(pid));
  if (stat === 'gone' || (stat !== 'unknown' && stat.isEnding)) {
    return true;
  }
  return /^(?:Sig|Shd)Pnd:\s*[0-9a-f]*[13579bdf][0-9a-f]{2}$/m.test(readText(`/proc/${pid}/status`) ?? '');
}

function processLives(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    if (diskErrorCode(error) !== 'EPERM') {
      return false;
    }
  }
  const stat = readProcStat(String(owner.pid));
  if (typeof stat !== 'string') {
    return owner.start === '-' || owner.start === String(stat.start);
  }
  // A process that may be signalled and has no entry is one of somebody else whose entries are hidden.
  return stat === 'unknown' || !isVisible(owner.pid);
}

/** Whether /proc has the process at all; a zombie has an entry. */
function isVisible(pid: number): boolean {
  return readText(`/proc/${pid}/stat`) !== undefined;
}

/** Whether the owner renews its lock, on the watcher's own clock: what the times say means nothing here, only that they change. */
async function beats(path: string, owner: FoundLock): Promise<boolean> {
  const before = timeOf(path);
  const until = monotonicMs() + NO_BEAT_MS;
  while (monotonicMs() < until) {
    await delay(WATCH_MS);
    const now = timeOf(path);
    // Its owner gave it back, or another has it: whoever asked looks again.
    if (now === undefined || readLock(path)?.identity !== owner.identity) {
      return false;
    }
    if (now !== before) {
      return true;
    }
  }
  return false;
}

function timeOf(path: string): number | undefined {
  try {
    return statSync(path).mtimeMs;
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() || hostname().replaceAll(/\s/g, '') || '-';
}

/** As `pid:[4026531836]`, the kernel's name of it. */
function namespaceOf(kind: 'pid' | 'net'): string {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`);
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    return '-';
  }
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
