/**
 * The log lane's queue and producer tables as one run of bytes, and back. Little-endian:
 *
 *        0       4         8       12      16                24            32
 *        ┌───────┬─────────┬───────┬───────┬─────────────────┬─────────────┬───────────────┐
 *      0 │ RMQT  │ version │ bytes │ crc   │ position f64    │ next block  │ first block   │
 *        │       │ u32 = 1 │ u32   │ u32   │                 │ f64         │ f64           │
 *        ├───────┴─────────┼───────┴───┬───┴─────────────────┼─────────────┴───────────────┘
 *     40 │ last store time │ queues    │ producers           │ forgotten f64 │
 *        │ f64             │ u32       │ u32                 │               │
 *        └─────────────────┴───────────┴─────────────────────┴───────────────┘
 *
 * then each queue: topicId, queueId, tailCount, chainLength u32; nextOffset, minOffset, tailPosition,
 * lastBlock, blocksEnd, depth f64; chainLength × 16 bytes of chain; tailCount × 24 bytes of tail entries;
 * then each producer (producer-snapshot.ts). `crc`: CRC-32 of bytes 16 to `bytes`.
 */
import { crc32 } from 'node:zlib';
import { BLOCK_BYTES, BLOCK_DOUBLES, ENTRIES_AT, ENTRY_DOUBLES } from './index-block-layout.js';
import type { ProducerTable } from './producer-table.js';
import type { QueueTable } from './queue-table.js';
import {
  CHAIN_DOUBLES,
  CHAIN_MAX,
  COMMON_F,
  COMMON_LINE_BYTES,
  LANE,
  QUEUE_STATE,
  STATE,
  STATE_DOUBLES,
  STATE_F,
  STATE_WORDS,
} from './queue-table-layout.js';

const MAGIC = 0x54514d52;
const VERSION = 1;
const HEAD_BYTES = 64;
const QUEUE_BYTES = 64;
const CHAIN_ENTRY_BYTES = 16;
const TAIL_ENTRY_BYTES = 24;
const LINE = (LANE.log * COMMON_LINE_BYTES) / 8;
/** The doubles of a queue, in the order in which they are stored. */
const DOUBLES = [
  STATE_F.nextOffset,
  STATE_F.minOffset,
  STATE_F.tailPosition,
  STATE_F.lastBlock,
  STATE_F.blocksEnd,
  STATE_F.depth,
] as const;

/** What a snapshot says of itself. */
export interface TableFacts {
  /** It has all batches below this log position, in bytes. */
  readonly position: number;
  /** It needs index blocks `firstBlock` ≤ id < `nextBlock`. */
  readonly firstBlock: number;
  readonly nextBlock: number;
}

/** A snapshot of the tables: everything in it belongs to batches below `position`. */
export interface TableSnapshot extends TableFacts {
  /** What follows in the log is of this epoch, or a later one. */
  readonly epoch: number;
  readonly bytes: Uint8Array;
}

/** Takes a snapshot. The caller holds the log lane's index role, and no batch is half done. */
export function writeTables(
  table: QueueTable,
  producers: ProducerTable,
  position: number,
): TableFacts & { bytes: Uint8Array } {
  let total = HEAD_BYTES + producers.snapshotBytes();
  let queues = 0;
  for (let slot = 0; slot < table.usedSlots; slot++) {
    if (isSaved(table, slot)) {
      queues++;
      total += queueBytes(table, slot);
    }
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const words = new Int32Array(bytes.buffer);
  const doubles = new Float64Array(bytes.buffer);
  const nextBlock = table.common[LINE + COMMON_F.nextBlock] as number;
  const firstBlock = table.common[LINE + COMMON_F.firstBlock] as number;
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, total, true);
  view.setFloat64(16, position, true);
  view.setFloat64(24, nextBlock, true);
  view.setFloat64(32, firstBlock, true);
  view.setFloat64(40, table.common[LINE + COMMON_F.lastStoreTime] as number, true);
  let at = HEAD_BYTES;
  let written = 0;
  // `close` may make a queue dead while we write, never the other way round: count what is written.
  for (let slot = 0; slot < table.usedSlots && written < queues; slot++) {
    if (isSaved(table, slot)) {
      at = writeQueue(table, slot, words, doubles, at);
      written++;
    }
  }
  view.setUint32(48, written, true);
  view.setUint32(52, producers.count, true);
  view.setFloat64(56, producers.forgotten, true);
  at = producers.writeSnapshot(view, at);
  view.setUint32(8, at, true);
  const used = bytes.subarray(0, at);
  view.setUint32(12, crc32(used.subarray(16)), true);
  return { bytes: used, position, firstBlock, nextBlock };
}

