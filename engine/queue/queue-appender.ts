/**
 * Appends to queues: what the holder of a lane's index role does to the queue table. Two steps: `plan` reads
 * the slot and writes into the journal what will be, `apply` makes it so. `apply` stores only what the
 * journal names and reads nothing that it changes, so that it may be done again from the start after any part
 * of it.
 */
import {
  BLOCK_DOUBLES,
  BLOCK_ENTRIES,
  BLOCK_F,
  BLOCK_WORD,
  BLOCK_WORDS,
  ENTRIES_AT,
  ENTRY_DOUBLES,
  ENTRY_F,
  ENTRY_WORD,
} from './index-block-layout.js';
import type { BlockStore } from './index-files.js';
import { JOURNAL, JOURNAL_F } from './index-journal-layout.js';
import type { QueueTable } from './queue-table.js';
import {
  CHAIN_DOUBLES,
  COMMON_F,
  COMMON_LINE_BYTES,
  QUEUE_STATE,
  STATE,
  STATE_DOUBLES,
  STATE_F,
  STATE_WORDS,
  VERSION_BUSY,
  VERSION_INDEXING,
  VERSION_STEP,
} from './queue-table-layout.js';

export class QueueAppender {
  readonly #table: QueueTable;
  readonly #blocks: BlockStore;
  readonly #blockWords: Int32Array;
  readonly #tailWords: Int32Array;
  readonly #journal: Int32Array;
  readonly #journalF: Float64Array;
  /** This lane's line in the common memory, as a double's index. */
  readonly #line: number;
  /** This lane's bit in version words. */
  readonly #bit: number;

  constructor(
    table: QueueTable,
    blocks: BlockStore,
    lane: number,
    journal: Int32Array,
    journalF: Float64Array,
  ) {
    this.#table = table;
    this.#blocks = blocks;
    this.#blockWords = new Int32Array(blocks.buffer.buffer, blocks.buffer.byteOffset, BLOCK_WORDS);
    this.#tailWords = new Int32Array(table.memory.tails);
    this.#journal = journal;
    this.#journalF = journalF;
    this.#line = (lane * COMMON_LINE_BYTES) / 8;
    this.#bit = VERSION_INDEXING << lane;
  }

