/**
 * Opening a data directory: who it is and what its state was at the last checkpoint from `meta/`, the queue
 * tables from the same checkpoint, and from there on the log itself. What is derived and missing or damaged
 * (tables, index files, and the state where the log is there from its beginning) is made again by reading the
 * whole log.
 */
import { randomBytes } from 'node:crypto';
import { isRingMQError, RingMQError } from '../../native-free/wire/index.js';
import { type Disk, type OpenedDir, OwnedDisk, readWholeFile } from '../disk/index.js';
import {
  type BatchVisitor,
  type Checkpoint,
  type Damage,
  listSegments,
  logStart,
  type Recovery,
  readCheckpoint,
  recoverLog,
} from '../log/index.js';
import {
  encodeState,
  MetaState,
  NEVER_OWN,
  type NodeFacts,
  readNode,
  readState,
  STATE_FILE,
  type StoredState,
  TopicCatalog,
  writeNode,
  writeState,
} from '../meta/index.js';
import { checkSpans, type ResolvedEngineOptions } from '../options.js';
import {
  createProducerMemory,
  createQueueTableMemory,
  createResultMemory,
  IndexFiles,
  IndexStage,
  LANE,
  openSlots,
  QueueTable,
} from '../queue/index.js';
import { createRingMemory, Ring } from '../ring/index.js';
import { masterTerm } from '../term/term.js';
import { inheritedBelow, knownCommitted } from './committed-keeper.js';
import { ControlReplay } from './control-replay.js';
import { beginQueues } from './queue-begins.js';
import { beginRebuild, endRebuild } from './rebuild.js';
import { performRejoin } from './rejoin.js';

/** File of the queue tables' last snapshot, in the data directory. */
export const TABLES_FILE = 'queues/tables';
/** A log without a checkpoint yet is read as a whole; said only where that may take more than a moment. */
const QUICKLY_READ_BYTES = 2 ** 28;
const MAX_TABLES_BYTES = 2 ** 31;

export interface OpenData {
  /** With the epoch of this opening. */
  node: NodeFacts;
  /** What the directory is: one that was promoted, or has followed a master, stays what it is. */
  role: 'master' | 'slave';
  state: MetaState;
  catalog: TopicCatalog;
  table: QueueTable;
  producers: SharedArrayBuffer;
  recovery: Recovery;
  /** Up to where the log is known to be committed. */
  committed: number;
  /** The tables had to be made again from the whole log. */
  rebuilt: boolean;
  /** From here on the log is read again if the directory is opened as it was found: with what was damaged, once that is repaired. null: not so. */
  readAgain: number | null;
}

/** What a directory that is being opened says before its log is read. */
interface Stored {
  /** As it was found, or as it is to be: then nothing is on disk yet. */
  readonly node: NodeFacts;
  readonly checkpoint: Checkpoint | null;
  /** null: it has to be made again from the log, which is there from its beginning. */
  readonly state: StoredState | null;
  /** The log has been repaired: all that is derived from it is made from it again. */
  readonly isRebuild: boolean;
}

/**
 * `mustFollow`: another broker is master of the set, so it is opened as a slave, whatever the directory was.
 * With a controller every broker is opened as a slave, and becomes the master or follows one when that has
 * said so: the directory stays what it was till then.
 */
export type DataOptions = ResolvedEngineOptions & { readonly mustFollow?: boolean };

/** @throws RingMQError LOG_CORRUPT (meta or checkpoint), NOT_SUPPORTED (a directory of another format), BAD_CONFIG, disk errors */
export function openData(
  options: DataOptions,
  dir: OpenedDir,
  warn: (what: string) => void = () => {},
  disk: Disk = new OwnedDisk(dir),
): OpenData {
  const dataDir = dir.path;
  performRejoin(disk, dataDir, options.segmentBytes);
  const stored = readStored(options, dataDir, disk, warn);
  checkSpans(options, stored.node.spanBytes);
  return recoverData(options, dataDir, disk, stored, warn);
}

function readStored(
  options: ResolvedEngineOptions,
  dataDir: string,
  disk: Disk,
  warn: (what: string) => void,
): Stored {
  for (const name of ['meta', 'log']) {
    disk.mkdir(`${dataDir}/${name}`);
  }
  // Their names are durable before anything is acked as on disk.
  disk.fsyncDir(dataDir);
  const found = readNode(disk, `${dataDir}/meta`);
  const { spanBytes, segmentBytes } = found ?? options;
  const segments = listSegments(disk, `${dataDir}/log`, segmentBytes);
  if (found === null && segments.length > 0) {
    // Messages without what they belong to: somebody has lost `meta/`, and to begin a new one would hide
    // that.
    throw new RingMQError(
      'LOG_CORRUPT',
      `${dataDir} has a log but no meta/: bring meta/ back from a copy, or move log/ away to begin anew`,
      { details: { dataDir } },
    );
  }
  const node = found ?? {
    brokerId: randomBytes(8).toString('hex'),
    spanBytes,
    segmentBytes,
    createdTime: Date.now(),
    epoch: 0,
    start: 0,
    ownFrom: 0,
    isLed: false,
    slaves: [],
    openings: [],
  };
  const checkpoint = readCheckpoint(disk, dataDir);
  const oldest = logStart(segments[0], node.start);
  return {
    node,
    checkpoint,
    state: readStoredState(disk, dataDir, oldest, segments.length > 0, checkpoint, warn),
    isRebuild: beginRebuild(disk, dataDir),
  };
}

