/**
 * An index block: 20 consecutive batches of one queue. The newest, still being filled, is the queue's tail in
 * shared memory; a full one is retired to a file of `queues/` (log lane) or to the arena (memory lane) under
 * an id that says where it lies, and never changes again. Little-endian.
 *
 *        0              8              16             24            28         32
 *        ┌──────────────┬──────────────┬──────────────┬─────────────┬──────────┐
 *      0 │ prev id f64  │ jump id f64  │ jump end f64 │ topicId u32 │ crc u32  │
 *        ├──────────────┼──────────────┼──────┬───────┼─────────────┴──────────┘
 *     32 │ base offset  │ position     │ slots│ count │  × 20
 *        │ f64          │ f64, bytes   │ u32  │ u32   │
 *        └──────────────┴──────────────┴──────┴───────┘  512
 *
 * - prev: the queue's block before this one; 0 = none.
 * - jump: an older block of the queue, by Myers' skew-binary rule, so that any block is reached in O(log n) steps;
 *   0 = none. jump end: the offset behind that block's last record, so that a jump that would go too far is not read.
 * - slots: the batch's length in the log in units of 64 bytes. count: its records.
 * - crc: CRC-32 over the block's id (f64) and then the 512 bytes with this field zero; only in files. The id is not
 *   stored in the block: one that is read in the wrong place does not match.
 *
 * In a tail the first 32 bytes are unused (the state has what they would say).
 */

export const BLOCK_BYTES = 512;
export const BLOCK_DOUBLES = BLOCK_BYTES / 8;
export const BLOCK_WORDS = BLOCK_BYTES / 4;
export const BLOCK_ENTRIES = 20;

/** Doubles of a block's header. */
export const BLOCK_F = { prev: 0, jump: 1, jumpEnd: 2 } as const;
/** Int32 words of a block's header. */
export const BLOCK_WORD = { topicId: 6, crc: 7 } as const;

/** Entries begin at this double, and are this many doubles each. */
export const ENTRIES_AT = 4;
export const ENTRY_DOUBLES = 3;
export const ENTRY_F = { baseOffset: 0, position: 1 } as const;
/** Int32 words of an entry, counted from its first double × 2. */
export const ENTRY_WORD = { slots: 4, count: 5 } as const;
