/**
 * The batch: the one shape a run of messages has from the producer's buffer to the consumer's.
 * The same bytes are a WebSocket payload, a ring record, a stretch of the commit log and what a slave
 * is sent. Nothing outside this file knows an offset in it. Little-endian throughout.
 *
 *        0        4      5      6           8          12         16               24
 *        ┌────────┬──────┬──────┬───────────┬──────────┬──────────┬────────────────┬────────────────┐
 *      0 │ length │ vers │ type │ attributes│ body crc │header crc│ position       │ flushed        │
 *        ├────────┼──────┴──────┴───────────┼──────────┴──────────┼────────────────┼────────────────┤
 *     32 │ epoch  │ record count            │ base offset         │ store time     │ born time      │
 *        ├────────┴─────────────────────────┼──────────┬──────────┼───────┬────────┼────────────────┤
 *     64 │ producer id                      │prod epoch│ sequence │ topic │ queue  │ tag bloom (64) │
 *        └──────────────────────────────────┴──────────┴──────────┴───────┴────────┴────────────────┘
 *     96   records, one behind the other (record-layout.ts), up to `length`
 *
 * A control batch has the same header, and a body of its own instead of records ({@link BATCH_TYPE}).
 *
 * A pad is a header only, cut after 64 bytes so that it fits a single slot; its `length` says how much it
 * covers.
 *
 * In the log a batch begins at a multiple of 64 bytes; what lies between `length` and the next multiple
 * of 64 is not part of it and is zero in a file only by courtesy.
 *
 * Who writes what. The producer: length, version, type, attributes (but for `keyless`), bodyCrc, born time, producer id, producer
 * epoch, sequence, topic id, queue id, records, tag bloom; the rest it leaves zero. The broker's index stage:
 * position, base offset, flushed watermark, store time, epoch, headerCrc. Stamped, it is immutable.
 *
 * Two checksums, both CRC-32 (zlib's polynomial). `bodyCrc`: bytes 96 to `length`, made by the producer,
 * checked on arrival, by the consumer, by who sends it to a slave from files, and by the slave. `headerCrc`:
 * bytes 0–12 and then 16–96 (a pad: 16–64), made by the broker when it stamps, so it covers bodyCrc too;
 * checked on every read from disk. Zero on the wire from a producer.
 */

export const BATCH_HEADER_BYTES = 96;
/** A pad's header: the first slot's worth of the same layout. */
export const PAD_HEADER_BYTES = 64;
export const BATCH_VERSION = 1;
/** Batches begin at multiples of this in ring and log; the unit of ring positions. */
export const SLOT_BYTES = 64;

/** What a batch is. */
export const BATCH_TYPE = {
  /** Messages of one queue. */
  data: 1,
  /**
   * Space nobody filled: an aborted claim, a refused batch, the rest of a span. Only length, version, type,
   * position, epoch, watermark and headerCrc mean anything.
   */
  pad: 2,
  /**
   * What is not a message: topics, groups, offsets, epochs. Its body is one MessagePack array of maps
   * (docs/file-format.md), `recordCount` says how many. Made by the broker alone; topic, queue, producer,
   * base offset and bloom are zero, and it is in no queue.
   */
  control: 3,
} as const;

/** Bits of `attributes`. Bits not named here must be zero in version 1. */
export const BATCH_ATTRIBUTE = {
  /** The producer waits for this batch to be on disk, whatever the broker's own flush policy. */
  syncFlush: 1 << 0,
  /** The producer is content with the page cache, on a broker that would wait for the disk. Not together with `syncFlush`. */
  asyncFlush: 1 << 1,
  /** It was sent before and not answered: it may be stored. A broker that may have forgotten its producer then refuses it. */
  sentBefore: 1 << 2,
  /**
   * No record of it has keys. Set by the broker that takes it, never sent by a producer. A batch that an earlier
   * version has stored has it clear, whatever its records have.
   */
  keyless: 1 << 3,
} as const;
/** Those that a producer may send. */
export const BATCH_ATTRIBUTES_KNOWN =
  BATCH_ATTRIBUTE.syncFlush | BATCH_ATTRIBUTE.asyncFlush | BATCH_ATTRIBUTE.sentBefore;

export const BATCH = {
  length: 0,
  version: 4,
  type: 5,
  attributes: 6,
  bodyCrc: 8,
  headerCrc: 12,
  position: 16,
  flushed: 24,
  epoch: 32,
  recordCount: 36,
  baseOffset: 40,
  storeTime: 48,
  bornTime: 56,
  producerId: 64,
  producerEpoch: 72,
  sequence: 76,
  topicId: 80,
  queueId: 84,
  tagBloom: 88,
} as const;

const TWO_32 = 4294967296;

export function readUint32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
}

export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

/** An unsigned 64-bit integer as a double: exact up to 2^53, which is what positions, offsets and times stay below. */
export function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at + 4) * TWO_32 + readUint32(bytes, at);
}

export function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  writeUint32(bytes, at, value - high * TWO_32);
  writeUint32(bytes, at + 4, high);
}

/** Bytes a batch of `length` takes up in ring and log. */
export function slotAligned(length: number): number {
  return (length + (SLOT_BYTES - 1)) & ~(SLOT_BYTES - 1);
}

/**
 * Bit of the 64-bit tag bloom that stands for a tag: FNV-1a over its UTF-8 bytes, modulo 64.
 * Records without a tag set none. A filter for tag T may skip a batch whose bit for T is clear.
 */
export function tagBloomBit(tag: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tag.length; i++) {
    hash = Math.imul(hash ^ (tag[i] as number), 0x01000193);
  }
  return (hash ^ (hash >>> 16)) & 63;
}
