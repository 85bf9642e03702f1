/** What lies where in a data directory that no broker has open, and ways to harm it. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { NodeDisk } from '../../engine/disk/index.js';
import { recoverLog, segmentName } from '../../engine/log/index.js';
import { BATCH, readUint32, readUint64 } from '../../native-free/wire/index.js';
import { SMALL } from './small-broker.js';

export interface StoredBatch {
  topicId: number;
  queueId: number;
  baseOffset: number;
  count: number;
  position: number;
  length: number;
}

/** All batches of the log, and where it ends. */
export function mapLog(
  dataDir: string,
  segmentBytes: number = SMALL.segmentBytes,
): { batches: StoredBatch[]; end: number } {
  const batches: StoredBatch[] = [];
  const options = { spanBytes: SMALL.spanBytes, segmentBytes, checkpoint: null };
  const { endPosition } = recoverLog(new NodeDisk(), `${dataDir}/log`, options, (header, position) => {
    batches.push({
      topicId: readUint32(header, BATCH.topicId),
      queueId: readUint32(header, BATCH.queueId),
      baseOffset: readUint64(header, BATCH.baseOffset),
      count: readUint32(header, BATCH.recordCount),
      position,
      length: readUint32(header, BATCH.length),
    });
  });
  return { batches, end: endPosition };
}

/** The segment file that has a log position. */
export function segmentOf(dataDir: string, position: number): string {
  return `${dataDir}/log/${segmentName(position - (position % SMALL.segmentBytes))}`;
}

export function readLog(dataDir: string, position: number, length: number): Uint8Array {
  const fd = openSync(segmentOf(dataDir, position), 'r');
  const bytes = new Uint8Array(length);
  readSync(fd, bytes, 0, length, position % SMALL.segmentBytes);
  closeSync(fd);
  return bytes;
}

export function writeLog(dataDir: string, position: number, bytes: Uint8Array): void {
  const fd = openSync(segmentOf(dataDir, position), 'r+');
  writeSync(fd, bytes, 0, bytes.length, position % SMALL.segmentBytes);
  closeSync(fd);
}

export function flipBit(dataDir: string, position: number): void {
  const [byte] = readLog(dataDir, position, 1);
  writeLog(dataDir, position, Uint8Array.of((byte as number) ^ 4));
}

/** Flips a bit in the middle of a file. */
export function garble(path: string, at = -1): void {
  const bytes = readFileSync(path);
  const place = at < 0 ? bytes.length >> 1 : at;
  bytes[place] = (bytes[place] as number) ^ 4;
  writeFileSync(path, bytes);
}

/** Paths of the index files. */
export function indexFiles(dataDir: string): string[] {
  return readdirSync(`${dataDir}/queues`)
    .filter((name) => name.endsWith('.idx'))
    .map((name) => `${dataDir}/queues/${name}`);
}
