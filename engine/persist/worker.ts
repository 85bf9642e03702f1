/**
 * The persist worker: holds the persist role while there is something to write, and blocks while there is
 * not. It has no event loop to serve, so it is told what to do by shared words: `stop`, and the wake of its
 * seat.
 */
import { getSystemErrorName } from 'node:util';
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { monotonicMs } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/errors.js';
import { BackgroundSync } from '../disk/background-sync.js';
import { DirGuard, LOOK_MS } from '../disk/dir-guard.js';
import { diskErrorCode, isShortOfResources } from '../disk/disk.js';
import { identityOfFile } from '../disk/file-identity.js';
import { checkInPlace, ESTALE, isStale, OwnedDisk } from '../disk/opened-dir.js';
import type { BrokerHandle } from '../handle.js';
import { FULL } from '../log/persist-layout.js';
import { INLINE_MAX_BYTES, PersistStage } from '../log/persist-stage.js';
import { FLUSHED_MARK, PositionMark } from '../log/position-mark.js';
import { Retention } from '../log/retention.js';
import { RetentionClock } from '../log/retention-clock.js';
import { SegmentFiles, segmentName } from '../log/segment-files.js';
import { QueueTable } from '../queue/queue-table.js';
import { LANE } from '../queue/queue-table-layout.js';
import { park, Ring, SeatTable, WORD, wake } from '../ring/index.js';
import { countSync, syncBuckets } from '../stats/stats-layout.js';
import { BROKER_WORD, PERSIST_SEAT } from '../term/shared-words.js';
import { INLINE_ASYNC_BYTES } from './inline.js';
import { hasLogWork } from './log-work.js';

/** `workerData` of this worker. */
export interface PersistWorkerData {
  handle: BrokerHandle;
  /** The sync thread's memory (disk/background-sync.ts). */
  syncWords: SharedArrayBuffer;
  flushIntervalMs: number;
  flushBytes: number;
  minFreeBytes: number;
  retentionMs: number;
  retentionBytes: number;
}

/** What it says to the thread that started it. */
export type PersistWorkerMessage =
  | { type: 'ready' }
  | { type: 'diskError'; what: string; why: string; code: string }
  | { type: 'full'; what: string }
  | { type: 'room'; what: string }
  | { type: 'retained'; startPosition: number }
  | { type: 'stopped'; flushed: boolean };

/** Retention is looked at so often; each look may take one segment. */
const RETENTION_MS = 1_000;

const data = workerData as PersistWorkerData;
const { handle } = data;
const ring = new Ring(handle.log.ring);
const seats = new SeatTable(handle.seats);
const words = new Int32Array(handle.brokerWords);
const seat = seats.take(threadId);
if (seat !== PERSIST_SEAT) {
  throw new RingMQError('INTERNAL', `the persist worker must have seat ${PERSIST_SEAT}, not ${seat}`);
}

function say(message: PersistWorkerMessage): void {
  parentPort?.postMessage(message);
}

/** The log's end has been told of; the `full` word that has been. */
let fatalIsTold = false;
let fullTold = 0;
/** Segments whose loss has been told. */
const missing = new Set<string>();
let lookedAt = monotonicMs();
/** The log counts as quiet when nothing was flushed for so long; its watermark is stated then. */
const QUIET_MS = 100;
/** How often a quiet log is looked at, as other threads write without a word to this one. */
const FLUSHED_LOOK_MS = 250;
/** How soon stating it is tried again. */
const STATE_RETRY_MS = 10_000;
let flushedSeen = ring.flushed();
let indexedSeen = ring.flushed();
let flushedStated = Number.NaN;
let flushedMovedAt = Number.NEGATIVE_INFINITY;
let stateHasFailed = false;

function fatal(): number {
  return Atomics.load(ring.control, WORD.fatal);
}

function sayDiskError(what: string, error: Error): void {
  fatalIsTold ||= fatal() !== 0;
  say({
    type: 'diskError',
    what: `${what}: ${error.message}`,
    why: error.message,
    code: (error as NodeJS.ErrnoException).code ?? '',
  });
}

/** Another thread may have met the failure, in its inline step: this one is who tells of it, and wakes all who wait for acks. */
function tellFatal(): void {
  if (fatalIsTold || fatal() === 0) {
    return;
  }
  if (fatal() === ESTALE) {
    sayDiskError('looking after the data directory', whyStale());
  } else {
    const code = getSystemErrorName(-fatal());
    sayDiskError('writing the log', Object.assign(new Error(code), { code }));
  }
  wakeOthers();
}