/** Whether `bytes` are a snapshot, whole and as it was written. */
export function isWholeSnapshot(bytes: Uint8Array): boolean {
  if (bytes.length < HEAD_BYTES) {
    return false;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (
    view.getUint32(0, true) === MAGIC &&
    view.getUint32(4, true) === VERSION &&
    view.getUint32(8, true) === bytes.length &&
    view.getUint32(12, true) === crc32(bytes.subarray(16))
  );
}

/**
 * Brings a snapshot back into tables whose queues are open; queues that are not are left out. Calls `accept`
 * before it changes anything. null when the bytes are damaged or `accept` says no.
 */
export function readTables(
  table: QueueTable,
  producers: ProducerTable,
  bytes: Uint8Array,
  accept: (facts: TableFacts) => boolean,
): TableFacts | null {
  if (!isWholeSnapshot(bytes)) {
    return null;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const facts = {
    position: view.getFloat64(16, true),
    nextBlock: view.getFloat64(24, true),
    firstBlock: view.getFloat64(32, true),
  };
  if (!accept(facts)) {
    return null;
  }
  let at = HEAD_BYTES;
  for (let i = view.getUint32(48, true); i > 0; i--) {
    at = readQueue(table, view, bytes, at);
  }
  producers.readSnapshot(view, at, view.getUint32(52, true), view.getFloat64(56, true));
  table.common[LINE + COMMON_F.nextBlock] = facts.nextBlock;
  table.common[LINE + COMMON_F.firstBlock] = facts.firstBlock;
  table.common[LINE + COMMON_F.lastStoreTime] = view.getFloat64(40, true);
  return facts;
}

/** Where the queues of a snapshot end, in its order. `bytes` are a whole one. */
export function* queueEndsIn(
  bytes: Uint8Array,
): Generator<{ topicId: number; queueId: number; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = HEAD_BYTES;
  for (let i = view.getUint32(48, true); i > 0; i--) {
    yield {
      topicId: view.getUint32(at, true),
      queueId: view.getUint32(at + 4, true),
      end: view.getFloat64(at + 16, true),
    };
    const tail = view.getUint32(at + 8, true) * TAIL_ENTRY_BYTES;
    at += QUEUE_BYTES + view.getUint32(at + 12, true) * CHAIN_ENTRY_BYTES + tail;
  }
}

/** As {@link queueEndsIn}, of the tables as they are: a queue may have come further meanwhile. */
export function* queueEndsOf(
  table: QueueTable,
): Generator<{ topicId: number; queueId: number; end: number }> {
  for (let slot = 0; slot < table.usedSlots; slot++) {
    if (isSaved(table, slot)) {
      yield { topicId: table.topicId(slot), queueId: table.queueId(slot), end: table.nextOffset(slot) };
    }
  }
}

function isSaved(table: QueueTable, slot: number): boolean {
  return (
    table.lane(slot) === LANE.log && table.state(slot) === QUEUE_STATE.open && table.nextOffset(slot) > 0
  );
}

function queueBytes(table: QueueTable, slot: number): number {
  const at = slot * STATE_WORDS;
  const chain = table.words[at + STATE.chainLength] as number;
  const tail = table.words[at + STATE.tailCount] as number;
  return QUEUE_BYTES + chain * CHAIN_ENTRY_BYTES + tail * TAIL_ENTRY_BYTES;
}

/** Plain loops over words: a view per queue would hold up indexing five times as long. */
function writeQueue(
  table: QueueTable,
  slot: number,
  words: Int32Array,
  doubles: Float64Array,
  at: number,
): number {
  const state = slot * STATE_WORDS;
  const stateF = slot * STATE_DOUBLES;
  const tail = (table.words[state + STATE.tailCount] as number) * ENTRY_DOUBLES;
  const chain = (table.words[state + STATE.chainLength] as number) * 2;
  words[at / 4] = table.words[state + STATE.topicId] as number;
  words[at / 4 + 1] = table.words[state + STATE.queueId] as number;
  words[at / 4 + 2] = tail / ENTRY_DOUBLES;
  words[at / 4 + 3] = chain / 2;
  let to = at / 8 + 2;
  for (let i = 0; i < DOUBLES.length; i++) {
    doubles[to++] = table.doubles[stateF + (DOUBLES[i] as number)] as number;
  }
  for (let i = 0; i < chain; i++) {
    doubles[to++] = table.chains[slot * CHAIN_DOUBLES + i] as number;
  }
  for (let i = 0; i < tail; i++) {
    doubles[to++] = table.tails[slot * BLOCK_DOUBLES + ENTRIES_AT + i] as number;
  }
  return to * 8;
}

function readQueue(table: QueueTable, view: DataView, bytes: Uint8Array, at: number): number {
  const tailCount = view.getUint32(at + 8, true);
  const chainLength = view.getUint32(at + 12, true);
  const chainAt = at + QUEUE_BYTES;
  const tailAt = chainAt + chainLength * CHAIN_ENTRY_BYTES;
  const slot = table.find(view.getUint32(at, true), view.getUint32(at + 4, true));
  if (slot >= 0 && table.lane(slot) === LANE.log && chainLength <= CHAIN_MAX) {
    table.words[slot * STATE_WORDS + STATE.tailCount] = tailCount;
    table.words[slot * STATE_WORDS + STATE.chainLength] = chainLength;
    for (const [i, field] of DOUBLES.entries()) {
      table.doubles[slot * STATE_DOUBLES + field] = view.getFloat64(at + 16 + i * 8, true);
    }
    new Uint8Array(table.memory.chains).set(bytes.subarray(chainAt, tailAt), slot * CHAIN_DOUBLES * 8);
    new Uint8Array(table.memory.tails).set(
      bytes.subarray(tailAt, tailAt + tailCount * ENTRY_DOUBLES * 8),
      slot * BLOCK_BYTES + ENTRIES_AT * 8,
    );
  }
  return tailAt + tailCount * TAIL_ENTRY_BYTES;
}
