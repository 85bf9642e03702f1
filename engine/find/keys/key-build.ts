/** A piece of work on the key index: what is of no use goes, a stretch of log is added, or parts are put together. */

import { recordsFault } from '../../../native-free/batch/record-check.js';
import { crc32 } from '../../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_ATTRIBUTE,
  BATCH_HEADER_BYTES,
  readUint16,
  readUint32,
} from '../../../native-free/wire/batch-layout.js';
import { type Disk, diskErrorCode, removeIfThere } from '../../disk/disk.js';
import type { OpenedDir } from '../../disk/opened-dir.js';
import type { LogReader } from '../../log/index.js';
import { BROKER_WORD } from '../../term/shared-words.js';
import { KeyEntries } from './key-entries.js';
import { KeyFile, writeKeyFile } from './key-file.js';
import { addTopic, emptyTopics, HAS_HOLES, parseKeyFileName } from './key-file-layout.js';
import { LogWalk } from './log-walk.js';

/** Of log, in one piece of work. */
const STRETCH_BYTES = 64 * 1024 * 1024;
/** Entries of one file: 64 MiB while they are sorted. */
const MAX_ENTRIES = 8 * 1024 * 1024;

/** Plain data, so that a job on another thread can take it. */
export interface KeyJob {
  readonly dir: OpenedDir;
  readonly segmentBytes: number;
  readonly spanBytes: number;
  /** Where the log begins. */
  readonly start: number;
  /** Up to here it is in files, and may be read. */
  readonly end: number;
  /** From here on no batch has keys; null: nobody knows. */
  readonly keylessFrom: number | null;
  /** Files are looked at whether they are of this log: once in an opening. */
  readonly verifies: boolean;
  /** The broker is being closed: work ends unfinished. */
  readonly brokerWords: SharedArrayBuffer;
  /** So much has to be free on the disk for a file to be written. */
  readonly minFreeBytes: number;
}

export interface KeyProgress {
  /** All of the log from its start up to here is indexed. */
  readonly indexedTo: number;
  /** There is more to do at once. */
  readonly hasMore: boolean;
  /** What was added lacks something that could not be read. */
  readonly hasHoles: boolean;
}

interface Part {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

function isClosing({ brokerWords }: KeyJob): boolean {
  return Atomics.load(new Int32Array(brokerWords), BROKER_WORD.closing) !== 0;
}

/** @throws disk errors */
export function workOnKeys(job: KeyJob, disk: Disk, log: LogReader): KeyProgress {
  const dir = `${job.dir.path}/index`;
  disk.mkdir(dir);
  const parts = usefulParts(job, disk, dir, log);
  const from = coveredTo(parts, job.start);
  if (disk.space(dir).free < job.minFreeBytes) {
    return { indexedTo: from, hasMore: false, hasHoles: false };
  }
  const limit = parts.find((part) => part.from >= from)?.from ?? Number.POSITIVE_INFINITY;
  const segmentEnd = from - (from % job.segmentBytes) + job.segmentBytes;
  const to = Math.min(job.end, limit, segmentEnd);
  if (from < to) {
    // The rest, and then parts of a segment that has become whole.
    return { ...addStretch(job, disk, dir, log, from, to), hasMore: true };
  }
  return { indexedTo: from, hasMore: putTogether(job, disk, dir, log, parts), hasHoles: false };
}

/** Where the parts, which are sorted, first leave something out. */
export function coveredTo(parts: readonly { from: number; to: number }[], start: number): number {
  let to = start;
  for (const part of parts) {
    if (part.from > to) {
      break;
    }
    to = Math.max(to, part.to);
  }
  return to;
}

/** The files that count, sorted. What is left of others is removed. */
function usefulParts(job: KeyJob, disk: Disk, dir: string, log: LogReader): Part[] {
  const parts: Part[] = [];
  for (const name of disk.readdir(dir)) {
    const range = parseKeyFileName(name);
    if (range === undefined) {
      if (name.endsWith('.keys.new')) {
        removeIfThere(disk, `${dir}/${name}`);
      }
    } else if (range.to <= job.start || range.to > job.end) {
      removeIfThere(disk, `${dir}/${name}`);
    } else if (!job.verifies || isSound(disk, dir, name, log)) {
      parts.push({ name, ...range });
    } else {
      removeIfThere(disk, `${dir}/${name}`);
    }
  }
  parts.sort((a, b) => a.from - b.from || b.to - a.to);
  const kept: Part[] = [];
  for (const part of parts) {
    // One of which another has all: a crash came between putting together and removing.
    if (part.to <= (kept.at(-1)?.to ?? -1)) {
      removeIfThere(disk, `${dir}/${part.name}`);
    } else {
      kept.push(part);
    }
  }
  return kept;
}

/** One with holes is made again: the log may have been repaired. */
function isSound(disk: Disk, dir: string, name: string, log: LogReader): boolean {
  const file = openPart(disk, dir, name, log);
  return file !== null && (file.facts.flags & HAS_HOLES) === 0;
}

function openPart(disk: Disk, dir: string, name: string, log: LogReader): KeyFile | null {
  try {
    return KeyFile.open(disk, dir, name, log);
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT' || diskErrorCode(error) === 'EIO') {
      return null;
    }
    throw error;
  }
}