/** The state's snapshot; null where the log makes it again. @throws RingMQError LOG_CORRUPT where it does not */
function readStoredState(
  disk: Disk,
  dataDir: string,
  oldest: number,
  hasLog: boolean,
  checkpoint: Checkpoint | null,
  warn: (what: string) => void,
): StoredState | null {
  const path = `${dataDir}/meta/${STATE_FILE}`;
  let why = `${path} is missing`;
  try {
    const stored = readState(disk, `${dataDir}/meta`);
    if (stored !== null && (!hasLog || stored.position >= oldest)) {
      return stored;
    }
    if (stored !== null) {
      why = `${path} is as of log position ${stored.position}, and the log begins at ${oldest}`;
    }
  } catch (error) {
    if (!isRingMQError(error) || error.code !== 'LOG_CORRUPT' || oldest > 0) {
      throw error;
    }
    why = error.message;
  }
  if (oldest > 0) {
    throw new RingMQError(
      'LOG_CORRUPT',
      `${why}: topics, groups and offsets cannot be told; bring meta/ back from a copy`,
      { details: { file: path, position: 0 } },
    );
  }
  if (checkpoint !== null) {
    warn(`${why}: topics, groups and offsets are made again from the log, which is there from its beginning`);
  }
  return null;
}

function recoverData(
  options: DataOptions,
  dataDir: string,
  disk: Disk,
  stored: Stored,
  warn: (what: string) => void,
): OpenData {
  const state = stored.state?.state ?? new MetaState();
  const catalog = new TopicCatalog(state, { maxQueues: options.maxQueues, now: Date.now });
  const table = new QueueTable(
    createQueueTableMemory({ maxQueues: options.maxQueues, maxSeats: options.maxThreads }),
  );
  const replay = new ControlReplay({
    state,
    catalog,
    openQueues: (topic, from) => openSlots(table, topic, from),
    closeQueues: (topic) => {
      for (const slot of topic.slots) {
        table.close(slot);
      }
      catalog.freeSlots(topic);
    },
  });
  for (const topic of catalog.list()) {
    replay.open(topic);
  }
  const files = new IndexFiles({ disk, dir: `${dataDir}/queues` });
  // Before it begins: it may take minutes.
  const tellRebuild = (hasCheckpoint: boolean): void => {
    const { segmentBytes } = stored.node;
    const bytes = listSegments(disk, `${dataDir}/log`, segmentBytes).length * segmentBytes;
    if (bytes > 0 && (hasCheckpoint || bytes > QUICKLY_READ_BYTES + 2 * segmentBytes)) {
      warn(
        `the queue index is missing or damaged and is made again from the log: up to ${Math.ceil(bytes / 2 ** 20)} MiB are read before the broker serves`,
      );
    }
  };
  try {
    const tables = recoverTables(options, dataDir, disk, stored, table, files, replay, tellRebuild);
    if (replay.warning !== null) {
      warn(replay.warning);
    }
    // Before anything is stamped. `meta/` may be an older copy; and a whole log is read without its
    // checkpoint's epoch.
    const { checkpoint, node } = stored;
    const known = Math.max(node.epoch, state.epochs.last, tables.recovery.lastEpoch, checkpoint?.epoch ?? 0);
    // A slave begins no term.
    const isLed = options.controller !== undefined;
    const role = options.mustFollow === true || isLed ? 'slave' : roleOf(node, options.role, warn);
    const asSlave = isLed ? node : { ...node, ownFrom: NEVER_OWN, isLed, slaves: [] };
    const opened = role === 'slave' ? asSlave : { ...asMaster(node, known + 1), isLed };
    if (role === 'master') {
      continueQueues(state, catalog, table);
    }
    beginQueues(state, catalog, table);
    const { startPosition, endPosition } = tables.recovery;
    if (stored.isRebuild || (stored.state?.position ?? 0) > endPosition) {
      // Of a repaired log the state has all now. Else the log's end is lost: what is said from here on must
      // not count as what the state has already.
      writeState(disk, `${dataDir}/meta`, encodeState(state.records(), endPosition));
    }
    writeNode(disk, `${dataDir}/meta`, opened);
    if (stored.isRebuild) {
      endRebuild(disk, dataDir);
    }
    const stated = knownCommitted(disk, `${dataDir}/log`, startPosition, endPosition);
    const inherited = inheritedBelow(opened, state.epochs, options.minInSync, endPosition);
    const committed = Math.max(stated, inherited);
    return { node: opened, role, state, catalog, table, committed, ...tables };
  } finally {
    files.close();
  }
}

