/**
 * Result rings: one per seat and lane, through which the index stage tells the writer of a batch what became
 * of it.
 *
 *     per seat:   0     tail i32   results put so far, wrapping; written by the index role's holder
 *                 64    8,192 × 32 bytes:
 *
 *        0          8             16           24                     28              32
 *        ┌──────────┬─────────────┬────────────┬──────────────────────┬───────────────┐
 *        │ position │ base offset │ store time │ status, flags << 16  │ ring position │
 *        │ f64      │ f64         │ f64        │ i32                  │ i32, slots    │
 *        └──────────┴─────────────┴────────────┴──────────────────────┴───────────────┘
 *
 * One writer at a time, one reader (the seat's thread), which keeps its own place. The writer never waits: a
 * seat has at most 8,192 batches without a result, so what it might overwrite is what an earlier owner of the
 * seat left behind, and the reader passes over that.
 */

/** Results a seat's ring holds: how many batches a thread may have in a ring without their result. */
export const RESULT_CAPACITY = 8192;

export const RESULT_HEAD_BYTES = 64;
export const RESULT_BYTES = 32;
export const RESULT_SEAT_BYTES = RESULT_HEAD_BYTES + RESULT_CAPACITY * RESULT_BYTES;
export const RESULT_SEAT_WORDS = RESULT_SEAT_BYTES / 4;
export const RESULT_SEAT_DOUBLES = RESULT_SEAT_BYTES / 8;

/** Doubles, and Int32 words, of an entry. */
export const RESULT_F = { position: 0, baseOffset: 1, storeTime: 2 } as const;
export const RESULT_WORD = { outcome: 6, ringPosition: 7 } as const;