/** What is not where it was, as far as it can be told now. */
function whyStale(): Error {
  try {
    guard.look();
    checkFiles();
  } catch (error) {
    if (isStale(error)) {
      return error as Error;
    }
  }
  // Node has no name for this code.
  return Object.assign(new Error('a segment of the log is not in its directory any more'), {
    code: 'ESTALE',
  });
}

function tellFull(): void {
  const full = Atomics.load(ring.control, WORD.full);
  if (full !== 0 && fullTold === 0) {
    say({ type: 'full', what: shortageText(full) });
  } else if (full === 0 && fullTold !== 0) {
    const isOfResources = (fullTold & FULL.resources) !== 0;
    const what = isOfResources ? 'there are file descriptors and memory' : 'there is room on the disk';
    say({ type: 'room', what: `${what} again: sends are taken` });
  }
  fullTold = full;
}

function shortageText(full: number): string {
  if ((full & FULL.resources) !== 0) {
    return 'no file descriptor or no memory is left for the log: sends are refused until there is';
  }
  const isNearly = full === FULL.nearly;
  const what = isNearly ? `less than ${data.minFreeBytes} bytes are free on the disk` : 'the disk is full';
  return `${what}: sends are refused until there is room`;
}

const disk = new OwnedDisk(handle.dir);
const guard = new DirGuard(handle.dir, words, BROKER_WORD.lookedAt, handle.logDirFd);
const files = new SegmentFiles(disk, { dir: `${handle.dir.path}/log`, segmentBytes: handle.segmentBytes });
const mark = new PositionMark(disk, files.dir, FLUSHED_MARK);
const buckets = syncBuckets(handle.stats);
const background = new BackgroundSync(data.syncWords);
const stage = new PersistStage({
  ring,
  disk,
  files,
  words: WORD,
  flush: handle.flush,
  flushIntervalMs: data.flushIntervalMs,
  flushBytes: data.flushBytes,
  background,
  minFreeBytes: data.minFreeBytes,
  guard,
  checkFiles,
  onSync: (micros) => countSync(buckets, micros),
  onDiskError: (what, error) => {
    // Want of room is told by its word, which other threads set too.
    if (fatal() !== 0) {
      sayDiskError(what, error);
    }
  },
});
const retentionClock = new RetentionClock({
  wall: Date.now,
  monotonic: monotonicMs,
  lastStoreTime: new QueueTable(handle.queues).lastStoreTime(LANE.log),
  retentionMs: data.retentionMs,
});
const retention = new Retention({
  disk,
  files,
  spanBytes: ring.spanBytes,
  retentionMs: data.retentionMs,
  retentionBytes: data.retentionBytes,
  control: ring.control,
  spare: WORD.spare,
  now: () => retentionClock.now(),
});
let retentionAt = monotonicMs();
/** So much may wait for the end of the turn of the thread that put it into the ring, which then writes it by itself, */
const LEFT_TO_OTHERS =
  handle.flush === 'async' && INLINE_ASYNC_BYTES > INLINE_MAX_BYTES ? INLINE_ASYNC_BYTES : 0;
/** but no longer than this, ms. */
const TICK_MS = 5;

function stopping(): boolean {
  return Atomics.load(words, BROKER_WORD.stop) === 1;
}

function hasWork(): boolean {
  if (stopping() || background.over === true) {
    return true;
  }
  if (fatal() !== 0) {
    return !fatalIsTold;
  }
  if (Atomics.load(ring.control, WORD.full) !== 0) {
    // The next try comes when it is due; more work does not bring it forward.
    return false;
  }
  return hasLogWork(ring, {
    flush: handle.flush,
    isSyncUnderWay: background.busy,
    leftToOthersBytes: LEFT_TO_OTHERS,
  });
}

/** How long to park at most. */
function waitMs(): number {
  const dueMs = Math.min(stage.nextDueMs(), flushedSeen === flushedStated ? FLUSHED_LOOK_MS : QUIET_MS);
  return ring.indexed() === ring.written() ? dueMs : Math.min(TICK_MS, dueMs);
}

function wakeOthers(): void {
  for (let other = 0; other < seats.maxThreads; other++) {
    if (other !== seat) {
      wake(seats.control, seats.parkedWord(other));
    }
  }
}