/**
 * A directory that was promoted is a master's, and one that has followed a master a slave's, whatever is
 * asked for: a node that is started again as it was at first must not take a set over, nor leave it without a
 * master. What is asked for decides of the others.
 */
function roleOf(
  { ownFrom }: NodeFacts,
  asked: 'master' | 'slave',
  warn: (what: string) => void,
): 'master' | 'slave' {
  const role = ownFrom === 0 ? asked : ownFrom === NEVER_OWN ? 'slave' : 'master';
  if (role !== asked) {
    warn(
      role === 'slave'
        ? 'this directory is a slave: it has followed a master since; promote it to make it the master'
        : 'this directory is a master: it was promoted; a later master makes it a slave again',
    );
  }
  return role;
}

/**
 * Queues that the log shows no batch of go on where they ended. Of a master, before it appends: a slave's log
 * may still have to come there.
 */
export function continueQueues(state: MetaState, catalog: TopicCatalog, table: QueueTable): void {
  for (const { topicId, slots, memory } of catalog.list()) {
    for (const [queueId, slot] of memory ? [] : slots.entries()) {
      table.beginAt(slot, state.ends.get(topicId, queueId));
    }
  }
}

/** The directory's next term as a master. */
export function asMaster(node: NodeFacts, epoch: number): NodeFacts {
  return { ...node, epoch, ownFrom: node.ownFrom === NEVER_OWN ? epoch : node.ownFrom };
}

/** Makes the tables, and the state, what the checkpoint and the log behind it say. */
function recoverTables(
  options: Pick<ResolvedEngineOptions, 'maxProducers'>,
  dataDir: string,
  disk: Disk,
  { node, checkpoint, state, isRebuild }: Stored,
  table: QueueTable,
  files: IndexFiles,
  replay: ControlReplay,
  tellRebuild: (hasCheckpoint: boolean) => void,
): Pick<OpenData, 'producers' | 'recovery' | 'rebuilt' | 'readAgain'> {
  const producers = createProducerMemory(options.maxProducers);
  const stage = replayStage(node, table, files, producers);
  const bytes = readWholeFile(disk, `${dataDir}/${TABLES_FILE}`, MAX_TABLES_BYTES);
  const restored =
    state !== null && checkpoint !== null && bytes !== undefined && stage.restoreTables(bytes) !== null;
  if (!restored) {
    tellRebuild(checkpoint !== null);
    files.deleteAll();
  }
  const place = state?.position ?? 0;
  const again = isRebuild && state !== null ? replay.applyAgain(place) : null;
  const known = isRebuild ? 0 : place;
  const visit: BatchVisitor = (header, position, bodyIsDamaged, control) => {
    again?.reaches(position);
    if (control === null) {
      // First: a queue may be known by its messages alone.
      replay.sees(header);
    }
    stage.replay(header, position);
    if (control === null) {
      return;
    }
    if (position >= known) {
      if (bodyIsDamaged && position < place) {
        // What the snapshot has is not missing.
        again?.isDamaged(position);
      } else if (bodyIsDamaged) {
        replay.isDamaged(position);
      } else {
        replay.apply(header, position, control);
      }
    }
  };
  const { segmentBytes, spanBytes } = node;
  const from = restored ? notAbove(checkpoint, known) : wholeLog(disk, node, dataDir, checkpoint);
  const { start, ownFrom } = node;
  const how = { segmentBytes, spanBytes, checkpoint: from, start, trustFrom: ownFrom };
  const onLost = ({ position }: Damage): void => again?.isDamaged(position);
  const recovery = recoverLog(disk, `${dataDir}/log`, { ...how, onLost }, visit);
  again?.reaches(Number.POSITIVE_INFINITY);
  // Control batches below the state's place are passed over.
  const isAsFound = !isRebuild && place <= (recovery.damage[0]?.position ?? 0);
  const readAgain = isAsFound ? (from?.position ?? recovery.startPosition) : null;
  return { producers, recovery, rebuilt: !restored, readAgain };
}

/** Where the log is read from: not behind the state's place, which lies before the checkpoint's when `meta/` is back from an older copy. */
function notAbove(checkpoint: Checkpoint, position: number): Checkpoint {
  return position >= checkpoint.position ? checkpoint : { ...checkpoint, position, epoch: 0 };
}

/** Everything is read again, but what the checkpoint said to be flushed still is: what is bad there is damage. */
function wholeLog(
  disk: Disk,
  { segmentBytes, start }: NodeFacts,
  dataDir: string,
  checkpoint: Checkpoint | null,
): Checkpoint | null {
  if (checkpoint === null) {
    return null;
  }
  const first = logStart(listSegments(disk, `${dataDir}/log`, segmentBytes)[0], start);
  return { ...checkpoint, position: Math.min(first, checkpoint.position), epoch: 0 };
}

/** The index stage for replaying only. It wants a ring and never touches it. */
function replayStage(
  { spanBytes, epoch }: NodeFacts,
  table: QueueTable,
  files: IndexFiles,
  producers: SharedArrayBuffer,
): IndexStage {
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
    term: masterTerm(epoch),
    policy: 'sync',
  });
}
