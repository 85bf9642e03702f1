/**
 * Finds batches of queues by offset, on one thread. The newest (up to 19 of a queue) are in shared memory;
 * older ones in retired blocks, reached from the newest block by prev and jump pointers in O(log n) steps.
 *
 * Going forward is the common case: a cursor per queue remembers the blocks seen on the way down to the last
 * answer, nearest first. The next block lies under the nearest of them, so it is found from there, not from
 * the queue's end: over a whole backlog that is about two blocks read for each one used.
 */
import { RingMQError } from '../../native-free/wire/errors.js';
import { BlockArena } from './block-arena.js';
import { BlockCache } from './block-cache.js';
import { fence } from './fence.js';
import {
  BLOCK_DOUBLES,
  BLOCK_ENTRIES,
  BLOCK_F,
  BLOCK_WORD,
  ENTRIES_AT,
  ENTRY_DOUBLES,
  ENTRY_F,
  ENTRY_WORD,
} from './index-block-layout.js';
import { IndexEntry } from './index-entry.js';
import { blockDamaged, type IndexFiles } from './index-files.js';
import type { QueueTable } from './queue-table.js';
import {
  COMMON_F,
  COMMON_LINE_BYTES,
  LANE,
  STATE,
  STATE_DOUBLES,
  STATE_F,
  STATE_WORDS,
  VERSION_BUSY,
} from './queue-table-layout.js';
import { SeekCursor } from './seek-cursor.js';

/** Queues whose cursor is kept; two that share a place take turns. */
const CURSORS = 1024;
/** Looks at a state that is being written before giving up: some 20 µs, a stored block and more. */
const SPINS = 2_000;

const FIND = { none: 0, tail: 1, blocks: 2, busy: 3 } as const;

export class QueueIndex {
  readonly #table: QueueTable;
  readonly #files: IndexFiles;
  readonly #fileBlocks: BlockCache;
  readonly #arenaBlocks: BlockCache;
  readonly #tailWords: Int32Array;
  readonly #cursors = new Array<SeekCursor | undefined>(CURSORS).fill(undefined);
  #firstBlock = 1;
  /** What the last look at a state saw. */
  #lastBlock = 0;
  #blocksEnd = 0;

  /** `files`: this thread's own, over the broker's `queues/`. */
  constructor(table: QueueTable, files: IndexFiles) {
    this.#table = table;
    this.#files = files;
    this.#fileBlocks = new BlockCache(files);
    this.#arenaBlocks = new BlockCache(new BlockArena(table.memory.arena, table.memory.arenaBlocks));
    this.#tailWords = new Int32Array(table.memory.tails);
  }

  /** Blocks read from files and from the arena so far; what a look-up costs beyond shared memory. */
  get blockReads(): number {
    return this.#fileBlocks.reads + this.#arenaBlocks.reads;
  }

  /**
   * The first batch of the queue whose last offset is at or behind `offset`. False: there is none yet, or it
   * is being appended this moment; who watches the queue is told when it moves. `out.below` says that
   * `offset` is not stored any more and `out` is the first batch that is. Says nothing about commitment: the
   * batch may be above the watermark, or (memory lane) below the ring's gate.
   * @throws RingMQError LOG_CORRUPT (an index block cannot be read), disk errors
   */
  find(slot: number, offset: number, out: IndexEntry): boolean {
    const found = this.#find(slot, offset, out);
    return found !== FIND.none && found !== FIND.busy;
  }

  /** The first batch that is stored. */
  first(slot: number, out: IndexEntry): boolean {
    return this.find(slot, 0, out);
  }

