/** Shared words of the broker as a whole, beside its rings, and the persist worker's place among the seats. */

import { PACE_WORDS_BYTES } from './user-paces.js';

/** The persist worker is the first to sit down. */
export const PERSIST_SEAT = 0;

export const BROKER_WORD = {
  /** 1: write and sync what there is, then end. */
  stop: 0,
  /** Stays 0: something to wait on for a moment. */
  never: 1,
  /** 1: the broker is being closed, no thread takes in anything any more. */
  closing: 2,
  /** When a thread last looked whether the data directory is still this broker's; see disk/dir-guard.ts. */
  lookedAt: 3,
  /** 1: somebody on the opener's thread listens for connections, so that other threads tell of theirs. */
  wantsConnections: 4,
  /** One of {@link ROLE}: what this broker is in its set now. Written by the thread that opened it. */
  role: 5,
  /** The epoch that batches are stamped with. Written by the thread that opened the broker, while nothing is stamped. */
  epoch: 6,
  /** One of {@link LEASE}. Written by the thread that opened the broker. */
  lease: 7,
  /**
   * Until when a held lease lets it ack: the process's monotonic clock in units of {@link LEASE_UNIT_MS},
   * which wrap. Stored before `lease` says that it is held.
   */
  leaseEnd: 8,
  /** Moves with each change of users, roles or grants. Written by the thread that opened the broker. */
  accessVersion: 9,
  /** Connections that there have been; each adds one and takes the number. */
  connections: 10,
  /**
   * Batches of the log with keys: counted by the thread that appends one, before it claims its place. What comes
   * later than a look at it, at or behind where the ring's head was then, is counted when it is in the log.
   */
  keyedBegun: 11,
  /** The same, counted once it is in the ring, or was not put there. Where both are the same none is under way. */
  keyedDone: 12,
} as const;

/** `none`: there is no controller, and a master is one until it hears of another. */
export const LEASE = { none: 0, ended: 1, held: 2 } as const;

/** A lease that nobody renews or ends, as its process stands still, is over for a year before the word has come round. */
export const LEASE_UNIT_MS = 16;

/** What a broker is. `fenced`: another one has become master of its set; it takes and acks nothing any more. */
export const ROLE = { master: 0, slave: 1, fenced: 2 } as const;

/** Behind these are the words of user-paces.ts. */
export const PACE_WORDS_AT_BYTES = 64;
export const BROKER_WORDS_BYTES = PACE_WORDS_AT_BYTES + PACE_WORDS_BYTES;
