/**
 * Opening a data directory: identity and topics from `meta/`, the queue tables from the last checkpoint, and from there on the log
 * itself. What is derived and missing or damaged (tables, index files) is made again by reading the whole log.
 */
import { RingMQError } from '../../native-free/wire/index.js';
import {
  checkInPlace,
  type Disk,
  identityOf,
  type OpenedDir,
  OwnedDisk,
  readWholeFile,
} from '../disk/index.js';
import { type Checkpoint, listSegments, type Recovery, readCheckpoint, recoverLog } from '../log/index.js';
import { MetaStore, TopicCatalog } from '../meta/index.js';
import { checkSpans, type ResolvedEngineOptions } from '../options.js';
import {
  createProducerMemory,
  createQueueTableMemory,
  createResultMemory,
  IndexFiles,
  IndexStage,
  LANE,
  QueueTable,
} from '../queue/index.js';
import { createRingMemory, Ring } from '../ring/index.js';
import { masterTerm } from '../term/term.js';

/** File of the queue tables' last snapshot, in the data directory. */
export const TABLES_FILE = 'queues/tables';
/** A log without a checkpoint yet is read as a whole; said only where that may take more than a moment. */
const QUICKLY_READ_BYTES = 2 ** 28;
const MAX_TABLES_BYTES = 2 ** 31;

export interface OpenData {
  store: MetaStore;
  catalog: TopicCatalog;
  table: QueueTable;
  producers: SharedArrayBuffer;
  recovery: Recovery;
  /** The tables had to be made again from the whole log. */
  rebuilt: boolean;
}

/** @throws RingMQError LOG_CORRUPT (meta or checkpoint), disk errors */
export function openData(
  options: ResolvedEngineOptions,
  dir: OpenedDir,
  warn: (what: string) => void = () => {},
): OpenData {
  const dataDir = dir.path;
  const disk = new OwnedDisk(dir);
  const store = MetaStore.open(disk, `${dataDir}/meta`, {
    now: Date.now,
    places: { identityOf, checkInPlace },
    defaults: { spanBytes: options.spanBytes, segmentBytes: options.segmentBytes },
  });
  try {
    checkSpans(options, store.spanBytes);
    refuseOrphanedLog(disk, store, dataDir);
    return recoverData(options, dataDir, disk, store, warn);
  } catch (error) {
    store.close();
    throw error;
  }
}

function recoverData(
  options: ResolvedEngineOptions,
  dataDir: string,
  disk: Disk,
  store: MetaStore,
  warn: (what: string) => void,
): OpenData {
  const catalog = new TopicCatalog(store, { maxQueues: options.maxQueues, now: Date.now });
  const table = new QueueTable(
    createQueueTableMemory({ maxQueues: options.maxQueues, maxSeats: options.maxThreads }),
  );
  for (const topic of catalog.list()) {
    for (const [queueId, slot] of topic.slots.entries()) {
      table.open(slot, topic.topicId, queueId, topic.memory ? LANE.memory : LANE.log);
    }
  }
  const files = new IndexFiles({ disk, dir: `${dataDir}/queues` });
  // Before it begins: it may take minutes.
  const tellRebuild = (hasCheckpoint: boolean): void => {
    const bytes = listSegments(disk, `${dataDir}/log`, store.segmentBytes).length * store.segmentBytes;
    if (bytes > 0 && (hasCheckpoint || bytes > QUICKLY_READ_BYTES + 2 * store.segmentBytes)) {
      warn(
        `the queue index is missing or damaged and is made again from the log: up to ${Math.ceil(bytes / 2 ** 20)} MiB are read before the broker serves`,
      );
    }
  };
  try {
    return {
      store,
      catalog,
      table,
      ...recoverTables(options, dataDir, disk, store, table, files, tellRebuild),
    };
  } finally {
    files.close();
  }
}

/** Makes the tables what the checkpoint and the log behind it say. */
function recoverTables(
  options: Pick<ResolvedEngineOptions, 'maxProducers'>,
  dataDir: string,
  disk: Disk,
  store: MetaStore,
  table: QueueTable,
  files: IndexFiles,
  tellRebuild: (hasCheckpoint: boolean) => void,
): Pick<OpenData, 'producers' | 'recovery' | 'rebuilt'> {
  const producers = createProducerMemory(options.maxProducers);
  const stage = replayStage(store, table, files, producers);
  const checkpoint = readCheckpoint(disk, dataDir);
  const bytes = readWholeFile(disk, `${dataDir}/${TABLES_FILE}`, MAX_TABLES_BYTES);
  const restored = checkpoint !== null && bytes !== undefined && stage.restoreTables(bytes) !== null;
  if (!restored) {
    tellRebuild(checkpoint !== null);
    files.deleteAll();
  }
  const recovery = recoverLog(
    disk,
    `${dataDir}/log`,
    {
      segmentBytes: store.segmentBytes,
      spanBytes: store.spanBytes,
      checkpoint: restored ? checkpoint : wholeLog(disk, store, dataDir, checkpoint),
    },
    (header, position) => stage.replay(header, position),
  );
  // Before anything is stamped. `meta/` may be an older copy; and a whole log is read without its checkpoint's epoch.
  store.raiseEpochAbove(Math.max(recovery.lastEpoch, checkpoint?.epoch ?? 0));
  return { producers, recovery, rebuilt: !restored };
}

/** Messages without the topics they belong to: somebody has lost `meta/`, and to begin a new one would hide that. */
function refuseOrphanedLog(disk: Disk, store: MetaStore, dataDir: string): void {
  disk.mkdir(`${dataDir}/log`);
  // Its name, like that of `meta/`, is durable before anything is acked as on disk.
  disk.fsyncDir(dataDir);
  if (store.created && listSegments(disk, `${dataDir}/log`, store.segmentBytes).length > 0) {
    store.close();
    disk.unlink(`${dataDir}/meta/snapshot`);
    throw new RingMQError(
      'LOG_CORRUPT',
      `${dataDir} has a log but no meta/: bring meta/ back from a copy, or move log/ away to begin anew`,
      { details: { dataDir } },
    );
  }
}

/** Everything is read again, but what the checkpoint said to be flushed still is: what is bad there is damage. */
function wholeLog(
  disk: Disk,
  store: MetaStore,
  dataDir: string,
  checkpoint: Checkpoint | null,
): Checkpoint | null {
  if (checkpoint === null) {
    return null;
  }
  const first = listSegments(disk, `${dataDir}/log`, store.segmentBytes)[0] ?? 0;
  return { ...checkpoint, position: Math.min(first, checkpoint.position), epoch: 0 };
}

/** The index stage for replaying only. It wants a ring and never touches it. */
function replayStage(
  store: MetaStore,
  table: QueueTable,
  files: IndexFiles,
  producers: SharedArrayBuffer,
): IndexStage {
  const { spanBytes } = store;
  return new IndexStage({
    ring: new Ring(
      createRingMemory({ ringBytes: 2 * spanBytes, spanBytes, maxThreads: 1, startPosition: 0 }),
    ),
    lane: LANE.log,
    table,
    files,
    producers,
    results: createResultMemory(1),
    clock: Date.now,
    term: masterTerm(store.epoch),
    policy: 'sync',
  });
}