  /**
   * Locks the slot against `open` and tells its readers that it is changing. False when it is not the wanted
   * queue's any more; that is so too when somebody else is at work on it, for no other thread writes to a
   * queue of this lane.
   */
  lock(slot: number, topicId: number, queueId: number): boolean {
    const words = this.#table.words;
    const at = slot * STATE_WORDS + STATE.version;
    for (;;) {
      const version = Atomics.load(words, at);
      if ((version & VERSION_BUSY) !== 0) {
        return false;
      }
      if (Atomics.compareExchange(words, at, version, version | this.#bit) === version) {
        break;
      }
    }
    // The load keeps the stores that follow from being seen before the bit (a store-release alone would not).
    Atomics.load(words, at);
    if (
      this.#table.state(slot) === QUEUE_STATE.open &&
      this.#table.topicId(slot) === topicId &&
      this.#table.queueId(slot) === queueId
    ) {
      return true;
    }
    this.unlock(slot);
    return false;
  }

  /** Ends what `lock` began; nothing happens when it has ended. */
  unlock(slot: number): void {
    const words = this.#table.words;
    const at = slot * STATE_WORDS + STATE.version;
    const version = Atomics.load(words, at);
    if ((version & this.#bit) !== 0) {
      Atomics.store(words, at, ((version & ~VERSION_BUSY) + VERSION_STEP) | 0);
    }
  }

  isLocked(slot: number): boolean {
    return (Atomics.load(this.#table.words, slot * STATE_WORDS + STATE.version) & this.#bit) !== 0;
  }

  /** Notes in the journal where the next batch of a locked slot goes. */
  plan(slot: number): void {
    const { words, doubles, common } = this.#table;
    const d = slot * STATE_DOUBLES;
    const w = slot * STATE_WORDS;
    const journal = this.#journal;
    const journalF = this.#journalF;
    journal[JOURNAL.tailIndex] = words[w + STATE.tailCount] as number;
    journal[JOURNAL.chainLength] = words[w + STATE.chainLength] as number;
    journalF[JOURNAL_F.baseOffset] = doubles[d + STATE_F.nextOffset] as number;
    journalF[JOURNAL_F.lastBlock] = doubles[d + STATE_F.lastBlock] as number;
    journalF[JOURNAL_F.depth] = doubles[d + STATE_F.depth] as number;
    journalF[JOURNAL_F.block] = common[this.#line + COMMON_F.nextBlock] as number;
  }

  /**
   * Does what the journal says to the locked slot. When the entry fills the tail, the block is stored first:
   * if that fails, nothing a reader can see has changed.
   * @throws the block store's errors
   */
  apply(): void {
    const { words, doubles, tails } = this.#table;
    const journal = this.#journal;
    const journalF = this.#journalF;
    const slot = journal[JOURNAL.slot] as number;
    const index = journal[JOURNAL.tailIndex] as number;
    const slots = journal[JOURNAL.slots] as number;
    const count = journal[JOURNAL.count] as number;
    const position = journalF[JOURNAL_F.logPosition] as number;
    const baseOffset = journalF[JOURNAL_F.baseOffset] as number;
    const entry = slot * BLOCK_DOUBLES + ENTRIES_AT + index * ENTRY_DOUBLES;
    tails[entry + ENTRY_F.baseOffset] = baseOffset;
    tails[entry + ENTRY_F.position] = position;
    this.#tailWords[entry * 2 + ENTRY_WORD.slots] = slots;
    this.#tailWords[entry * 2 + ENTRY_WORD.count] = count;
    const d = slot * STATE_DOUBLES;
    const w = slot * STATE_WORDS;
    if (index === BLOCK_ENTRIES - 1) {
      this.#retire(slot, baseOffset + count);
    } else {
      words[w + STATE.tailCount] = index + 1;
    }
    doubles[d + STATE_F.nextOffset] = baseOffset + count;
    doubles[d + STATE_F.tailPosition] = position + slots * 64;
  }

  /** The tail is full: it becomes a block of its own, and the tail is empty. */
  #retire(slot: number, end: number): void {
    const { words, doubles, tails, chains, common } = this.#table;
    const journal = this.#journal;
    const journalF = this.#journalF;
    const id = journalF[JOURNAL_F.block] as number;
    const depth = journalF[JOURNAL_F.depth] as number;
    // By Myers' rule the new block becomes the root over the two newest trees when these are of one size.
    const keep = (journal[JOURNAL.chainLength] as number) - (endsInTwins(depth) ? 2 : 0);
    const chain = slot * CHAIN_DOUBLES;
    const buffer = this.#blocks.buffer;
    buffer[BLOCK_F.prev] = journalF[JOURNAL_F.lastBlock] as number;
    buffer[BLOCK_F.jump] = keep > 0 ? (chains[chain + (keep - 1) * 2] as number) : 0;
    buffer[BLOCK_F.jumpEnd] = keep > 0 ? (chains[chain + (keep - 1) * 2 + 1] as number) : 0;
    this.#blockWords[BLOCK_WORD.topicId] = words[slot * STATE_WORDS + STATE.topicId] as number;
    this.#blockWords[BLOCK_WORD.crc] = 0;
    for (let i = ENTRIES_AT; i < BLOCK_DOUBLES; i++) {
      buffer[i] = tails[slot * BLOCK_DOUBLES + i] as number;
    }
    this.#blocks.write(id);
    chains[chain + keep * 2] = id;
    chains[chain + keep * 2 + 1] = end;
    words[slot * STATE_WORDS + STATE.chainLength] = keep + 1;
    words[slot * STATE_WORDS + STATE.tailCount] = 0;
    const d = slot * STATE_DOUBLES;
    doubles[d + STATE_F.lastBlock] = id;
    doubles[d + STATE_F.blocksEnd] = end;
    doubles[d + STATE_F.depth] = depth + 1;
    common[this.#line + COMMON_F.nextBlock] = id + 1;
  }
}

/**
 * Whether the skew-binary number `depth` ends in two equal digits: `depth` as a sum of the largest possible
 * 2^k - 1, each used once but the last, which may come twice.
 */
export function endsInTwins(depth: number): boolean {
  let rest = depth;
  let last = 0;
  let before = 0;
  for (let size = 2 ** 36 - 1; size > 0; size = (size - 1) / 2) {
    while (rest >= size) {
      rest -= size;
      before = last;
      last = size;
    }
  }
  return last !== 0 && last === before;
}
