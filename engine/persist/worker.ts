/**
 * The persist worker: holds the persist role while there is something to write, and blocks while there is
 * not. It has no event loop to serve, so it is told what to do by shared words: `stop`, and the wake of its
 * seat.
 */
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { monotonicMs } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/errors.js';
import { BackgroundSync } from '../disk/background-sync.js';
import { DirGuard, LOOK_MS } from '../disk/dir-guard.js';
import { diskErrorCode, isShortOfResources } from '../disk/disk.js';
import { identityOfFile } from '../disk/file-identity.js';
import { checkInPlace, OwnedDisk } from '../disk/opened-dir.js';
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
import { Term } from '../term/term.js';
import { DiskNews } from './disk-news.js';
import { INLINE_ASYNC_BYTES } from './inline.js';
import { isNews, marksOf } from './log-news.js';
import { hasLogWork } from './log-work.js';
import { QuietMark } from './quiet-mark.js';
import type { PersistWorkerData, PersistWorkerMessage } from './worker-messages.js';

/** Retention is looked at so often; each look may take one segment. */
const RETENTION_MS = 1_000;

const data = workerData as PersistWorkerData;
const { handle } = data;
const ring = new Ring(handle.log.ring);
const seats = new SeatTable(handle.seats);
const words = new Int32Array(handle.brokerWords);
const term = new Term(words);
const seat = seats.take(threadId);
if (seat !== PERSIST_SEAT) {
  throw new RingMQError('INTERNAL', `the persist worker must have seat ${PERSIST_SEAT}, not ${seat}`);
}

function say(message: PersistWorkerMessage): void {
  parentPort?.postMessage(message);
}

let lookedAt = monotonicMs();

function fatal(): number {
  return Atomics.load(ring.control, WORD.fatal);
}

const disk = new OwnedDisk(handle.dir);
const guard = new DirGuard(handle.dir, words, BROKER_WORD.lookedAt, handle.logDirFd);
const files = new SegmentFiles(disk, { dir: `${handle.dir.path}/log`, segmentBytes: handle.segmentBytes });
const mark = new PositionMark(disk, files.dir, FLUSHED_MARK);
const news = new DiskNews({
  ring,
  minFreeBytes: data.minFreeBytes,
  say,
  look: () => {
    guard.look();
    checkFiles();
  },
});
const quietMark = new QuietMark(ring, mark, {
  lookAfterFiles: () => {
    lookedAt = Number.NEGATIVE_INFINITY;
    lookAfterFiles();
  },
  failed: (error) => news.error(`stating what is on disk in ${files.dir}`, error),
});
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
      news.error(what, error);
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
    return !news.fatalIsTold;
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
  const dueMs = Math.min(stage.nextDueMs(), quietMark.nextDueMs());
  return ring.indexed() === ring.written() ? dueMs : Math.min(TICK_MS, dueMs);
}

function wakeOthers(): void {
  for (let other = 0; other < seats.maxThreads; other++) {
    if (other !== seat) {
      wake(seats.control, seats.parkedWord(other));
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
    news.tellMissing(files.bases, new Set(disk.readdir(files.dir)));
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

/** One turn with the role; true when it came further. */
function turn(): boolean {
  if (!ring.persistRole.tryTake(seat)) {
    return false;
  }
  const before = marksOf(ring);
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
  if (isNews(ring, before, handle.flush === 'sync' && !term.isFollower)) {
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
    news.error('retention', error as Error);
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
      if (news.tellFatal()) {
        wakeOthers();
      }
      news.tellFull();
      quietMark.step();
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
