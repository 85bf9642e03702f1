/**
 * Making a slave's directory what its master wants it to be, before it is opened: cutting off the end of a
 * log that is not the master's, or beginning with the master's state and the place where its log begins. What
 * is to be done is written down first, durably, and done again from the start after whatever ends it in the
 * middle:
 *
 *     rejoin         { kind, position, … } as JSON; removed last
 *     rejoin.state   the master's state, as meta/state has it
 *
 * Nothing is thrown away: the end of the log goes to `cut-<position>-<epoch>`, a log that is given up as a
 * whole to a folder of that name.
 */
import { RingMQError, SLOT_BYTES } from '../../native-free/wire/index.js';
import { type Disk, diskErrorCode, readWholeFile, removeIfThere, replaceFile } from '../disk/disk.js';
import {
  CHECKPOINT_FILE,
  FLUSHED_MARK,
  listSegments,
  readCheckpoint,
  segmentName,
  writeCheckpoint,
} from '../log/index.js';
import {
  decodeState,
  encodeState,
  NEVER_OWN,
  type NodeFacts,
  readNode,
  writeNode,
  writeState,
} from '../meta/index.js';

const REJOIN_FILE = 'rejoin';
const STATE_FILE = 'rejoin.state';
const MAX_REJOIN_BYTES = 4096;
const MAX_STATE_BYTES = 1024 ** 3;
const COPY_BYTES = 4 * 1024 * 1024;

/** What a directory is to become. */
export interface Rejoin {
  /** `cut`: the log ends at `position`. `anew`: there is none, and it begins there. */
  kind: 'cut' | 'anew';
  position: number;
  /** The master's, for the name of what is cut off. */
  epoch: number;
  /** Where the log ended. */
  end: number;
  /** Of the master's log. */
  brokerId: string;
  spanBytes: number;
}

/** Notes, durably, what is to be done at the next opening. `state`: a snapshot of the master's. Throws disk errors. */
export function writeRejoin(disk: Disk, dataDir: string, rejoin: Rejoin, state: Uint8Array): void {
  replaceFile(disk, dataDir, STATE_FILE, state);
  replaceFile(disk, dataDir, REJOIN_FILE, new TextEncoder().encode(JSON.stringify(rejoin)));
}

/** Does what is noted, if anything is. Returns it. @throws RingMQError LOG_CORRUPT, disk errors */
export function performRejoin(disk: Disk, dataDir: string, segmentBytes: number): Rejoin | null {
  const bytes = readWholeFile(disk, `${dataDir}/${REJOIN_FILE}`, MAX_REJOIN_BYTES);
  if (bytes === undefined) {
    // Left by an end right before the other was written, or right after it was removed.
    removeIfThere(disk, `${dataDir}/${STATE_FILE}`);
    return null;
  }
  const rejoin = JSON.parse(new TextDecoder().decode(bytes)) as Rejoin;
  const state = readWholeFile(disk, `${dataDir}/${STATE_FILE}`, MAX_STATE_BYTES);
  if (state === undefined) {
    throw new RingMQError(
      'LOG_CORRUPT',
      `${dataDir}/${STATE_FILE} is missing: delete ${REJOIN_FILE} beside it`,
    );
  }
  for (const name of ['meta', 'log', 'queues']) {
    disk.mkdir(`${dataDir}/${name}`);
  }
  const node = readNode(disk, `${dataDir}/meta`);
  if (rejoin.kind === 'cut' && node !== null) {
    cutLog(disk, dataDir, rejoin, node);
  } else {
    giveUpLog(disk, dataDir, rejoin);
    writeNode(disk, `${dataDir}/meta`, {
      brokerId: rejoin.brokerId,
      spanBytes: rejoin.spanBytes,
      segmentBytes: Math.max(segmentBytes, rejoin.spanBytes),
      createdTime: Date.now(),
      epoch: node?.epoch ?? 0,
      start: rejoin.position,
      ownFrom: NEVER_OWN,
      isLed: false,
      slaves: [],
      openings: [],
    });
  }
  // Newer than the log's end, perhaps: what comes of the log from there on ends in the same state.
  const records = decodeState(state, STATE_FILE).state.records();
  writeState(disk, `${dataDir}/meta`, encodeState(records, rejoin.position));
  removeIfThere(disk, `${dataDir}/${REJOIN_FILE}`);
  disk.fsyncDir(dataDir);
  removeIfThere(disk, `${dataDir}/${STATE_FILE}`);
  return rejoin;
}

function cutName({ position, epoch }: Rejoin): string {
  return `cut-${position}-${epoch}`;
}

