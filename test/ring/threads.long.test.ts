import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { threadId, Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import {
  createRingMemory,
  createSeatMemory,
  EventLoopParker,
  Ring,
  repairSeat,
  SEAT_WORD,
  SeatTable,
  seatWord,
  wake,
} from '../../engine/ring/index.js';
import { INDEXER_SEAT, MAIN_SEAT, SHARED, type ThreadData } from './ring-thread.js';

const THREADS = 16;
const TIMEOUT_MS = 600_000;
const WORKER = new URL('./ring-thread-worker.js', import.meta.url);

interface Bench {
  ring: Ring;
  seats: SeatTable;
  shared: Int32Array;
  start(data: Partial<ThreadData> & Pick<ThreadData, 'role' | 'seat'>): Worker;
}

function makeBench(ringBytes: number, spanBytes: number, startPosition: number): Bench {
  const memory = createRingMemory({ ringBytes, spanBytes, maxThreads: THREADS, startPosition });
  const seatMemory = createSeatMemory(THREADS);
  const shared = new Int32Array(new SharedArrayBuffer(SHARED.words * 4));
  return {
    ring: new Ring(memory),
    seats: new SeatTable(seatMemory),
    shared,
    start: (data) =>
      new Worker(WORKER, {
        workerData: { memory, seatMemory, shared, writer: 0, copies: 1, count: 0, ...data },
      }),
  };
}

/** Resolves when the thread ended by itself; rejects with what it threw. */
async function ended(worker: Worker): Promise<void> {
  const [code] = await once(worker, 'exit');
  expect(code).toBe(0);
}

async function stopIndexer(bench: Bench, indexer: Promise<void>): Promise<void> {
  Atomics.store(bench.shared, SHARED.stop, 1);
  wake(bench.seats.control, bench.seats.parkedWord(INDEXER_SEAT));
  await indexer;
}

describe('threads on a tiny ring', () => {
  test.each([
    ['4 KiB, span 1 KiB', 4096, 1024, 40_000, 0],
    ['4 KiB, span 2 KiB, over the wrap of the Int32', 4096, 2048, 20_000, (2 ** 32 - 1000) * 64],
    ['16 KiB, span 4 KiB, over the end of an era', 16384, 4096, 10_000, (2 ** 30 - 1000) * 64],
  ])(
    '%s: every byte arrives, in order, and is read back unharmed',
    async (_, ringBytes, spanBytes, count, startPosition) => {
      const bench = makeBench(ringBytes, spanBytes, startPosition);
      const indexer = ended(bench.start({ role: 'indexer', seat: INDEXER_SEAT }));
      const readingThreads = [5, 6].map((seat) => bench.start({ role: 'reader', seat, count: 50_000 }));
      const readers = readingThreads.map(ended);
      // What is written is soon freed: who comes later finds nothing to read.
      await Promise.all(readingThreads.map((reader) => once(reader, 'message')));
      const writers = [2, 3, 4].map((seat) =>
        ended(bench.start({ role: 'writer', seat, writer: seat, count })),
      );
      await Promise.all(writers);
      await stopIndexer(bench, indexer);
      await Promise.all(readers);
      const { ring, shared } = bench;
      for (const writer of [2, 3, 4]) {
        expect(shared[SHARED.seen + writer]).toBe(count);
      }
      expect(ring.indexed()).toBe(ring.head());
      expect(ring.marks.every((mark) => mark === 0)).toBe(true);
      expect(shared[SHARED.reads]).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

describe('terminated threads', () => {
  const MID_WRITE = 200;
  const AT_ONCE = 10;

  test(
    `${MID_WRITE} threads terminated in mid-write never wedge the ring, and lose nothing published`,
    async () => {
      const bench = makeBench(16384, 2048, 2 ** 37 - 4096);
      const { ring, seats, shared } = bench;
      expect(seats.take(1_000_000)).toBe(INDEXER_SEAT);
      expect(seats.take(threadId)).toBe(MAIN_SEAT);
      const indexer = ended(bench.start({ role: 'indexer', seat: INDEXER_SEAT }));
      const parker = new EventLoopParker(seats.control, seats.parkedWord(MAIN_SEAT));
      let victims = 0;
      let midWrite = 0;
      while (midWrite < MID_WRITE) {
        const round = Array.from({ length: AT_ONCE }, () =>
          bench.start({ role: 'writer', seat: -1, writer: victims++, copies: 200, count: 2 ** 31 }),
        );
        const seatsTaken = await Promise.all(round.map((victim) => once(victim, 'message')));
        // One by one, each repaired while the others write on.
        for (const [i, victim] of round.entries()) {
          const [seat] = seatsTaken[i] as [number];
          while (!hasClaim(ring, seat)) {
            await nextTurn();
          }
          await victim.terminate();
          expect(seats.deadSeats()).toEqual([seat]);
          midWrite += hasClaim(ring, seat) ? 1 : 0;
          await repair(bench, seat);
        }
        await caughtUp(bench, parker);
      }
      parker.close();
      await stopIndexer(bench, indexer);
      for (let writer = 0; writer < victims; writer++) {
        const published = shared[SHARED.published + writer] as number;
        // Published, and terminated before it could say so.
        expect([published, published + 1]).toContain(shared[SHARED.seen + writer]);
        expect(published).toBeGreaterThan(0);
      }
      expect(ring.marks.every((mark) => mark === 0)).toBe(true);
      console.log(
        `${victims} terminated, ${midWrite} in mid-write; ${shared[SHARED.indexed]} batches and pads, ${shared[SHARED.pads]} of them pads`,
      );
    },
    TIMEOUT_MS,
  );
});

function hasClaim(ring: Ring, seat: number): boolean {
  return Atomics.load(ring.control, seatWord(seat) + SEAT_WORD.intentLength) !== 0;
}

async function repair({ ring, seats }: Bench, dead: number): Promise<void> {
  for (let repaired = false; !repaired; ) {
    if (ring.indexRole.tryTake(MAIN_SEAT)) {
      repaired = repairSeat(ring, dead, (seat) => seats.isLive(seat));
      ring.indexRole.release(MAIN_SEAT);
    }
    wake(seats.control, seats.parkedWord(INDEXER_SEAT));
    await nextTurn();
  }
  seats.release(dead);
}

async function caughtUp({ ring }: Bench, parker: EventLoopParker): Promise<void> {
  while (ring.indexed() !== ring.head()) {
    await new Promise<void>((resolve) => {
      parker.arm(resolve);
      if (ring.indexed() === ring.head()) {
        parker.disarm();
        resolve();
      }
    });
  }
}
