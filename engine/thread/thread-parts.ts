/** Puts together what one thread needs to take part in a broker, from the handle alone. */

import { MAX_BATCH_BYTES } from '../../native-free/wire/limits.js';
import { DirGuard, OwnedDisk } from '../disk/index.js';
import type { EngineInfo } from '../engine-thread.js';
import type { BrokerHandle, LaneMemory } from '../handle.js';
import { Lane } from '../lane/lane.js';
import { LOG_LEVEL, logLevels, memoryLevels } from '../lane/levels.js';
import { LogReader, oldestSegmentIn, PersistStage } from '../log/index.js';
import { DiskState } from '../persist/disk-state.js';
import { INLINE_ASYNC_BYTES, InlinePersist } from '../persist/inline.js';
import { IndexFiles, IndexStage, LANE, QueueIndex, QueueTable, ResultRing } from '../queue/index.js';
import type { InSyncLimits } from '../replica/in-sync.js';
import { Ring, type SeatTable, WORD } from '../ring/index.js';
import { countSync, syncBuckets } from '../stats/index.js';
import { ReplicaMarks } from '../term/replica-marks.js';
import { SharedText } from '../term/shared-text.js';
import { BROKER_WORD, PERSIST_SEAT } from '../term/shared-words.js';
import { Term } from '../term/term.js';

/** Some 2 ms of indexing for others, then the thread's own sockets have their turn. */
const MAX_BATCHES_PER_RUN = 2048;

export interface ThreadParts {
  readonly info: EngineInfo;
  readonly seats: SeatTable;
  readonly seat: number;
  readonly persistSeat: number;
  readonly logRing: Ring;
  readonly memoryRing: Ring;
  readonly log: Lane;
  readonly memory: Lane;
  readonly logIndex: IndexStage;
  readonly memoryIndex: IndexStage;
  readonly queueTable: QueueTable;
  readonly queueIndex: QueueIndex;
  readonly logReader: LogReader;
  readonly disk: DiskState;
  readonly inline: InlinePersist;
  readonly memoryHoldMs: number;
  readonly replicas: ReplicaMarks;
  readonly term: Term;
  /** What does not change of the broker's place among others, and its master's address. */
  readonly place: { readonly cluster: string; readonly brokerSet: string; readonly master: SharedText };
  readonly logDir: string;
  readonly segmentBytes: number;
  readonly inSyncLimits: InSyncLimits;
  readonly readsAtSlaves: boolean;
  readonly stats: SharedArrayBuffer;
  readonly brokerWords: SharedArrayBuffer;
  /** The broker is being closed: nothing is taken in any more. */
  isClosing(): boolean;
  /** Somebody wants to hear of connections. */
  wantsConnections(): boolean;
  /**
   * Closes the index files and gives the seat back; the last thing. With batches that are not indexed yet the
   * sweep does it, once they are.
   */
  release(): void;
}

/** For the thread that sits at `seat`. */
export function makeThreadParts(handle: BrokerHandle, seats: SeatTable, seat: number): ThreadParts {
  const disk = new OwnedDisk(handle.dir);
  const queueTable = new QueueTable(handle.queues);
  const files = new IndexFiles({ disk, dir: `${handle.dir.path}/queues` });
  const logRing = new Ring(handle.log.ring);
  const memoryRing = new Ring(handle.memory.ring);
  const brokerWords = new Int32Array(handle.brokerWords);
  const syncFlush = handle.flush === 'sync';
  const term = new Term(brokerWords);
  const stage = (memory: LaneMemory, ring: Ring, lane: number): IndexStage =>
    new IndexStage({
      ring,
      lane,
      table: queueTable,
      files,
      producers: memory.producers,
      results: memory.results,
      clock: Date.now,
      term,
      policy: handle.flush,
      maxBatches: MAX_BATCHES_PER_RUN,
    });
  const logIndex = stage(handle.log, logRing, LANE.log);
  const memoryIndex = stage(handle.memory, memoryRing, LANE.memory);
  const replicas = new ReplicaMarks(handle.replicas);
  const makeLane = (memory: LaneMemory, ring: Ring, index: IndexStage, persisted: boolean): Lane =>
    new Lane({
      ring,
      seat,
      index,
      results: new ResultRing(memory.results, seat),
      persisted,
      levels: persisted ? logLevels(ring, replicas) : memoryLevels(ring),
      policy: persisted && syncFlush ? LOG_LEVEL.flushed : LOG_LEVEL.written,
      replicas,
      term,
    });
  const buckets = syncBuckets(handle.stats);
  const diskState = new DiskState({ ring: logRing, seats, persistSeat: PERSIST_SEAT });
  const log = makeLane(handle.log, logRing, logIndex, true);
  const memory = makeLane(handle.memory, memoryRing, memoryIndex, false);
  return {
    info: {
      brokerId: handle.brokerId,
      openingId: handle.openingId,
      brokerName: handle.brokerName,
      flush: handle.flush,
      maxBatchBytes: Math.min(MAX_BATCH_BYTES, logRing.spanBytes, memoryRing.spanBytes),
    },
    seats,
    seat,
    persistSeat: PERSIST_SEAT,
    logRing,
    memoryRing,
    log,
    memory,
    logIndex,
    memoryIndex,
    queueTable,
    queueIndex: new QueueIndex(queueTable, files),
    logReader: new LogReader(disk, {
      dir: `${handle.dir.path}/log`,
      segmentBytes: handle.segmentBytes,
      oldestSegment: oldestSegmentIn(logRing.control, WORD.spare),
    }),
    disk: diskState,
    inline: new InlinePersist({
      ring: logRing,
      disk: diskState,
      stage: new PersistStage({
        ring: logRing,
        disk,
        files: null,
        words: WORD,
        flush: handle.flush,
        inlineMaxBytes: INLINE_ASYNC_BYTES,
        guard: new DirGuard(handle.dir, brokerWords, BROKER_WORD.lookedAt, handle.logDirFd),
        onSync: (micros) => countSync(buckets, micros),
      }),
      seat,
      syncFlush,
    }),
    memoryHoldMs: handle.memoryHoldMs,
    stats: handle.stats,
    brokerWords: handle.brokerWords,
    replicas,
    term,
    place: {
      cluster: handle.cluster,
      brokerSet: handle.brokerSet,
      master: new SharedText(handle.masterUrl),
    },
    logDir: `${handle.dir.path}/log`,
    segmentBytes: handle.segmentBytes,
    inSyncLimits: handle.inSyncLimits,
    readsAtSlaves: handle.readsAtSlaves,
    wantsConnections: () => Atomics.load(brokerWords, BROKER_WORD.wantsConnections) !== 0,
    isClosing: () => Atomics.load(brokerWords, BROKER_WORD.closing) !== 0,
    release: () => {
      files.close();
      if (log.unindexed + memory.unindexed > 0) {
        seats.leave(seat);
      } else {
        seats.release(seat);
      }
    },
  };
}