  /**
   * Offset of the first batch that `isAtOrBehind` holds for, where it holds for all after it; the queue's
   * next offset when it holds for none. Calls it O(log n) times.
   * @throws as `find`; BROKER_BUSY (the queue was being written all the time)
   */
  search(slot: number, isAtOrBehind: (entry: IndexEntry) => boolean, entry: IndexEntry): number {
    let low = this.#table.minOffset(slot);
    let high = this.#table.nextOffset(slot);
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (!this.#findPatiently(slot, middle, entry)) {
        high = middle;
      } else if (isAtOrBehind(entry)) {
        high = Math.max(low, Math.min(middle, entry.baseOffset));
      } else {
        low = entry.baseOffset + entry.count;
      }
    }
    return low;
  }

  /**
   * Offset of the first batch stored at or after `timeMs`; the queue's next offset when that is later than
   * `latestMs`. `storeTimeOf` reads a batch's store time at a log position. One later than `latestMs`, from
   * when the clock was ahead, is not believed: such a batch counts as stored with the next one that is, or
   * now.
   */
  findByTime(
    slot: number,
    timeMs: number,
    latestMs: number,
    storeTimeOf: (positionBytes: number) => number,
    entry: IndexEntry,
  ): number {
    if (timeMs > latestMs) {
      return this.#table.nextOffset(slot);
    }
    const believed = (candidate: IndexEntry): number => {
      const time = storeTimeOf(candidate.position);
      return time <= latestMs ? time : this.#nextBelieved(slot, candidate, latestMs, storeTimeOf);
    };
    return this.search(slot, (candidate) => believed(candidate) >= timeMs, entry);
  }

  /** Store time of the first batch behind `entry` that is believed; Infinity if none is. Strides that double, then halving. */
  #nextBelieved(
    slot: number,
    { baseOffset, count }: IndexEntry,
    latestMs: number,
    storeTimeOf: (positionBytes: number) => number,
  ): number {
    const entry = new IndexEntry();
    const end = this.#table.nextOffset(slot);
    /** Not believed up to here. */
    let low = baseOffset + count;
    let high = end;
    let found = Number.POSITIVE_INFINITY;
    for (let stride = 1; low < high; stride *= 2) {
      const isFar = found === Number.POSITIVE_INFINITY;
      const at = isFar ? Math.min(low + stride - 1, end - 1) : Math.floor((low + high) / 2);
      if (!this.#findPatiently(slot, at, entry)) {
        return found;
      }
      const time = storeTimeOf(entry.position);
      if (time <= latestMs) {
        found = time;
        high = Math.max(low, Math.min(at, entry.baseOffset));
      } else {
        low = entry.baseOffset + entry.count;
      }
    }
    return found;
  }

  /** Offset of the first batch at or behind a log position: what a queue's minOffset becomes when the log below goes. */
  findByPosition(slot: number, positionBytes: number, entry: IndexEntry): number {
    return this.search(slot, (candidate) => candidate.position >= positionBytes, entry);
  }

  #find(slot: number, offset: number, out: IndexEntry): number {
    const min = this.#table.doubles[slot * STATE_DOUBLES + STATE_F.minOffset] as number;
    out.below = offset < min;
    const want = out.below ? min : offset;
    const cursor = this.#cursors[slot % CURSORS];
    if (cursor?.covers(slot, want) && cursor.topicId === this.#table.topicId(slot)) {
      return this.#fromCursor(cursor, want, out);
    }
    const where = this.#look(slot, want, out);
    return where === FIND.blocks ? this.#seek(slot, want, out) : where;
  }

  #findPatiently(slot: number, offset: number, entry: IndexEntry): boolean {
    for (let tries = 0; tries < 1_000; tries++) {
      const found = this.#find(slot, offset, entry);
      if (found !== FIND.busy) {
        return found !== FIND.none;
      }
    }
    throw new RingMQError('BROKER_BUSY', 'the queue is being written all the time');
  }

  /** Reads the slot's state consistently; when the wanted batch is in the tail, it is then in `out`. */
  #look(slot: number, want: number, out: IndexEntry): number {
    const { words, doubles } = this.#table;
    const w = slot * STATE_WORDS;
    const d = slot * STATE_DOUBLES;
    for (let spin = 0; spin < SPINS; spin++) {
      const version = Atomics.load(words, w + STATE.version);
      if ((version & VERSION_BUSY) !== 0) {
        continue;
      }
      this.#lastBlock = doubles[d + STATE_F.lastBlock] as number;
      this.#blocksEnd = doubles[d + STATE_F.blocksEnd] as number;
      let where: number = FIND.none;
      if (want < (doubles[d + STATE_F.nextOffset] as number)) {
        where =
          this.#lastBlock !== 0 && want < this.#blocksEnd
            ? FIND.blocks
            : this.#fromTail(slot, words[w + STATE.tailCount] as number, want, out);
      }
      fence();
      if (Atomics.load(words, w + STATE.version) === version) {
        return where;
      }
    }
    return FIND.busy;
  }

  #fromTail(slot: number, count: number, want: number, out: IndexEntry): number {
    const { tails } = this.#table;
    // A count read in the middle of a change is still below 20, but the entries may be anything: `#look`
    // finds out.
    const begin = slot * BLOCK_DOUBLES + ENTRIES_AT;
    for (let i = 0; i < count && i < BLOCK_ENTRIES; i++) {
      const at = begin + i * ENTRY_DOUBLES;
      const base = tails[at + ENTRY_F.baseOffset] as number;
      const records = this.#tailWords[at * 2 + ENTRY_WORD.count] as number;
      if (base + records > want) {
        out.baseOffset = base;
        out.position = tails[at + ENTRY_F.position] as number;
        out.slots = this.#tailWords[at * 2 + ENTRY_WORD.slots] as number;
        out.count = records;
        return FIND.tail;
      }
    }
    return FIND.none;
  }

  /** The wanted offset is in retired blocks: goes down to its block from the nearest one known. */
  #seek(slot: number, want: number, out: IndexEntry): number {
    const cursor = this.#cursorOf(slot);
    cursor.dropUpTo(want);
    if (cursor.length === 0 && !this.#push(cursor, this.#lastBlock)) {
      // Not even the newest block is there any more: the tail is all that is left.
      out.below = true;
      const where = this.#look(slot, this.#blocksEnd, out);
      return where === FIND.blocks ? FIND.busy : where;
    }
    while (cursor.first() > want) {
      const id = cursor.nextTowards(want);
      if (id === 0) {
        break;
      }
      if (!this.#push(cursor, id)) {
        out.below = true;
        break;
      }
      if (cursor.end() <= want) {
        // Offsets between two blocks that no batch has (a damaged stretch of log was passed over).
        cursor.pop();
        break;
      }
    }
    return this.#fromCursor(cursor, want, out);
  }

  #cursorOf(slot: number): SeekCursor {
    let cursor = this.#cursors[slot % CURSORS];
    if (cursor === undefined) {
      cursor = new SeekCursor();
      this.#cursors[slot % CURSORS] = cursor;
    }
    cursor.useFor(slot, this.#table.topicId(slot), this.#table.lane(slot));
    return cursor;
  }

  /** Puts a block on the cursor. False: it is gone. */
  #push(cursor: SeekCursor, id: number): boolean {
    const cache = cursor.lane === LANE.log ? this.#fileBlocks : this.#arenaBlocks;
    const at = this.#block(cursor, id);
    if (at < 0) {
      return false;
    }
    const { doubles, words } = cache;
    const last = at + ENTRIES_AT + (BLOCK_ENTRIES - 1) * ENTRY_DOUBLES;
    cursor.push(
      id,
      doubles[at + ENTRIES_AT + ENTRY_F.baseOffset] as number,
      (doubles[last + ENTRY_F.baseOffset] as number) + (words[last * 2 + ENTRY_WORD.count] as number),
      doubles[at + BLOCK_F.prev] as number,
      doubles[at + BLOCK_F.jump] as number,
      doubles[at + BLOCK_F.jumpEnd] as number,
    );
    return true;
  }

  /** Where a block of the cursor's queue lies in its cache; -1 = gone. */
  #block(cursor: SeekCursor, id: number): number {
    if (cursor.lane === LANE.memory) {
      const at = this.#arenaBlocks.find(id);
      return at >= 0 && this.#isOf(cursor, this.#arenaBlocks, at) ? at : -1;
    }
    this.#noticeTrim();
    if (id < this.#firstBlock) {
      return -1;
    }
    const at = this.#fileBlocks.find(id);
    if (at >= 0 && this.#isOf(cursor, this.#fileBlocks, at)) {
      return at;
    }
    this.#noticeTrim();
    if (id < this.#firstBlock) {
      return -1;
    }
    throw blockDamaged(this.#files.pathOf(id), id);
  }

  #isOf(cursor: SeekCursor, cache: BlockCache, at: number): boolean {
    return (cache.words[at * 2 + BLOCK_WORD.topicId] as number) >>> 0 === cursor.topicId;
  }

  #noticeTrim(): void {
    const first = this.#table.common[(LANE.log * COMMON_LINE_BYTES) / 8 + COMMON_F.firstBlock] as number;
    if (first !== this.#firstBlock) {
      this.#firstBlock = first;
      this.#files.closeBelow(first);
    }
  }

  /** The first batch of the cursor's block that ends behind `want`. */
  #fromCursor(cursor: SeekCursor, want: number, out: IndexEntry): number {
    const at = this.#block(cursor, cursor.id());
    if (at < 0) {
      // It went between two look-ups: begin anew from the queue's end.
      const { slot } = cursor;
      cursor.clear();
      const where = this.#look(slot, want, out);
      return where === FIND.blocks ? this.#seek(slot, want, out) : where;
    }
    const { doubles, words } = cursor.lane === LANE.log ? this.#fileBlocks : this.#arenaBlocks;
    let i = cursor.hint(want);
    let entry = at + ENTRIES_AT + i * ENTRY_DOUBLES;
    while (
      i < BLOCK_ENTRIES - 1 &&
      (doubles[entry + ENTRY_F.baseOffset] as number) + (words[entry * 2 + ENTRY_WORD.count] as number) <=
        want
    ) {
      i++;
      entry += ENTRY_DOUBLES;
    }
    out.baseOffset = doubles[entry + ENTRY_F.baseOffset] as number;
    out.position = doubles[entry + ENTRY_F.position] as number;
    out.slots = words[entry * 2 + ENTRY_WORD.slots] as number;
    out.count = words[entry * 2 + ENTRY_WORD.count] as number;
    cursor.remember(i, out.baseOffset);
    return FIND.tail;
  }
}
