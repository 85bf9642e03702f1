/**
 * Reads `meta/` at open: the snapshot, then the log behind it. A snapshot was renamed into place when it was whole, so
 * whatever is wrong with one is damage. A log may end in the middle of a write; what is behind its last
 * good frame is dropped, unless a mark shows that it had been on disk.
 */
import { RingMQError } from '../../native-free/wire/index.js';
import { type Disk, diskErrorCode, readWholeFile } from '../disk/disk.js';
import {
  decodeFrame,
  frameBytesAt,
  type LogHeader,
  META_FORMAT,
  type MetaFrame,
  type SnapshotHeader,
  wasSyncedBeyond,
} from './meta-file-layout.js';
import type { MetaState } from './meta-state.js';

export const SNAPSHOT_NAME = 'snapshot';
/** Far above what the limits on topics, groups and queues allow; a larger file is not one of ours. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
const LOG_NAME_PATTERN = /^[0-9a-f]{16}\.log$/;

/** Name of log number `log`: 16 hexadecimal digits. */
export function logName(log: number): string {
  return `${log.toString(16).padStart(16, '0')}.log`;
}

/** Names of the logs in a directory. */
export function logNames(disk: Disk, dir: string): string[] {
  return disk.readdir(dir).filter((name) => LOG_NAME_PATTERN.test(name));
}

/**
 * Applies all that is stored to `state`.
 * @returns the number of the log that was read, or null if there is nothing stored yet.
 * @throws RingMQError LOG_CORRUPT naming file and position.
 */
export function readMeta(disk: Disk, dir: string, state: MetaState): number | null {
  const path = `${dir}/${SNAPSHOT_NAME}`;
  const bytes = readWholeFile(disk, path, MAX_FILE_BYTES);
  if (bytes === undefined) {
    refuseRecordsWithoutSnapshot(disk, dir);
    return null;
  }
  const log = readSnapshot(bytes, path, state);
  readLog(disk, `${dir}/${logName(log)}`, log, state);
  return log;
}

function readSnapshot(bytes: Uint8Array, path: string, state: MetaState): number {
  let log = 0;
  let records = -1;
  let at = 0;
  let ended = false;
  while (at < bytes.length && !ended) {
    const frameBytes = frameBytesAt(bytes, at);
    if (frameBytes === 0) {
      throw corrupt(path, at, 'the snapshot has a damaged record');
    }
    const frame = decodeFrame(bytes, at, frameBytes);
    if (records < 0) {
      log = checkHeader(frame, 'snapshot', path).log;
    } else if (frame.type === 'end') {
      if (frame.records !== records) {
        throw corrupt(path, at, `the snapshot has ${records} records and should have ${frame.records}`);
      }
      ended = true;
    } else {
      applyTo(state, frame, path, at);
    }
    records++;
    at += frameBytes;
  }
  if (!ended || at !== bytes.length || state.identity === null) {
    throw corrupt(path, at, 'the snapshot is cut short or has more behind its end');
  }
  return log;
}

function readLog(disk: Disk, path: string, log: number, state: MetaState): void {
  const bytes = readWholeFile(disk, path, MAX_FILE_BYTES);
  if (bytes === undefined) {
    throw corrupt(path, 0, 'the log behind the snapshot is missing');
  }
  let at = 0;
  while (at < bytes.length || at === 0) {
    const frameBytes = frameBytesAt(bytes, at);
    if (frameBytes === 0) {
      // The header was on disk before the snapshot named this log, so it cannot be torn.
      if (at === 0 || wasSyncedBeyond(bytes, at)) {
        throw corrupt(path, at, 'the log has a damaged record that was on disk before');
      }
      return;
    }
    const frame = decodeFrame(bytes, at, frameBytes);
    if (at === 0) {
      if (checkHeader(frame, 'log', path).log !== log) {
        throw corrupt(path, at, `this is not log ${log}`);
      }
    } else if (frame.type !== 'synced') {
      applyTo(state, frame, path, at);
    }
    at += frameBytes;
  }
}

/** The first open makes a log before the snapshot, and may be cut off there; a log with records is another matter. */
function refuseRecordsWithoutSnapshot(disk: Disk, dir: string): void {
  for (const name of logNames(disk, dir)) {
    const path = `${dir}/${name}`;
    const bytes = readWholeFile(disk, path, MAX_FILE_BYTES) ?? new Uint8Array(0);
    const headerBytes = frameBytesAt(bytes, 0);
    if (headerBytes > 0 && frameBytesAt(bytes, headerBytes) > 0) {
      throw corrupt(`${dir}/${SNAPSHOT_NAME}`, 0, `the snapshot is missing, and ${name} has records`);
    }
  }
}

function checkHeader(frame: MetaFrame, type: 'snapshot' | 'log', path: string): SnapshotHeader | LogHeader {
  if ((frame.type !== 'snapshot' && frame.type !== 'log') || frame.type !== type) {
    throw corrupt(path, 0, `this is not a ${type} of meta`);
  }
  if (frame.format !== META_FORMAT) {
    throw new RingMQError(
      'NOT_SUPPORTED',
      `${path} has format ${frame.format}; this version reads format ${META_FORMAT}`,
      { details: { file: path, value: frame.format, limit: META_FORMAT } },
    );
  }
  return frame;
}

function applyTo(state: MetaState, frame: MetaFrame, path: string, at: number): void {
  try {
    if (
      frame.type === 'snapshot' ||
      frame.type === 'log' ||
      frame.type === 'end' ||
      frame.type === 'synced'
    ) {
      throw new RingMQError('LOG_CORRUPT', `a '${frame.type}' does not belong here`);
    }
    state.apply(frame);
  } catch (error) {
    throw corrupt(path, at, error instanceof Error ? error.message : String(error));
  }
}

function corrupt(path: string, position: number, what: string): RingMQError {
  return new RingMQError('LOG_CORRUPT', `${path}, at byte ${position}: ${what}`, {
    details: { file: path, position },
  });
}

/** A disk's error as ours; anything that is not one is thrown on as it is. */
export function asDiskError(error: unknown, doing: string): RingMQError {
  const code = diskErrorCode(error);
  if (code === undefined) {
    throw error;
  }
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new RingMQError(full ? 'DISK_FULL' : 'DISK_FAILED', `${doing}: ${(error as Error).message}`, {
    cause: error,
    details: { errno: code },
  });
}
