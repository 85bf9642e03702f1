/**
 * The queue table: what all threads know about all queues, in shared memory. Six arrays, each made large
 * enough for every slot at once; pages nobody touched cost nothing.
 *
 * `states`, 128 bytes a queue slot (Int32 words, then doubles):
 *
 *        0         4       8         12        16     20          24            28        32
 *        ┌─────────┬───────┬─────────┬─────────┬──────┬───────────┬─────────────┬─────────┬──────────┬────┐
 *      0 │ version │ state │ topicId │ queueId │ lane │ tailCount │ chainLength │ watchLo │ watchHi  │ 0  │
 *        ├─────────┴───────┼─────────┴─────────┼──────┴───────────┼─────────────┴─────────┼──────────┴────┤
 *     40 │ nextOffset      │ minOffset         │ tailPosition     │ lastBlock             │ blocksEnd     │
 *        ├─────────────────┼───────────────────┴──────────────────┴───────────────────────┴───────────────┘
 *     80 │ depth           │ zero
 *        └─────────────────┘
 *
 * `tails`, 512 bytes a slot: the index block that is being filled (index-block-layout.ts).
 *
 * `chains`, 576 bytes a slot: 36 × { block id f64, offset behind the block's last record f64 }. The roots of
 * the skew-binary forest over the queue's blocks, oldest first: what a new block's jump pointer is taken
 * from.
 *
 * `lookup`, 16 bytes an entry, twice as many entries as slots: open addressing, { topicId, queueId, place, 0
 * }; place is 0 where the probe ends, -1 for a removed entry, else slot + 1, and is stored last.
 *
 * `moved`, per seat: one word "any", one word per 1,024 slots (a bit per word below), one word per 32 slots
 * (a bit per slot), each group beginning on its own 64-byte line.
 *
 * `common`: per lane a 64-byte line { nextBlock f64, firstBlock f64, lastStoreTime f64 }, a line { highSlot
 * i32 }, then per lane 256 bytes of journal (index-journal-layout.ts).
 *
 * Who writes what:
 * - entries, tail, chain, nextOffset, tailPosition, lastBlock, blocksEnd, depth: the holder of the lane's index
 *   role, while its bit of `version` is set;
 * - state, topicId, queueId, lane and the reset of all the rest at `open`: the control plane (one thread), while
 *   its bit of `version` is set; `close` stores only `state`;
 * - minOffset: the control plane (retention), and whoever finds that a memory queue's blocks are gone;
 * - watch words and moved bits: any thread, with Atomics.or/and/exchange;
 * - lookup: the control plane.
 *
 * Readers copy what they need between two loads of `version` and try again when it changed or was being
 * written (a seqlock). Doubles are aligned: each is one 64-bit store. Retired blocks are immutable and need
 * no version.
 */

/** Lanes: index into per-lane areas, and the value in a slot's `lane` word. */
export const LANE = { log: 0, memory: 1 } as const;
export const LANES_COUNT = 2;

export const QUEUE_STATE = { free: 0, open: 1, dead: 2 } as const;

export const DEFAULT_MAX_QUEUES = 65_536;
/** Watchers are two words of bits. */
export const MAX_SEATS = 64;

export const STATE_BYTES = 128;
export const STATE_WORDS = STATE_BYTES / 4;
export const STATE_DOUBLES = STATE_BYTES / 8;
/** Int32 words of a slot's state. */
export const STATE = {
  version: 0,
  state: 1,
  topicId: 2,
  queueId: 3,
  lane: 4,
  tailCount: 5,
  chainLength: 6,
  watchLow: 7,
  watchHigh: 8,
} as const;
/** Doubles of a slot's state. */
export const STATE_F = {
  nextOffset: 5,
  minOffset: 6,
  /** Log position behind the newest batch, in bytes; 0 before the first. */
  tailPosition: 7,
  /** Id of the newest retired block, 0 = none. */
  lastBlock: 8,
  /** Offset behind the last record of the newest retired block. */
  blocksEnd: 9,
  /** Blocks retired so far. */
  depth: 10,
} as const;

/** Bits of `version`: an index role's holder is at work, `1 << lane`; the control plane is. The count above goes up with each release. */
export const VERSION_INDEXING = 1;
export const VERSION_OPENING = 4;
export const VERSION_BUSY = 7;
export const VERSION_STEP = 8;

/** Digits of a skew-binary number of up to 2^35 blocks. */
export const CHAIN_MAX = 36;
export const CHAIN_DOUBLES = CHAIN_MAX * 2;

export const LOOKUP_WORDS = 4;
export const LOOKUP = { topicId: 0, queueId: 1, place: 2 } as const;
export const LOOKUP_END = 0;
export const LOOKUP_REMOVED = -1;

/** Doubles of a lane's line in `common`. */
export const COMMON_LINE_BYTES = 64;
export const COMMON_F = { nextBlock: 0, firstBlock: 1, lastStoreTime: 2 } as const;
export const COMMON_HIGH_SLOT_WORD = (LANES_COUNT * COMMON_LINE_BYTES) / 4;
export const JOURNAL_BYTES = 256;
export const JOURNALS_AT = (LANES_COUNT + 1) * COMMON_LINE_BYTES;
export const COMMON_BYTES = JOURNALS_AT + LANES_COUNT * JOURNAL_BYTES;

const LINE_WORDS = 16;
const lines = (words: number): number => Math.ceil(words / LINE_WORDS) * LINE_WORDS;

/** Word offsets inside one seat's part of `moved`. */
export interface MovedLayout {
  readonly leafWords: number;
  readonly summaryWords: number;
  readonly summaryAt: number;
  readonly leafAt: number;
  readonly seatWords: number;
}

export function movedLayout(maxQueues: number): MovedLayout {
  const leafWords = Math.ceil(maxQueues / 32);
  const summaryWords = Math.ceil(leafWords / 32);
  const summaryAt = LINE_WORDS;
  const leafAt = summaryAt + lines(summaryWords);
  return { leafWords, summaryWords, summaryAt, leafAt, seatWords: leafAt + lines(leafWords) };
}
