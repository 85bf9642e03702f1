/**
 * Undoing what a terminated thread left in a ring, so that nothing wedges: its unpublished claim becomes
 * padding, its pin and hold are dropped. Why this can tell a claim from a lost try, and whose length is
 * right, is argued in docs/ring-protocol.md.
 */
import { SLOT_BYTES } from '../../native-free/wire/batch-layout.js';
import type { Ring } from './ring.js';
import { SEAT_WORD, seatWord } from './ring-layout.js';

/**
 * Repairs the ring after the thread of `seat` died. False: a live writer must take one more step first (it
 * tries, or tried a moment ago, to claim the same place); call again. Calling it twice, or again after the
 * repairing thread itself died, does no harm. The seat may be given away once every ring has answered true.
 *
 * The caller holds the index role and has run the index stage since it took it, so that what a dead holder
 * left half done is finished: only then do marks and `indexed` agree. It runs the stage again afterwards.
 * Roles that the dead seat held are not released here.
 * @param isLive whether a seat's thread may still run; true when in doubt, false for `seat` and for free
 * seats.
 * @throws Error when nobody, or the dead seat, holds the index role.
 */
export function repairSeat(ring: Ring, seat: number, isLive: (seat: number) => boolean): boolean {
  const holder = ring.indexRole.holder();
  if (holder === -1 || holder === seat) {
    throw new Error('a ring is repaired under the index role');
  }
  const words = seatWord(seat);
  Atomics.store(ring.control, words + SEAT_WORD.pinState, 0);
  Atomics.store(ring.control, words + SEAT_WORD.holdState, 0);

  const length = Atomics.load(ring.control, words + SEAT_WORD.intentLength);
  const position = Atomics.load(ring.control, words + SEAT_WORD.intentPosition);
  if (length < 0) {
    padClaim(ring, position, -length);
  } else if (length > 0 && !repairTry(ring, position, isLive)) {
    return false;
  }
  // Last: until the claim is padded this is the only trace of it.
  Atomics.store(ring.control, words + SEAT_WORD.intentLength, 0);
  return true;
}

/** The dead thread wanted `position`, and may or may not have got it; if it did it published nothing there. */
function repairTry(ring: Ring, position: number, isLive: (seat: number) => boolean): boolean {
  const head = ring.head();
  if (((head - position) | 0) <= 0) {
    return true; // Nobody has it.
  }
  // Intents before the mark: a live owner that has left its intent has set the mark before.
  const wanted = isWantedByLive(ring, position, isLive);
  if (isPublished(ring, position)) {
    return true;
  }
  if (wanted) {
    return false;
  }
  padClaim(ring, position, deadClaimLength(ring, position, head));
  return true;
}

function isWantedByLive(ring: Ring, position: number, isLive: (seat: number) => boolean): boolean {
  for (let seat = 0; seat < ring.maxThreads; seat++) {
    if (intentLengthAt(ring, seat, position) !== 0 && isLive(seat)) {
      return true;
    }
  }
  return false;
}

/**
 * Length in slots of an unpublished claim at `position` that one of the dead threads made, we do not know
 * which: the nearest end that one of them wanted and at which the next claim provably began.
 */
function deadClaimLength(ring: Ring, position: number, head: number): number {
  let best = 0;
  for (let seat = 0; seat < ring.maxThreads; seat++) {
    const length = intentLengthAt(ring, seat, position);
    if (length !== 0 && (best === 0 || length < best) && isBoundary(ring, (position + length) | 0, head)) {
      best = length;
    }
  }
  if (best === 0) {
    throw new Error(`no dead thread's claim fits at ring position ${position}`);
  }
  return best;
}

/** Whether a claim began at `end`, as far as its traces tell: the head stands there, or somebody's intent or mark does. */
function isBoundary(ring: Ring, end: number, head: number): boolean {
  if (((end - head) | 0) >= 0) {
    return end === head;
  }
  for (let seat = 0; seat < ring.maxThreads; seat++) {
    if (intentLengthAt(ring, seat, end) !== 0) {
      return true;
    }
  }
  // After the intents, for the same reason as above.
  return ring.mark(end) !== 0;
}

/** Pads what is not yet published of a claim that is certainly a dead thread's: the rest of a span, the batch, or both. */
function padClaim(ring: Ring, position: number, slots: number): void {
  const spanSlots = ring.spanBytes / SLOT_BYTES;
  const toSpanEnd = spanSlots - (position & (spanSlots - 1));
  const gap = slots > toSpanEnd ? toSpanEnd : 0;
  if (gap !== 0 && !isPublished(ring, position)) {
    ring.publishPad(position, gap);
  }
  const batch = (position + gap) | 0;
  if (!isPublished(ring, batch)) {
    ring.publishPad(batch, slots - gap);
  }
}

/** Under the index role a mark is cleared and passed in one go, so the two together never miss a published batch. */
function isPublished(ring: Ring, position: number): boolean {
  return ring.mark(position) !== 0 || ((ring.indexed() - position) | 0) > 0;
}

/**
 * Slots that a seat wanted or has at `position`, 0 when nothing. Each word is read once: a living thread
 * changes them meanwhile, and may leave a length that goes with another position.
 */
function intentLengthAt(ring: Ring, seat: number, position: number): number {
  const words = seatWord(seat);
  const length = Atomics.load(ring.control, words + SEAT_WORD.intentLength);
  return length !== 0 && Atomics.load(ring.control, words + SEAT_WORD.intentPosition) === position
    ? Math.abs(length)
    : 0;
}
