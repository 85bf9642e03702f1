/**
 * The queue table as one thread sees it: which queues there are, how far each has come, who watches them.
 * Memory layout, and who may write what: queue-table-layout.ts. Appending is queue-appender.ts, finding
 * batches is queue-index.ts.
 */
import { RingMQError } from '../../native-free/wire/errors.js';
import { BLOCK_BYTES } from './index-block-layout.js';
import { MovedBits } from './moved-bits.js';
import { QueueLookup } from './queue-lookup.js';
import {
  CHAIN_DOUBLES,
  COMMON_BYTES,
  COMMON_F,
  COMMON_HIGH_SLOT_WORD,
  COMMON_LINE_BYTES,
  DEFAULT_MAX_QUEUES,
  LANES_COUNT,
  LOOKUP_WORDS,
  MAX_SEATS,
  QUEUE_STATE,
  STATE,
  STATE_BYTES,
  STATE_DOUBLES,
  STATE_F,
  STATE_WORDS,
  VERSION_BUSY,
  VERSION_OPENING,
  VERSION_STEP,
} from './queue-table-layout.js';

/** The table's shared memory; survives `postMessage`. */
export interface QueueTableMemory {
  readonly maxQueues: number;
  readonly maxSeats: number;
  readonly arenaBlocks: number;
  readonly states: SharedArrayBuffer;
  readonly tails: SharedArrayBuffer;
  readonly chains: SharedArrayBuffer;
  readonly lookup: SharedArrayBuffer;
  readonly moved: SharedArrayBuffer;
  readonly common: SharedArrayBuffer;
  /** Retired blocks of the memory lane (block-arena.ts). */
  readonly arena: SharedArrayBuffer;
}

export interface QueueTableOptions {
  /** Queue slots. Default 65,536. A used one takes about 1.2 KiB of real memory, an unused one nothing. */
  maxQueues?: number;
  /** Threads that may watch queues. Default and most 64. */
  maxSeats?: number;
  /** Retired index blocks kept for memory topics, 20 batches each; the oldest are overwritten. Default 65,536. */
  arenaBlocks?: number;
}

export function createQueueTableMemory(options: QueueTableOptions = {}): QueueTableMemory {
  const { maxQueues = DEFAULT_MAX_QUEUES, maxSeats = MAX_SEATS, arenaBlocks = 65_536 } = options;
  if (maxSeats > MAX_SEATS || maxSeats < 1 || maxQueues < 1 || arenaBlocks < 1) {
    throw new RingMQError('BAD_ARGUMENT', `a queue table of ${maxQueues} queues and ${maxSeats} seats`);
  }
  const lookupEntries = 2 ** Math.ceil(Math.log2(maxQueues * 2));
  const common = new SharedArrayBuffer(COMMON_BYTES);
  const doubles = new Float64Array(common);
  for (let lane = 0; lane < LANES_COUNT; lane++) {
    // Block ids begin at 1: 0 says "none".
    doubles[(lane * COMMON_LINE_BYTES) / 8 + COMMON_F.nextBlock] = 1;
    doubles[(lane * COMMON_LINE_BYTES) / 8 + COMMON_F.firstBlock] = 1;
  }
  return {
    maxQueues,
    maxSeats,
    arenaBlocks,
    states: new SharedArrayBuffer(maxQueues * STATE_BYTES),
    tails: new SharedArrayBuffer(maxQueues * BLOCK_BYTES),
    chains: new SharedArrayBuffer(maxQueues * CHAIN_DOUBLES * 8),
    lookup: new SharedArrayBuffer(lookupEntries * LOOKUP_WORDS * 4),
    moved: new SharedArrayBuffer(MovedBits.bytes(maxQueues, maxSeats)),
    common,
    arena: new SharedArrayBuffer(arenaBlocks * (BLOCK_BYTES + 4)),
  };
}

