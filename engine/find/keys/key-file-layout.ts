/**
 * One part of the key index: which batches of a stretch of log have messages with which keys. Little-endian.
 *
 *     page 0    the header
 *     page 1 …  entries, sorted by hash; a hash's page follows from the hash alone
 *
 * Header (4,096 bytes, zero where nothing is named):
 *
 *        0         4        8        12       16       24       32         36        40       44       48           56
 *        ┌─────────┬────────┬────────┬────────┬────────┬────────┬──────────┬─────────┬────────┬────────┬────────────┬────────┐
 *      0 │ "RMQI"  │version │ crc    │ flags  │ from   │ to     │ entries  │ buckets │ pages  │ zero   │ last batch │last crc│
 *        └─────────┴────────┴────────┴────────┴────────┴────────┴──────────┴─────────┴────────┴────────┴────────────┴────────┘
 *     64   topics: 2,048 bits
 *
 * A page of entries:
 *
 *        0       4       6      8        12     16
 *        ┌───────┬───────┬──────┬────────┬──────┬─────────────────────────────┐
 *        │ crc   │ count │ zero │ number │ zero │ 510 × { slot u32, hash u32 } │
 *        └───────┴───────┴──────┴────────┴──────┴─────────────────────────────┘
 *
 * An entry's page is ⌊hash × buckets / 2³²⌋ + 1, or, where that page is full, one of those right behind it: who
 * looks for a hash reads on behind a full page. `slot` is where the batch lies, in units of 64 bytes from `from`
 * on.
 */
import { crc32 } from 'node:zlib';
import { readUint16, readUint32, writeUint16, writeUint32 } from '../../../native-free/wire/batch-layout.js';

export const PAGE_BYTES = 4096;
export const ENTRIES_AT = 16;
export const ENTRY_BYTES = 8;
export const PAGE_ENTRIES = (PAGE_BYTES - ENTRIES_AT) / ENTRY_BYTES;
/** Entries a page has on average: the rest is room, so that few pages are full. */
const FILLED = 440;
const MAGIC = 0x49514d52;
const VERSION = 1;
const TOPICS_AT = 64;
const TOPIC_BITS = 2_048;

const HEADER = {
  magic: 0,
  version: 4,
  crc: 8,
  flags: 12,
  from: 16,
  to: 24,
  entries: 32,
  buckets: 36,
  pages: 40,
};
const LAST = { position: 48, crc: 56 };
const PAGE = { crc: 0, count: 4, number: 8 };

/** A stretch of the log in it could not be read: keys are missing. */
export const HAS_HOLES = 1;

export interface KeyFileFacts {
  /** The stretch of log, in bytes. Both are where batches begin. */
  readonly from: number;
  readonly to: number;
  readonly flags: number;
  readonly entries: number;
  readonly buckets: number;
  /** Of entries. */
  readonly pages: number;
  /** The last batch or pad of the stretch and its header's checksum: the log it was made of has that. -1: none could be read. */
  readonly lastPosition: number;
  readonly lastCrc: number;
  /** Topics that have messages with keys in it, or seem to. */
  readonly topics: Uint8Array;
}

export function bucketsFor(entries: number): number {
  return Math.max(1, Math.ceil(entries / FILLED));
}

/** Number of the first page that may have the hash. */
export function pageOf(hash: number, buckets: number): number {
  return Math.floor((hash * buckets) / 4294967296) + 1;
}

export function keyFileName(from: number, to: number): string {
  return `${hex(from)}-${hex(to)}.keys`;
}

/** undefined for another file's name. */
export function parseKeyFileName(name: string): { from: number; to: number } | undefined {
  const match = /^([0-9a-f]{16})-([0-9a-f]{16})\.keys$/.exec(name);
  if (match === null) {
    return undefined;
  }
  const [from, to] = [Number.parseInt(match[1] as string, 16), Number.parseInt(match[2] as string, 16)];
  return Number.isSafeInteger(to) && from < to ? { from, to } : undefined;
}

function hex(position: number): string {
  return position.toString(16).padStart(16, '0');
}