function cutLog(disk: Disk, dataDir: string, rejoin: Rejoin, node: NodeFacts): void {
  keepTail(disk, dataDir, rejoin, node.segmentBytes);
  forgetDerived(disk, dataDir, rejoin.position);
  const dir = `${dataDir}/log`;
  const { position } = rejoin;
  for (const base of listSegments(disk, dir, node.segmentBytes).reverse()) {
    const path = `${dir}/${segmentName(base)}`;
    if (base >= position && base > 0) {
      removeIfThere(disk, path);
    } else if (base + node.segmentBytes > position) {
      // What stood there would look like batches of the log.
      const fd = disk.open(path, 'write');
      try {
        disk.truncate(fd, position - base);
        disk.truncate(fd, node.segmentBytes);
        disk.fdatasync(fd);
      } finally {
        disk.close(fd);
      }
    }
  }
  disk.fsyncDir(dir);
}

/** Copies what is cut off to a file of its own, durably; once. */
function keepTail(disk: Disk, dataDir: string, rejoin: Rejoin, segmentBytes: number): void {
  const { position, end } = rejoin;
  const name = cutName(rejoin);
  if (end <= position || disk.readdir(dataDir).includes(name)) {
    return;
  }
  const fresh = `${dataDir}/${name}.new`;
  removeIfThere(disk, fresh);
  const to = disk.create(fresh);
  const piece = new Uint8Array(COPY_BYTES);
  try {
    for (let at = position; at < end; ) {
      const base = at - (at % segmentBytes);
      const wanted = Math.min(COPY_BYTES, end - at, base + segmentBytes - at);
      const read = readAt(disk, `${dataDir}/log/${segmentName(base)}`, piece, wanted, at - base);
      piece.fill(0, read, wanted);
      disk.write(to, piece, 0, wanted, at - position);
      at += wanted;
    }
    disk.fdatasync(to);
  } finally {
    disk.close(to);
  }
  disk.rename(fresh, `${dataDir}/${name}`);
  disk.fsyncDir(dataDir);
}

function readAt(disk: Disk, path: string, target: Uint8Array, length: number, filePosition: number): number {
  let fd: number;
  try {
    fd = disk.open(path, 'read');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return 0;
    }
    throw error;
  }
  try {
    return disk.read(fd, target, 0, length, filePosition);
  } finally {
    disk.close(fd);
  }
}

/** What says that more was on the disk, or knows of batches behind the cut. */
function forgetDerived(disk: Disk, dataDir: string, position: number): void {
  removeIfThere(disk, `${dataDir}/log/${FLUSHED_MARK.file}`);
  disk.fsyncDir(`${dataDir}/log`);
  const checkpoint = readCheckpoint(disk, dataDir);
  if (checkpoint === null) {
    return;
  }
  if (checkpoint.position > position) {
    removeIfThere(disk, `${dataDir}/${CHECKPOINT_FILE}`);
    removeIfThere(disk, `${dataDir}/queues/tables`);
    disk.fsyncDir(dataDir);
  } else if (checkpoint.flushed > position) {
    writeCheckpoint(disk, dataDir, { ...checkpoint, flushed: position });
  }
}

/** The log as it is goes aside, if there is anything in it. */
function giveUpLog(disk: Disk, dataDir: string, rejoin: Rejoin): void {
  const name = cutName(rejoin);
  removeIfThere(disk, `${dataDir}/${CHECKPOINT_FILE}`);
  removeIfThere(disk, `${dataDir}/queues/tables`);
  const names = disk.readdir(`${dataDir}/log`);
  if (rejoin.end > 0 && names.length > 0 && !disk.readdir(dataDir).includes(name)) {
    disk.rename(`${dataDir}/log`, `${dataDir}/${name}`);
    disk.mkdir(`${dataDir}/log`);
  } else {
    for (const file of names) {
      removeIfThere(disk, `${dataDir}/log/${file}`);
    }
  }
  disk.fsyncDir(`${dataDir}/log`);
  disk.fsyncDir(dataDir);
}

/** The decision that a master's facts are, as what to do with a log that ends at `end`. */
export function rejoinOf(
  master: { begin: number; epoch: number; brokerId: string; spanBytes: number },
  own: { brokerId: string; start: number; end: number; isNew: boolean },
): Rejoin {
  const { begin: position, epoch, brokerId, spanBytes } = master;
  const isOurs = !own.isNew && brokerId === own.brokerId && position >= own.start && position <= own.end;
  if (position % SLOT_BYTES !== 0) {
    throw new RingMQError('BAD_FRAME', `a log cannot begin at ${position}`);
  }
  return { kind: isOurs ? 'cut' : 'anew', position, epoch, end: own.end, brokerId, spanBytes };
}
