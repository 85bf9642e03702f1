import { existsSync } from 'node:fs';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  isRingMQError,
  RingMQError,
  readUint32,
} from '../../native-free/wire/index.js';
import { lockOwner, NodeDisk, readWholeFile } from '../disk/index.js';
import { listSegments, MAX_DAMAGE_LISTED, readCheckpoint, segmentName, verifyDir } from '../log/index.js';
import { NODE_FILE, readNode, readState, recordsOf, STATE_FILE } from '../meta/index.js';
import { BLOCK_READ, IndexFiles } from '../queue/index-files.js';
import { isWholeSnapshot } from '../queue/table-snapshot.js';

const BLOCK_BYTES = 512;
const MAX_DERIVED_BYTES = 2 ** 31;
const NOTHING = {
  segments: 0,
  batches: 0,
  messages: 0,
  controlBatches: 0,
  bytes: 0,
  startPosition: 0,
  endPosition: 0,
};

/** One thing that is wrong in a data directory. */
export interface Finding {
  /** Relative to the data directory. */
  file: string;
  /** Log position in bytes for a segment, place in the file for others. */
  position: number;
  /** How far it reaches, as far as that can be told. */
  bytes: number;
  what: string;
  /** `damage`: data is gone or wrong. `derived`: made again from the log at the next start, once the file is deleted. */
  kind: 'damage' | 'derived';
}

/** What `ringmq log verify` found. */
export interface DataReport {
  segments: number;
  batches: number;
  messages: number;
  /** What the broker says between the messages: topics, groups, offsets. */
  controlBatches: number;
  bytes: number;
  startPosition: number;
  endPosition: number;
  /** Bytes behind the end of the log that were written and never flushed: an append that did not finish, no damage. */
  unfinished: boolean;
  findings: Finding[];
  /** Findings the list has no room for. */
  unlisted: number;
}

/**
 * Reads everything in a data directory and changes nothing.
 * @throws RingMQError BAD_ARGUMENT (no data directory), DATA_DIR_LOCKED (a broker is at work), disk errors
 */
export async function verifyData(dataDir: string): Promise<DataReport> {
  if (!existsSync(`${dataDir}/meta`)) {
    throw new RingMQError(
      'BAD_ARGUMENT',
      `${dataDir} is not a data directory: it has no meta/; name the one given to --data`,
    );
  }
  const owner = await lockOwner(dataDir);
  if (owner !== undefined) {
    throw new RingMQError(
      'DATA_DIR_LOCKED',
      `process ${owner} has the data directory ${dataDir}; stop it first`,
    );
  }
  const disk = new NodeDisk();
  const findings: Finding[] = [];
  const node = catchCorrupt(findings, dataDir, 'damage', () => readNode(disk, `${dataDir}/meta`)) ?? null;
  const checkpoint = catchCorrupt(findings, dataDir, 'derived', () => readCheckpoint(disk, dataDir)) ?? null;
  verifyIndex(disk, dataDir, Number(checkpoint?.derived['nextBlock'] ?? 0), findings);
  if (node === null) {
    // Without the identity nobody knows how the log was laid out.
    if (findings.length === 0 && hasLog(disk, dataDir)) {
      findings.push(missingNode());
    }
    return { ...NOTHING, unfinished: false, findings, unlisted: 0 };
  }
  const { segmentBytes, spanBytes, start, ownFrom } = node;
  const oldest = existsSync(`${dataDir}/log`) ? listSegments(disk, `${dataDir}/log`, segmentBytes)[0] : 0;
  // A log that is there from its beginning has all of the state.
  const kind = (oldest ?? 0) > 0 ? 'damage' : 'derived';
  const state = catchCorrupt(findings, dataDir, kind, () => readState(disk, `${dataDir}/meta`));
  if (state === null && (checkpoint !== null || kind === 'damage')) {
    findings.push({ file: `meta/${STATE_FILE}`, position: 0, bytes: 0, what: 'the file is missing', kind });
  }
  const unreadable: Finding[] = [];
  let unlisted = 0;
  const log = verifyDir(disk, `${dataDir}/log`, {
    segmentBytes,
    spanBytes,
    start,
    trustFrom: ownFrom,
    checkpoint,
    onControl: (header, position, bodyIsDamaged, control) => {
      const what = bodyIsDamaged ? null : whatIsWrong(header, control);
      if (what !== null && unreadable.length < MAX_DAMAGE_LISTED) {
        const file = `log/${segmentName(position - (position % segmentBytes))}`;
        unreadable.push({ file, position, bytes: BATCH_HEADER_BYTES + control.length, what, kind: 'damage' });
      } else if (what !== null) {
        unlisted++;
      }
    },
  });
  for (const { file, position, bytes, what } of log.damage) {
    findings.push({ file: `log/${file}`, position, bytes, what, kind: 'damage' });
  }
  findings.push(...unreadable);
  return {
    segments: log.segments,
    batches: log.batches,
    messages: log.records,
    controlBatches: log.controlBatches,
    bytes: log.bytes,
    startPosition: log.startPosition,
    endPosition: log.endPosition,
    unfinished: hasBytesAt(disk, dataDir, log.endPosition, segmentBytes),
    findings,
    unlisted: log.unlistedDamage + unlisted,
  };
}

