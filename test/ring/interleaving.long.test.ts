import { describe, expect, test } from 'vitest';
import { type Ring, SEAT_WORD, seatWord, WORD } from '../../engine/ring/index.js';
import { Violation } from './interleaving.js';
import type { Free } from './ring-actors.js';
import { explore } from './ring-scenario.js';

/** Far above what a busy machine needs. */
const TIMEOUT_MS = 600_000;

describe('all interleavings of the ring code', { timeout: TIMEOUT_MS }, () => {
  test('two writers, the index stage that frees, and a reader', () => {
    expect(explore({ writers: [[2], [1, 2]], reads: 2 }).states).toBeGreaterThan(50_000);
  });

  test('the same, with a reader that has only a hold until it has pinned', () => {
    expect(explore({ writers: [[2], [1, 2]], reads: 2, holds: true }).states).toBeGreaterThan(50_000);
  });

  test('two writers on a ring that is full', () => {
    expect(
      explore({
        writers: [
          [2, 1, 2],
          [1, 2, 2],
        ],
      }).states,
    ).toBeGreaterThan(200_000);
  });

  test('a writer is terminated at any operation and repaired', () => {
    expect(explore({ writers: [[2], [1, 2]], kills: 1 }).kills).toBeGreaterThan(10_000);
  });

  test('a writer is terminated where the ring is full behind it', () => {
    expect(explore({ writers: [[2, 2], [2]], kills: 1 }).kills).toBeGreaterThan(10_000);
  });

  test('both writers are terminated, whose claims of the same place differ in length', () => {
    expect(explore({ writers: [[2], [1]], kills: 2 }).kills).toBeGreaterThan(10_000);
  });

  test('two of three writers are terminated while the third claims on behind them', () => {
    expect(explore({ writers: [[2], [1], [1]], kills: 2, ringBytes: 512, late: true }).kills).toBeGreaterThan(
      10_000,
    );
  });
});

describe('the search finds what is wrong', { timeout: TIMEOUT_MS }, () => {
  test('a reader that checks the head in place of the limit', () => {
    const makeReader = (ring: Ring, seat: number) => ({
      pin(position: number): boolean {
        Atomics.store(ring.control, seatWord(seat) + SEAT_WORD.pin, position);
        Atomics.store(ring.control, seatWord(seat) + SEAT_WORD.pinState, 1);
        return ((ring.head() - position) | 0) <= ring.ringBytes / 64;
      },
      unpin(): void {
        Atomics.store(ring.control, seatWord(seat) + SEAT_WORD.pinState, 0);
      },
    });
    expect(() => explore({ writers: [[2], [1, 2]], reads: 2, makeReader })).toThrow(/overwritten/);
  });

  test('a reader that looks at the limit before it pins', () => {
    const makeReader = (ring: Ring, seat: number) => ({
      pin(position: number): boolean {
        if (((position - ring.limit()) | 0) < 0) {
          return false;
        }
        Atomics.store(ring.control, seatWord(seat) + SEAT_WORD.pin, position);
        Atomics.store(ring.control, seatWord(seat) + SEAT_WORD.pinState, 1);
        return true;
      },
      unpin(): void {
        Atomics.store(ring.control, seatWord(seat) + SEAT_WORD.pinState, 0);
      },
    });
    expect(() => explore({ writers: [[2], [1, 2]], reads: 2, makeReader })).toThrow(/overwritten/);
  });

  test('a gate owner that looks at the pins before it sets the limit', () => {
    const free: Free = (ring) => {
      let bound = ring.indexed();
      const upTo = bound;
      for (let seat = 0; seat < ring.maxThreads; seat++) {
        if (Atomics.load(ring.control, seatWord(seat) + SEAT_WORD.pinState) === 1) {
          const pin = Atomics.load(ring.control, seatWord(seat) + SEAT_WORD.pin);
          bound = ((pin - bound) | 0) < 0 ? pin : bound;
        }
      }
      Atomics.store(ring.control, WORD.limit, upTo);
      Atomics.store(ring.control, WORD.gate, bound);
    };
    expect(() => explore({ writers: [[2], [1, 2]], reads: 2, free })).toThrow(/overwritten/);
  });

  test('a writer that publishes before its bytes are there', () => {
    expect(() => explore({ writers: [[2], [1, 2]], publishEarly: true })).toThrow(/torn/);
  });

  test('a repair that does not mind the living', () => {
    expect(() => explore({ writers: [[2], [1]], kills: 1, isLive: () => false })).toThrow(Violation);
  });

  test('no repair at all', () => {
    expect(() => explore({ writers: [[2], [1]], kills: 1, unrepaired: true })).toThrow(/stuck/);
  });
});
