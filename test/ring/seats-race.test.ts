/** What other threads do with a seat while one thread finds out whether its owner is dead. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { threadId } from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSeatMemory, SeatTable } from '../../engine/ring/index.js';

/** Runs between the look at a seat's words and the answer of the system about its thread. */
let meanwhile: (() => void) | null = null;

const { readFileSync } = fs;

beforeAll(() => {
  vi.spyOn(fs, 'readFileSync').mockImplementation(((path: string, encoding: 'latin1') => {
    const text = readFileSync(path, encoding);
    if (String(path).includes('/task/')) {
      meanwhile?.();
    }
    return text;
  }) as typeof readFileSync);
  syncBuiltinESMExports();
});

afterAll(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

afterEach(() => {
  meanwhile = null;
});

describe.runIf(process.platform === 'linux')('a seat that is looked at', () => {
  test('is not dead because it is released', () => {
    const seats = new SeatTable(createSeatMemory(3));
    const seat = seats.take(threadId);
    meanwhile = () => seats.release(seat);
    expect(seats.deadSeats()).toEqual([]);
    expect(seats.tag(seat)).toBe(-1);
  });

  test('is not dead because another thread has taken it', () => {
    const memory = createSeatMemory(3);
    const seats = new SeatTable(memory);
    const seat = seats.take(threadId);
    // The new owner was started at another time than the thread that is asked about.
    meanwhile = () => {
      seats.release(seat);
      seats.take(threadId + 1);
      const words = new Int32Array(memory);
      words[seat * 16 + 2] = (words[seat * 16 + 2] as number) + 1;
    };
    expect(seats.deadSeats()).toEqual([]);
    expect(seats.tag(seat)).toBe(threadId + 1);
  });

  test('is not dead because its thread has given it back and taken it again', () => {
    const seats = new SeatTable(createSeatMemory(3));
    const seat = seats.take(threadId);
    meanwhile = () => {
      seats.release(seat);
      seats.take(threadId);
    };
    expect(seats.deadSeats()).toEqual([]);
    expect(seats.isLive(seat)).toBe(true);
  });

  test('is dead when nothing has changed but who is asked about', () => {
    const memory = createSeatMemory(3);
    const seats = new SeatTable(memory);
    const seat = seats.take(threadId);
    const words = new Int32Array(memory);
    words[seat * 16 + 2] = (words[seat * 16 + 2] as number) + 1;
    expect(seats.deadSeats()).toEqual([seat]);
  });
});

describe('freeing a dead seat', () => {
  test('does it, and the next owner lives', () => {
    const seats = new SeatTable(createSeatMemory(3));
    const seat = seats.take(7);
    seats.markGone(7);
    expect(seats.releaseDead(seat, 7)).toBe(true);
    expect(seats.tag(seat)).toBe(-1);
    expect(seats.take(8)).toBe(seat);
    expect(seats.isLive(seat)).toBe(true);
    expect(seats.deadSeats()).toEqual([]);
  });

  test('leaves a living owner alone, and another one', () => {
    const seats = new SeatTable(createSeatMemory(3));
    const seat = seats.take(7);
    expect(seats.releaseDead(seat, 7)).toBe(false);
    seats.release(seat);
    expect(seats.releaseDead(seat, 7)).toBe(false);
    seats.take(8);
    seats.markGone(8);
    expect(seats.releaseDead(seat, 7)).toBe(false);
    expect(seats.tag(seat)).toBe(8);
  });
});