/** A directory that never got beyond being made has an empty meta/ too. */
function hasLog(disk: NodeDisk, dataDir: string): boolean {
  return existsSync(`${dataDir}/log`) && disk.readdir(`${dataDir}/log`).some((name) => name.endsWith('.seg'));
}

function missingNode(): Finding {
  const what = 'the file is missing, and with it whose the log is and how it is laid out';
  return { file: `meta/${NODE_FILE}`, position: 0, bytes: 0, what, kind: 'damage' };
}

/** Why the records of a control batch with the right checksums cannot be applied; null: they can. */
function whatIsWrong(header: Uint8Array, body: Uint8Array): string | null {
  try {
    recordsOf(header, body);
    return null;
  } catch (error) {
    const count = readUint32(header, BATCH.recordCount);
    return `a control batch of ${count} records: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A file that says of itself that it is damaged is a finding; the rest is looked at all the same. */
function catchCorrupt<T>(
  findings: Finding[],
  dataDir: string,
  kind: Finding['kind'],
  read: () => T,
): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isRingMQError(error) || error.code !== 'LOG_CORRUPT') {
      throw error;
    }
    const { file, position } = error.details;
    findings.push({
      file: String(file ?? 'meta').replace(`${dataDir}/`, ''),
      position: typeof position === 'number' ? position : 0,
      bytes: 0,
      what: error.message,
      kind,
    });
    return undefined;
  }
}

/** Index blocks below `nextBlock` are what the checkpoint counts on. */
function verifyIndex(disk: NodeDisk, dataDir: string, nextBlock: number, findings: Finding[]): void {
  const dir = `${dataDir}/queues`;
  if (!existsSync(dir)) {
    return;
  }
  const first = disk
    .readdir(dir)
    .filter((name) => /^[0-9a-f]{16}\.idx$/.test(name))
    .map((name) => Number.parseInt(name, 16))
    .sort((a, b) => a - b)[0];
  const tables = readWholeFile(disk, `${dir}/tables`, MAX_DERIVED_BYTES);
  if (tables === undefined ? nextBlock > 0 : !isWholeSnapshot(tables)) {
    findings.push({
      file: 'queues/tables',
      position: 0,
      bytes: tables?.length ?? 0,
      what: tables === undefined ? 'the file is missing' : 'the file is damaged',
      kind: 'derived',
    });
  }
  const files = new IndexFiles({ disk, dir });
  try {
    for (let id = Math.max(1, first ?? 1); id < nextBlock; id++) {
      const outcome = files.read(id);
      if (outcome === BLOCK_READ.ok) {
        continue;
      }
      const file = files.pathOf(id).replace(`${dataDir}/`, '');
      const gone = outcome === BLOCK_READ.gone;
      if (gone && findings.at(-1)?.file === file) {
        continue;
      }
      const what = gone ? 'the file is missing' : `index block ${id} is damaged`;
      findings.push({
        file,
        position: gone ? 0 : (id * BLOCK_BYTES) % 2 ** 26,
        bytes: BLOCK_BYTES,
        what,
        kind: 'derived',
      });
    }
  } finally {
    files.close();
  }
}

/** Whether anything but zeroes begins at a log position. */
function hasBytesAt(disk: NodeDisk, dataDir: string, position: number, segmentBytes: number): boolean {
  const base = position - (position % segmentBytes);
  const path = `${dataDir}/log/${segmentName(base)}`;
  if (!existsSync(path)) {
    return false;
  }
  const fd = disk.open(path, 'read');
  try {
    const bytes = new Uint8Array(64);
    const read = disk.read(fd, bytes, 0, bytes.length, position - base);
    return bytes.subarray(0, read).some((byte) => byte !== 0);
  } finally {
    disk.close(fd);
  }
}
