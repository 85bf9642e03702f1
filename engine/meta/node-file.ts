/** `meta/node`: what belongs to this data directory and not to what is in its log. One frame with one map; replaced as a whole. */
import { isPosition, RingMQError, SLOT_BYTES } from '../../native-free/wire/index.js';
import { type Disk, readWholeFile, replaceFile } from '../disk/disk.js';
import { corruptFile, FRAME_HEADER_BYTES, mapFrame, payloadAt, unknownFormat, unpackMap } from './frames.js';

export const NODE_FILE = 'node';
const NODE_FORMAT = 1;
const MAX_NODE_BYTES = 4096;
export const MAX_NODE_SLAVES = 8;
export const MAX_NODE_OPENINGS = 32;

/** {@link NodeFacts.ownFrom} of a slave. */
export const NEVER_OWN = 0xffffffff;

export interface NodeFacts {
  /** Who the log is: 16 hexadecimal digits, made once. */
  readonly brokerId: string;
  /** What the log was laid out with. */
  readonly spanBytes: number;
  readonly segmentBytes: number;
  /** Milliseconds since 1970. */
  readonly createdTime: number;
  /** The highest that this directory was opened as master with; 0: never was. */
  readonly epoch: number;
  /** First log position it ever had: of a slave that began with its master's oldest segment, else 0. */
  readonly start: number;
  /**
   * From this epoch on this directory was the master's. What earlier batches say of the disk is another one's
   * disk. 0: always was; the highest there is: a slave's, it is not one now.
   */
  readonly ownFrom: number;
  /**
   * A controller has said who is the master of this log's set. If it knows nothing of that any more, this
   * directory does not begin the set again by itself.
   */
  readonly isLed: boolean;
  /** Of a master: the slaves that have followed it in this opening of the directory or the one before, {@link MAX_NODE_SLAVES} at most. */
  readonly slaves: readonly string[];
  /**
   * With a controller: the openings of this directory in which it led its set or followed its master, oldest first, the last
   * {@link MAX_NODE_OPENINGS}. A copy of it does not have those that came after it was made.
   */
  readonly openings: readonly string[];
}

/**
 * What is stored in `dir`; null when there is nothing yet.
 * @throws RingMQError LOG_CORRUPT; NOT_SUPPORTED for a directory of a version that is gone, or is to come;
 * disk errors
 */
export function readNode(disk: Disk, dir: string): NodeFacts | null {
  const path = `${dir}/${NODE_FILE}`;
  const bytes = readWholeFile(disk, path, MAX_NODE_BYTES);
  if (bytes === undefined) {
    refuseOldFormat(disk, dir);
    return null;
  }
  const payload = payloadAt(bytes, 0);
  if (payload === null || payload.length + FRAME_HEADER_BYTES !== bytes.length) {
    throw corruptFile(path, 0, 'the file is damaged; bring it back from a copy');
  }
  const {
    type,
    format,
    brokerId,
    spanBytes,
    segmentBytes,
    createdTime,
    epoch,
    start = 0,
    ownFrom = 0,
    isLed = false,
    slaves = [],
    openings = [],
  } = unpackMap(payload);
  if (type === 'node' && format !== NODE_FORMAT) {
    throw unknownFormat(path, format, NODE_FORMAT);
  }
  const facts = {
    ...{ brokerId, spanBytes, segmentBytes, createdTime, epoch, start, ownFrom, isLed, slaves, openings },
  } as NodeFacts;
  if (type !== 'node' || !isSound(facts)) {
    throw corruptFile(path, 0, 'this is not who a broker is');
  }
  return facts;
}

/** Replaces what is stored, durably. Throws disk errors. */
export function writeNode(disk: Disk, dir: string, facts: NodeFacts): void {
  replaceFile(disk, dir, NODE_FILE, mapFrame({ type: 'node', format: NODE_FORMAT, ...facts }));
}

function isSound({
  brokerId,
  spanBytes,
  segmentBytes,
  createdTime,
  epoch,
  start,
  ownFrom,
  isLed,
  slaves,
  openings,
}: NodeFacts): boolean {
  return (
    typeof brokerId === 'string' &&
    /^[0-9a-f]{16}$/.test(brokerId) &&
    isSize(spanBytes) &&
    isSize(segmentBytes) &&
    segmentBytes >= spanBytes &&
    Number.isSafeInteger(createdTime) &&
    Number.isInteger(epoch) &&
    epoch >= 0 &&
    epoch <= 0xffffffff &&
    isPosition(start) &&
    Number.isInteger(ownFrom) &&
    ownFrom >= 0 &&
    ownFrom <= NEVER_OWN &&
    typeof isLed === 'boolean' &&
    Array.isArray(slaves) &&
    slaves.length <= MAX_NODE_SLAVES &&
    slaves.every((name) => typeof name === 'string') &&
    Array.isArray(openings) &&
    openings.length <= MAX_NODE_OPENINGS &&
    openings.every((opening) => typeof opening === 'string' && /^[0-9a-f]{16}$/.test(opening))
  );
}

/** A power of two that slots fit in. */
function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= SLOT_BYTES && Number.isInteger(Math.log2(value));
}

function refuseOldFormat(disk: Disk, dir: string): void {
  const isOld = (name: string): boolean => name === 'snapshot' || /^[0-9a-f]{16}\.log$/.test(name);
  if (disk.readdir(dir).some(isOld)) {
    throw new RingMQError(
      'NOT_SUPPORTED',
      `${dir} was written before topics and offsets were kept in the log, which no released version did; begin anew in another directory`,
      { details: { file: dir } },
    );
  }
}
