import { describe, expect, test } from 'vitest';
import {
  createRingMemory,
  PAD_MARK,
  Ring,
  RingReader,
  RingWriter,
  repairSeat,
  SEAT_WORD,
  seatWord,
  WORD,
} from '../../engine/ring/index.js';
import { readUint32, writeUint32 } from '../../native-free/wire/index.js';

const SLOT = 64;
const REPAIRER = 3;
const noneLive = () => false;

function makeRing(start = 0): Ring {
  const ring = new Ring(
    createRingMemory({
      ringBytes: 16 * SLOT,
      spanBytes: 8 * SLOT,
      maxThreads: 4,
      startPosition: start * SLOT,
    }),
  );
  ring.indexRole.tryTake(REPAIRER);
  return ring;
}

/** What a thread leaves that was terminated just before or after its swap. */
function leaveIntent(ring: Ring, seat: number, position: number, slots: number): void {
  ring.control[seatWord(seat) + SEAT_WORD.intentPosition] = position;
  ring.control[seatWord(seat) + SEAT_WORD.intentLength] = slots;
}

function intentOf(ring: Ring, seat: number): number {
  return ring.control[seatWord(seat) + SEAT_WORD.intentLength] as number;
}

/** [position, slots] of the published pads and batches from `indexed` up to the head. */
function published(ring: Ring): string {
  const seen: string[] = [];
  for (let position = ring.indexed(); position !== ring.head(); ) {
    const mark = ring.mark(position);
    if (mark === 0) {
      return `${seen.join(' ')} hole at ${position}`;
    }
    const slots = readUint32(ring.bytes, ring.place(position)) / SLOT;
    seen.push(`${mark === PAD_MARK ? 'pad' : 'batch'}:${slots}`);
    position += slots;
  }
  return seen.join(' ');
}

function put(ring: Ring, seat: number, slots: number): void {
  const writer = new RingWriter(ring, seat);
  writer.claim(slots * SLOT);
  writeUint32(ring.bytes, writer.place, slots * SLOT);
  writer.publish();
}

describe('repairSeat', () => {
  test('pads a claim that was not published', () => {
    const ring = makeRing();
    new RingWriter(ring, 0).claim(3 * SLOT);
    put(ring, 1, 2);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect(published(ring)).toBe('pad:3 batch:2');
    expect(intentOf(ring, 0)).toBe(0);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
  });

  test.each([
    ['neither part', false],
    ['the pad', true],
  ])('of a claim over a span end, of which %s was published, pads the rest', (_, padIsOut) => {
    const ring = makeRing(6);
    new RingWriter(ring, 0).claim(5 * SLOT);
    if (!padIsOut) {
      ring.clearMark(6);
      leaveIntent(ring, 0, 6, 7);
    }
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect(published(ring)).toBe('pad:2 pad:5');
  });

  test('of a claim over a span end whose pad was indexed already, pads the batch', () => {
    const ring = makeRing(6);
    new RingWriter(ring, 0).claim(5 * SLOT);
    ring.clearMark(6);
    ring.setIndexed(8);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect(published(ring)).toBe('pad:5');
  });

  test('leaves alone what was never claimed, or was published by the dead thread or by another', () => {
    const ring = makeRing();
    leaveIntent(ring, 0, 0, 2);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect(ring.mark(0)).toBe(0);
    put(ring, 1, 3);
    leaveIntent(ring, 0, 0, 2);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect(published(ring)).toBe('batch:3');
    ring.clearMark(0);
    ring.setIndexed(3);
    leaveIntent(ring, 0, 0, 2);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect([ring.head(), ring.mark(0)]).toEqual([3, 0]);
  });

  test('waits for a living writer that may be the owner', () => {
    const ring = makeRing();
    const owner = new RingWriter(ring, 1);
    owner.claim(3 * SLOT);
    leaveIntent(ring, 0, 0, 2);
    expect(repairSeat(ring, 0, (seat) => seat === 1)).toBe(false);
    expect(intentOf(ring, 0)).toBe(2);
    writeUint32(ring.bytes, owner.place, 3 * SLOT);
    owner.publish();
    expect(repairSeat(ring, 0, (seat) => seat === 1)).toBe(true);
    expect(published(ring)).toBe('batch:3');
  });

  test.each([
    ['the head', (_: Ring) => {}, 'pad:2'],
    ['a mark', (ring: Ring) => put(ring, 2, 3), 'pad:2 batch:3'],
    ['an intent', (ring: Ring) => void new RingWriter(ring, 2).claim(3 * SLOT), 'pad:2 hole at 2'],
  ])('of two dead threads at one place, takes the length that %s proves', (_, next, expected) => {
    for (const first of [0, 1]) {
      const ring = makeRing();
      new RingWriter(ring, 0).claim(2 * SLOT);
      // One that wanted less, one that wanted so much that it would end where a later claim does.
      leaveIntent(ring, 1, 0, first === 0 ? 1 : 5);
      next(ring);
      expect(repairSeat(ring, first, (seat) => seat === 2)).toBe(true);
      expect(repairSeat(ring, 1 - first, (seat) => seat === 2)).toBe(true);
      expect(published(ring)).toBe(expected);
    }
  });

  test('works where positions wrap', () => {
    const ring = makeRing(2 ** 31 - 2);
    new RingWriter(ring, 0).claim(8 * SLOT);
    expect(repairSeat(ring, 0, noneLive)).toBe(true);
    expect(ring.mark(2 ** 31 - 2)).toBe(PAD_MARK);
    expect(ring.mark(-(2 ** 31))).toBe(PAD_MARK);
    expect(ring.head()).toBe(-(2 ** 31) + 8);
  });

  test('drops pin and hold', () => {
    const ring = makeRing();
    put(ring, 0, 4);
    ring.clearMark(0);
    ring.setIndexed(4);
    const reader = new RingReader(ring, 1);
    reader.pin(0);
    reader.hold(1);
    ring.free(4);
    expect(ring.gate()).toBe(0);
    expect(repairSeat(ring, 1, noneLive)).toBe(true);
    ring.free(4);
    expect(ring.gate()).toBe(4);
  });

  test('is refused without the index role', () => {
    const ring = makeRing();
    expect(() => repairSeat(ring, REPAIRER, noneLive)).toThrow(/index role/);
    ring.indexRole.release(REPAIRER);
    expect(() => repairSeat(ring, 0, noneLive)).toThrow(/index role/);
  });
});

describe('Role', () => {
  test('is held by one, released by it alone, and broken for the dead', () => {
    const ring = makeRing();
    const role = ring.persistRole;
    expect(role.holder()).toBe(-1);
    expect(role.tryTake(0)).toBe(true);
    expect(role.tryTake(0)).toBe(false);
    expect(role.tryTake(1)).toBe(false);
    expect(role.holder()).toBe(0);
    expect(() => role.release(1)).toThrow();
    expect(role.breakIfHeldBy(1)).toBe(false);
    expect(role.breakIfHeldBy(0)).toBe(true);
    expect(role.tryTake(1)).toBe(true);
    expect(ring.control[WORD.persistRole]).toBe(2);
    role.release(1);
    expect(role.holder()).toBe(-1);
  });
});