export function encodeHeader(facts: KeyFileFacts): Uint8Array {
  const bytes = new Uint8Array(PAGE_BYTES);
  const view = new DataView(bytes.buffer);
  writeUint32(bytes, HEADER.magic, MAGIC);
  writeUint32(bytes, HEADER.version, VERSION);
  writeUint32(bytes, HEADER.flags, facts.flags);
  view.setFloat64(HEADER.from, facts.from, true);
  view.setFloat64(HEADER.to, facts.to, true);
  writeUint32(bytes, HEADER.entries, facts.entries);
  writeUint32(bytes, HEADER.buckets, facts.buckets);
  writeUint32(bytes, HEADER.pages, facts.pages);
  view.setFloat64(LAST.position, facts.lastPosition, true);
  writeUint32(bytes, LAST.crc, facts.lastCrc);
  bytes.set(facts.topics, TOPICS_AT);
  writeUint32(bytes, HEADER.crc, crc32(bytes.subarray(HEADER.flags)));
  return bytes;
}

/** undefined: it is none, or damaged. */
export function decodeHeader(bytes: Uint8Array): KeyFileFacts | undefined {
  if (
    bytes.length < PAGE_BYTES ||
    readUint32(bytes, HEADER.magic) !== MAGIC ||
    readUint32(bytes, HEADER.version) !== VERSION ||
    readUint32(bytes, HEADER.crc) !== crc32(bytes.subarray(HEADER.flags, PAGE_BYTES))
  ) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE_BYTES);
  return {
    from: view.getFloat64(HEADER.from, true),
    to: view.getFloat64(HEADER.to, true),
    flags: readUint32(bytes, HEADER.flags),
    entries: readUint32(bytes, HEADER.entries),
    buckets: readUint32(bytes, HEADER.buckets),
    pages: readUint32(bytes, HEADER.pages),
    lastPosition: view.getFloat64(LAST.position, true),
    lastCrc: readUint32(bytes, LAST.crc),
    topics: bytes.slice(TOPICS_AT, TOPICS_AT + TOPIC_BITS / 8),
  };
}

/** Seals the page at `at`, which has its entries. */
export function sealPage(bytes: Uint8Array, at: number, number: number, count: number): void {
  writeUint16(bytes, at + PAGE.count, count);
  writeUint32(bytes, at + PAGE.number, number);
  writeUint32(bytes, at + PAGE.crc, crc32(bytes.subarray(at + PAGE.count, at + PAGE_BYTES)));
}

/** Entries of the page; -1: it is damaged, or another one. */
export function pageEntries(bytes: Uint8Array, at: number, number: number): number {
  const count = readUint16(bytes, at + PAGE.count);
  const isSound =
    readUint32(bytes, at + PAGE.number) === number &&
    count <= PAGE_ENTRIES &&
    readUint32(bytes, at + PAGE.crc) === crc32(bytes.subarray(at + PAGE.count, at + PAGE_BYTES));
  return isSound ? count : -1;
}

export function emptyTopics(): Uint8Array {
  return new Uint8Array(TOPIC_BITS / 8);
}

/** Two bits a topic. */
export function addTopic(topics: Uint8Array, topicId: number): void {
  for (const bit of topicBits(topicId)) {
    topics[bit >>> 3] = (topics[bit >>> 3] as number) | (1 << (bit & 7));
  }
}

export function mayHaveTopic(topics: Uint8Array, topicId: number): boolean {
  return topicBits(topicId).every((bit) => ((topics[bit >>> 3] as number) & (1 << (bit & 7))) !== 0);
}

function topicBits(topicId: number): [number, number] {
  const hash = mixed(topicId);
  return [hash & (TOPIC_BITS - 1), (hash >>> 16) & (TOPIC_BITS - 1)];
}

/** Hash of a key of a topic, 32 bits: what entries are sorted by. */
export function keyHash(topicId: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = mixed(topicId) ^ (end - start);
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
    hash ^= hash >>> 15;
  }
  return mixed(hash);
}

function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