export class QueueTable {
  readonly memory: QueueTableMemory;
  /** The shared arrays, for the index stage, the index and the snapshot; nobody else writes or reads them. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly tails: Float64Array;
  readonly chains: Float64Array;
  readonly common: Float64Array;
  readonly commonWords: Int32Array;
  readonly #lookup: QueueLookup;
  readonly #moved: MovedBits;

  constructor(memory: QueueTableMemory) {
    this.memory = memory;
    this.words = new Int32Array(memory.states);
    this.doubles = new Float64Array(memory.states);
    this.tails = new Float64Array(memory.tails);
    this.chains = new Float64Array(memory.chains);
    this.common = new Float64Array(memory.common);
    this.commonWords = new Int32Array(memory.common);
    this.#lookup = new QueueLookup(memory.lookup);
    this.#moved = new MovedBits(memory.moved, memory.maxQueues);
  }

  /**
   * Makes a slot the home of a queue, empty, its first offset `nextOffset`. Control plane only.
   * A topic id is never used twice, so what still refers to the slot's last queue can tell.
   * @throws RingMQError BAD_ARGUMENT (no such slot, or it is open)
   */
  open(slot: number, topicId: number, queueId: number, lane: number, nextOffset = 0): void {
    const { words, doubles } = this;
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.memory.maxQueues) {
      throw new RingMQError('BAD_ARGUMENT', `queue slot ${slot} of ${this.memory.maxQueues}`);
    }
    if (this.state(slot) === QUEUE_STATE.open) {
      throw new RingMQError('BAD_ARGUMENT', `queue slot ${slot} is in use`);
    }
    const at = slot * STATE_WORDS;
    const before = this.#lockForOpen(at);
    words[at + STATE.topicId] = topicId;
    words[at + STATE.queueId] = queueId;
    words[at + STATE.lane] = lane;
    words[at + STATE.tailCount] = 0;
    words[at + STATE.chainLength] = 0;
    // The watch words stay as they are: a reader of the slot's last queue may share its seat with one of this
    // queue, and a seat told once too often only looks.
    const d = slot * STATE_DOUBLES;
    doubles[d + STATE_F.nextOffset] = nextOffset;
    doubles[d + STATE_F.minOffset] = nextOffset;
    doubles[d + STATE_F.tailPosition] = 0;
    doubles[d + STATE_F.lastBlock] = 0;
    doubles[d + STATE_F.blocksEnd] = nextOffset;
    doubles[d + STATE_F.depth] = 0;
    if (slot >= this.usedSlots) {
      Atomics.store(this.commonWords, COMMON_HIGH_SLOT_WORD, slot + 1);
    }
    Atomics.store(words, at + STATE.state, QUEUE_STATE.open);
    Atomics.store(words, at + STATE.version, (before & ~VERSION_BUSY) + VERSION_STEP);
    this.#lookup.add(topicId, queueId, slot);
  }

  /**
   * The queue is deleted: nothing is appended to it from now on (a batch that is being indexed this moment
   * may be), and the slot may be opened for another one. Control plane only. Nothing happens when it is not
   * open.
   */
  close(slot: number): void {
    if (this.state(slot) === QUEUE_STATE.open) {
      Atomics.store(this.words, slot * STATE_WORDS + STATE.state, QUEUE_STATE.dead);
      this.#lookup.remove(this.topicId(slot), this.queueId(slot));
    }
  }

  /** One of {@link QUEUE_STATE}. */
  state(slot: number): number {
    return Atomics.load(this.words, slot * STATE_WORDS + STATE.state);
  }

  topicId(slot: number): number {
    return (this.words[slot * STATE_WORDS + STATE.topicId] as number) >>> 0;
  }

  queueId(slot: number): number {
    return this.words[slot * STATE_WORDS + STATE.queueId] as number;
  }

  lane(slot: number): number {
    return this.words[slot * STATE_WORDS + STATE.lane] as number;
  }

  /** The open queue's slot, or -1. Any thread. */
  find(topicId: number, queueId: number): number {
    const slot = this.#lookup.find(topicId, queueId);
    const isIt =
      slot >= 0 &&
      this.state(slot) === QUEUE_STATE.open &&
      this.topicId(slot) === topicId &&
      this.queueId(slot) === queueId;
    return isIt ? slot : -1;
  }

  /** The offset the next record will get. Grows when a batch is indexed, not when it is committed. */
  nextOffset(slot: number): number {
    return this.doubles[slot * STATE_DOUBLES + STATE_F.nextOffset] as number;
  }

  /** The first offset that is still stored. */
  minOffset(slot: number): number {
    return this.doubles[slot * STATE_DOUBLES + STATE_F.minOffset] as number;
  }

  /** Never moves down. */
  setMinOffset(slot: number, offset: number): void {
    if (offset > this.minOffset(slot)) {
      this.doubles[slot * STATE_DOUBLES + STATE_F.minOffset] = offset;
    }
  }

  /**
   * Has a queue that no batch is known of begin at `offset`, where it came to before; nothing happens to one
   * that has batches, or that is further. Only before anything is appended.
   */
  beginAt(slot: number, offset: number): void {
    if (this.tailPosition(slot) !== 0 || this.nextOffset(slot) >= offset) {
      return;
    }
    const { words, doubles } = this;
    const at = slot * STATE_WORDS;
    const before = this.#lockForOpen(at);
    const d = slot * STATE_DOUBLES;
    doubles[d + STATE_F.minOffset] = offset;
    doubles[d + STATE_F.nextOffset] = offset;
    doubles[d + STATE_F.blocksEnd] = offset;
    Atomics.store(words, at + STATE.version, (before & ~VERSION_BUSY) + VERSION_STEP);
  }

  /** Log position behind the queue's newest batch, in bytes; 0 when it has none. */
  tailPosition(slot: number): number {
    return this.doubles[slot * STATE_DOUBLES + STATE_F.tailPosition] as number;
  }

  /** No slot from this one on was ever open. */
  get usedSlots(): number {
    return Atomics.load(this.commonWords, COMMON_HIGH_SLOT_WORD);
  }

  /** Has the seat told ({@link takeMoved}) whenever the queue moves. What moved before is not told: look once after it. */
  watch(slot: number, seat: number): void {
    Atomics.or(this.words, watchWord(slot, seat), 1 << (seat & 31));
  }

  unwatch(slot: number, seat: number): void {
    Atomics.and(this.words, watchWord(slot, seat), ~(1 << (seat & 31)));
  }

  /** Calls `visit` once for each watched slot that moved since the last call. True when there was one. */
  takeMoved(seat: number, visit: (slot: number) => void): boolean {
    return this.#moved.take(seat, visit);
  }

  /** For a seat that changes hands: forgets what it watched and what it was told. Only while it has no owner. */
  clearSeat(seat: number): void {
    for (let slot = 0; slot < this.usedSlots; slot++) {
      this.unwatch(slot, seat);
    }
    this.#moved.take(seat, () => {});
  }

  /** The newest batch's store time on a lane, ms since 1970. For the index stage. */
  lastStoreTime(lane: number): number {
    return this.common[(lane * COMMON_LINE_BYTES) / 8 + COMMON_F.lastStoreTime] as number;
  }

  /** For the index stage. */
  keepStoreTime(lane: number, time: number): void {
    this.common[(lane * COMMON_LINE_BYTES) / 8 + COMMON_F.lastStoreTime] = time;
  }

  /** Seats that watch the slot, as a word of bits. For the index stage. */
  watchers(slot: number, high: boolean): number {
    return Atomics.load(this.words, slot * STATE_WORDS + (high ? STATE.watchHigh : STATE.watchLow));
  }

  /** Tells one seat that the slot moved. For the index stage. */
  markMoved(seat: number, slot: number): void {
    this.#moved.set(seat, slot);
  }

  /**
   * The slot's last queue may still be getting its last batch on another thread; that is over in
   * microseconds, or when the thread is gone and the next holder of the index role has finished its work.
   */
  #lockForOpen(at: number): number {
    const { words } = this;
    for (let tries = 0; tries < 1_000_000; tries++) {
      const version = Atomics.load(words, at + STATE.version);
      if (
        (version & VERSION_BUSY) === 0 &&
        Atomics.compareExchange(words, at + STATE.version, version, version | VERSION_OPENING) === version
      ) {
        // The load keeps the stores that follow from being seen before the bit (a store-release alone would
        // not).
        Atomics.load(words, at + STATE.version);
        return version;
      }
    }
    throw new RingMQError('BROKER_BUSY', 'the queue slot is still in use by the index stage');
  }
}

function watchWord(slot: number, seat: number): number {
  return slot * STATE_WORDS + (seat < 32 ? STATE.watchLow : STATE.watchHigh);
}
