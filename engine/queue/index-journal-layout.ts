/**
 * The index stage's journal: what it is about to do to one batch, written down before it does it. The thread
 * that holds the index role may be terminated between any two instructions; whoever takes the role next finds
 * the record and does it again from the start. Every action is a store of a value that the record names, so
 * doing it twice is doing it once.
 *
 * One record per lane, in the queue table's common memory:
 *
 *     Int32 words 0–31:   phase, position, … ({@link JOURNAL})
 *     doubles 16–31:      logPosition, … ({@link JOURNAL_F})
 *
 * phase (stored last, with Atomics):
 * - idle: nothing, or the batch at `position` is done;
 * - locking: `slot` is about to be, or has been, locked for the batch at `position`; nothing else has happened;
 * - doing: the record is whole; any part of it may have been done.
 *
 * The batch is done when the ring's `indexed` moves past `position`, in one store. A record whose position is
 * not `indexed` any more is therefore an old one.
 */

export const JOURNAL_PHASE = { idle: 0, locking: 1, doing: 2 } as const;

/** What the record does. */
export const JOURNAL_KIND = {
  /** Stamp a pad that was published as one. */
  pad: 0,
  /** Stamp a batch and append it to its queue. */
  append: 1,
  /** Turn a batch into a pad, and tell its writer why. */
  refuse: 2,
  /** Stamp a control batch, which is in no queue. */
  control: 3,
  /** On a slave: append what its master has stamped to the queue that is said, if one is. Nothing is stamped, nobody is told. */
  follow: 4,
} as const;

/** What is done to the producer table. */
export const PRODUCER_CHANGE = { none: 0, update: 1, insert: 2, evict: 3 } as const;

export const JOURNAL_WORDS = 32;
export const JOURNAL_DOUBLES = 16;
export const JOURNAL = {
  phase: 0,
  /** The batch's ring position in slots, its length in slots, and its writer's seat. */
  position: 1,
  slots: 2,
  seat: 3,
  kind: 4,
  /** Queue slot, -1 = none. */
  slot: 5,
  count: 6,
  /** Place of the new entry in the tail block, and the chain's length before it. */
  tailIndex: 7,
  chainLength: 8,
  /** The result: wire status, ack flags, and its sequence number in the writer's result ring. */
  status: 9,
  flags: 10,
  resultSequence: 11,
  syncFlush: 12,
  /** The producer table: what to do, to which entry, and its fields as they will be. */
  producerChange: 13,
  producer: 14,
  producerIdLow: 15,
  producerIdHigh: 16,
  producerEpoch: 17,
  producerLast: 18,
  producerFloor: 19,
  producerNext: 20,
  producerKept: 21,
  sequence: 22,
  /** What tells the batch from another one under its sequence. */
  fingerprint: 23,
  /** Where the hand that looked for a place stood, and how many entries from there on it passes. */
  hand: 24,
  handPasses: 25,
} as const;
export const JOURNAL_F = {
  logPosition: 0,
  baseOffset: 1,
  storeTime: 2,
  /** Id the tail block gets if this entry fills it; the newest block before that, and blocks before that. */
  block: 3,
  lastBlock: 4,
  depth: 5,
  /** What the result names: the batch itself, or the one it repeats. */
  resultOffset: 6,
  resultPosition: 7,
  resultTime: 8,
  /** Store time of the last batch of the producer that gives way. */
  forgotten: 9,
} as const;