/** States the watermark once the log is quiet: behind its last group there is no header that does. Needs no role. */
function stateFlushed(): void {
  const flushed = ring.flushed();
  const indexed = ring.indexed();
  const now = monotonicMs();
  // A batch that came after it says it in its header.
  if (flushed !== flushedSeen || indexed !== indexedSeen) {
    flushedSeen = flushed;
    indexedSeen = indexed;
    flushedMovedAt = now;
  }
  if (flushed === flushedStated || now - flushedMovedAt < QUIET_MS || fatal() !== 0) {
    return;
  }
  try {
    const position = ring.toBytes(flushed);
    if (mark.stated !== position) {
      mark.state(position);
    }
    flushedStated = flushed;
    stateHasFailed = false;
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    flushedMovedAt = now + STATE_RETRY_MS;
    // A directory that has lost its files is told of as that.
    lookedAt = Number.NEGATIVE_INFINITY;
    lookAfterFiles();
    if (!stateHasFailed && fatal() === 0) {
      stateHasFailed = true;
      sayDiskError(`stating what is on disk in ${files.dir}`, error as Error);
    }
  }
}

/**
 * Looks whether the directory is still ours, and what is written now still in it: under a path that has gone,
 * or in a file that was unlinked, everything would seem to go on well.
 */
function lookAfterFiles(): void {
  const now = monotonicMs();
  if (now - lookedAt < LOOK_MS || fatal() !== 0) {
    return;
  }
  lookedAt = now;
  try {
    guard.look();
    checkFiles();
    tellMissing();
  } catch (error) {
    // Without a descriptor nothing is known; the next look may have one.
    if (!isShortOfResources(error)) {
      stage.fail('looking after the data directory', error);
    }
  }
}

/** Throws `ESTALE` when a segment that is written to now or next is not in the directory any more. */
function checkFiles(): void {
  for (const segment of [files.current, files.next]) {
    if (segment !== null) {
      checkInPlace(`${files.dir}/${segmentName(segment.base)}`, identityOfFile(segment.fd));
    }
  }
}

/** Segments that were whole once and are not there any more, told once each: what they had is lost. */
function tellMissing(): void {
  const names = new Set(disk.readdir(files.dir));
  for (const base of files.bases) {
    const name = segmentName(base);
    if (!names.has(name) && !missing.has(name)) {
      missing.add(name);
      const error = Object.assign(
        new Error(`log/${name} was moved or removed: the messages in it cannot be read any more`),
        {
          code: 'ENOENT',
        },
      );
      sayDiskError('the log', error);
    }
  }
}

/** One turn with the role; true when it came further. */
function turn(): boolean {
  if (!ring.persistRole.tryTake(seat)) {
    return false;
  }
  const before = [ring.written(), ring.flushed(), ring.gate(), fatal()];
  let progress = false;
  try {
    lookAfterFiles();
    progress = stage.step();
    if (monotonicMs() - retentionAt >= RETENTION_MS) {
      progress = retain() || progress;
    }
  } finally {
    ring.persistRole.release(seat);
  }
  const after = [ring.written(), ring.flushed(), ring.gate(), fatal()];
  if (after.some((value, i) => value !== before[i])) {
    wakeOthers();
  }
  return progress;
}

/** Takes one segment out of the log if one may go: then there may be another. */
function retain(): boolean {
  try {
    const startPosition = retention.step();
    if (startPosition !== null) {
      say({ type: 'retained', startPosition });
      return true;
    }
  } catch (error) {
    if (diskErrorCode(error) === undefined) {
      throw error;
    }
    // An old segment that cannot be looked at or removed keeps nobody from appending.
    sayDiskError('retention', error as Error);
  }
  retentionAt = monotonicMs();
  return false;
}

/**
 * Waits for the role, at the end. The sweep has been stopped, so that of a holder which died unswept is taken
 * here; as the broker is closing, nobody new can have got the seat.
 */
function takeRoleForGood(): void {
  const { persistRole } = ring;
  while (!persistRole.tryTake(seat)) {
    const holder = persistRole.holder();
    if (holder >= 0 && seats.isDead(holder)) {
      persistRole.breakIfHeldBy(holder);
    } else {
      Atomics.wait(words, BROKER_WORD.never, 0, 1);
    }
  }
}

function run(): void {
  guard.look();
  stage.open();
  say({ type: 'ready' });
  while (!stopping()) {
    if (!turn() || LEFT_TO_OTHERS > 0) {
      tellFatal();
      tellFull();
      stateFlushed();
      park(seats.control, seats.parkedWord(seat), hasWork, waitMs());
    }
  }
  takeRoleForGood();
  const flushed = stage.flushAll();
  stage.close();
  mark.close();
  ring.persistRole.release(seat);
  wakeOthers();
  say({ type: 'stopped', flushed });
}

run();
