/**
 * Store times: the wall clock, with what has to be done about a wall clock that is set.
 *
 * A search by time halves the queue, so it wants store times that do not fall. A clock that goes back a
 * little (a server of time has corrected it) is therefore held for as long. One that goes back further had
 * been wrong before: holding it would give everything that follows the wrong time, for ten years if it had
 * been ten years ahead. So it is believed, and times fall once. What was stored while the clock was ahead is
 * known by lying in the future, and the search passes over it.
 */

/** A clock that goes back by no more than this is held. Also how far in the future a store time may lie and be believed. */
export const HELD_MS = 60_000;

/** The store time of a batch, given the last one's and the wall clock. */
export function storeTimeAfter(last: number, clock: number): number {
  return last > clock && last - clock <= HELD_MS ? last : clock;
}
