/** Shared words between the persist worker and the thread that started it, and the worker's place among the seats. */

/** The persist worker is the first to sit down. */
export const PERSIST_SEAT = 0;

export const PERSIST_WORDS = {
  /** 1: write and sync what there is, then end. */
  stop: 0,
  /** Stays 0: something to wait on for a moment. */
  never: 1,
  /** 1: the broker is being closed, no thread takes in anything any more. */
  closing: 2,
} as const;

export const PERSIST_WORDS_BYTES = 64;