/** The new part ends at a batch's end, at `to` at the latest. */
function addStretch(
  job: KeyJob,
  disk: Disk,
  dir: string,
  log: LogReader,
  from: number,
  to: number,
): Omit<KeyProgress, 'hasMore'> {
  const entries = new KeyEntries();
  const topics = emptyTopics();
  const keyless = job.keylessFrom !== null && job.keylessFrom <= from;
  // Of a stretch without keys only the last batch is looked for, by which the log is known again.
  const begin = keyless ? Math.max(from, to - 1 - ((to - 1) % job.spanBytes)) : from;
  const walk = new LogWalk(log, job.spanBytes, begin, to);
  let lastPosition = -1;
  let lastCrc = 0;
  let hasHoles = false;
  while (walk.look()) {
    if (isClosing(job)) {
      return { indexedTo: from, hasHoles: false };
    }
    lastPosition = walk.position;
    lastCrc = readUint32(walk.bytes, walk.at + BATCH.headerCrc);
    const attributes = readUint16(walk.bytes, walk.at + BATCH.attributes);
    if (keyless || !walk.isMessages || (attributes & BATCH_ATTRIBUTE.keyless) !== 0) {
      walk.pass();
      continue;
    }
    const batch = walk.batch();
    if (batch === null || !isWhole(batch)) {
      hasHoles = true;
    } else if (entries.addBatch(batch, (walk.position - from) / 64)) {
      addTopic(topics, readUint32(batch, BATCH.topicId));
    }
    walk.step();
    if (walk.position - from >= STRETCH_BYTES || entries.count >= MAX_ENTRIES) {
      break;
    }
  }
  const end = walk.position;
  if (end < log.oldestPosition) {
    return { indexedTo: end, hasHoles: false }; // Retention was faster.
  }
  hasHoles ||= walk.hasHoles;
  const flags = hasHoles ? HAS_HOLES : 0;
  writeKeyFile(disk, dir, { from, to: end, flags, lastPosition, lastCrc, topics }, entries);
  return { indexedTo: end, hasHoles };
}

function isWhole(batch: Uint8Array): boolean {
  const count = readUint32(batch, BATCH.recordCount);
  return (
    crc32(batch, BATCH_HEADER_BYTES, batch.length) === readUint32(batch, BATCH.bodyCrc) &&
    recordsFault(batch, 0, batch.length, count) === 0
  );
}

/** Parts of one segment, which is whole, become one; so a search has few files to look into. True: there may be more to do. */
function putTogether(job: KeyJob, disk: Disk, dir: string, log: LogReader, parts: readonly Part[]): boolean {
  for (let first = 0; first < parts.length; ) {
    const base = (parts[first] as Part).from - ((parts[first] as Part).from % job.segmentBytes);
    let next = first;
    while (next < parts.length && (parts[next] as Part).from < base + job.segmentBytes) {
      next++;
    }
    const group = parts.slice(first, next);
    first = next;
    const isWholeSegment = group.at(-1)?.to === base + job.segmentBytes;
    if (group.length > 1 && isWholeSegment && mergeParts(job, disk, dir, log, group)) {
      return true;
    }
  }
  return false;
}

/** As many neighbours as fit into one file. False: none do. */
function mergeParts(job: KeyJob, disk: Disk, dir: string, log: LogReader, group: readonly Part[]): boolean {
  for (let first = 0; first < group.length - 1; first++) {
    const files: KeyFile[] = [];
    let count = 0;
    for (const part of group.slice(first)) {
      const file = openPart(disk, dir, part.name, log);
      if (file === null) {
        removeIfThere(disk, `${dir}/${part.name}`);
        return true;
      }
      if (count + file.facts.entries > MAX_ENTRIES) {
        break;
      }
      count += file.facts.entries;
      files.push(file);
    }
    if (files.length > 1) {
      writeMerged(job, disk, dir, files, group.slice(first, first + files.length));
      return true;
    }
  }
  return false;
}

function writeMerged(
  job: KeyJob,
  disk: Disk,
  dir: string,
  files: readonly KeyFile[],
  parts: readonly Part[],
): void {
  const from = (parts[0] as Part).from;
  const entries = new KeyEntries();
  const topics = emptyTopics();
  let flags = 0;
  for (const [i, file] of files.entries()) {
    if (isClosing(job)) {
      return;
    }
    if (!file.copyTo(entries, from)) {
      removeIfThere(disk, `${dir}/${(parts[i] as Part).name}`);
      return;
    }
    flags |= file.facts.flags;
    for (const [at, byte] of file.facts.topics.entries()) {
      topics[at] = (topics[at] as number) | byte;
    }
  }
  const { to, lastPosition, lastCrc } = (files.at(-1) as KeyFile).facts;
  writeKeyFile(disk, dir, { from, to, flags, lastPosition, lastCrc, topics }, entries);
  for (const { name } of parts) {
    removeIfThere(disk, `${dir}/${name}`);
  }
}
