import { once } from 'node:events';
import { threadId, Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { createSeatMemory, EventLoopParker, park, SeatTable, wake } from '../../engine/ring/index.js';

const WORKER = new URL('./parking-worker.js', import.meta.url);

describe('SeatTable', () => {
  test('gives each thread a seat until all are taken, and a released one again', () => {
    const seats = new SeatTable(createSeatMemory(3));
    expect([7, 8, 9, 10].map((tag) => seats.take(tag))).toEqual([0, 1, 2, -1]);
    expect([0, 1, 2].map((seat) => seats.tag(seat))).toEqual([7, 8, 9]);
    seats.release(1);
    expect(seats.tag(1)).toBe(-1);
    expect(seats.isLive(1)).toBe(false);
    expect(seats.take(11)).toBe(1);
    expect(seats.deadSeats()).toEqual([]);
  });

  test('a thread whose exit was seen is dead, and its seat live again with its next owner', () => {
    const seats = new SeatTable(createSeatMemory(3));
    const seat = seats.take(threadId);
    expect(seats.isLive(seat)).toBe(true);
    seats.markGone(threadId + 1);
    expect(seats.deadSeats()).toEqual([]);
    seats.markGone(threadId);
    expect(seats.deadSeats()).toEqual([seat]);
    seats.release(seat);
    seats.take(threadId);
    expect(seats.isLive(seat)).toBe(true);
  });

  test.runIf(process.platform === 'linux')(
    'a terminated thread is found dead without being told',
    async () => {
      const memory = createSeatMemory(3);
      const seats = new SeatTable(memory);
      const worker = new Worker(WORKER, { workerData: { seatMemory: memory, work: shared() } });
      const [{ seat }] = (await once(worker, 'message')) as [{ seat: number }];
      expect(seats.isLive(seat)).toBe(true);
      await worker.terminate();
      expect(seats.isLive(seat)).toBe(false);
      expect(seats.deadSeats()).toEqual([seat]);
    },
  );

  test('watches workers started from then on', async () => {
    const memory = createSeatMemory(3);
    const seats = new SeatTable(memory);
    const gone: number[] = [];
    const stop = seats.watchWorkers((tag) => gone.push(tag));
    const worker = new Worker(WORKER, { workerData: { seatMemory: memory, work: shared() } });
    const [message] = (await once(worker, 'message')) as [{ threadId: number }];
    await worker.terminate();
    stop();
    expect(gone).toEqual([message.threadId]);
    expect(seats.deadSeats().length).toBe(1);
  });

  test('a worker has one listener, however many brokers watch', async () => {
    const memory = createSeatMemory(4);
    const gone: number[] = [];
    const stops = [...Array(12).keys()].map((i) => new SeatTable(memory).watchWorkers(() => gone.push(i)));
    const worker = new Worker(WORKER, { workerData: { seatMemory: memory, work: shared() } });
    await once(worker, 'message');
    expect(worker.listenerCount('exit')).toBe(1);
    stops[0]?.();
    await worker.terminate();
    expect(gone).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const stop of stops) {
      stop();
    }
  });
});

describe('parking', () => {
  test('wake does nothing for a thread that does not park', () => {
    const control = shared();
    expect(wake(control, 0)).toBe(false);
    control[0] = 1;
    expect(wake(control, 0)).toBe(true);
    expect(control[0]).toBe(0);
  });

  test('park does not wait when there is work, and not beyond its time', () => {
    const control = shared();
    park(control, 0, () => control[0] === 1);
    expect(control[0]).toBe(0);
    park(control, 0, () => false, 1);
    expect(control[0]).toBe(0);
  });

  test('a parked thread is woken by work', async () => {
    const memory = createSeatMemory(3);
    const seats = new SeatTable(memory);
    const work = shared();
    const worker = new Worker(WORKER, { workerData: { seatMemory: memory, work } });
    const [{ seat }] = (await once(worker, 'message')) as [{ seat: number }];
    const woken = once(worker, 'message');
    Atomics.store(work, 0, 1);
    wake(seats.control, seats.parkedWord(seat));
    expect((await woken)[0]).toBe('woken');
    await worker.terminate();
  });

  test('EventLoopParker calls once for each arming, woken or disarmed in between or not', async () => {
    const control = shared();
    const parker = new EventLoopParker(control, 0, 60_000);
    let calls = 0;
    for (let i = 1; i <= 3; i++) {
      // An arming that was taken back leaves its wait behind; the next one uses it.
      parker.arm(() => expect.unreachable());
      parker.disarm();
      expect(wake(control, 0)).toBe(false);
      const called = new Promise<void>((resolve) => {
        parker.arm(() => {
          calls++;
          resolve();
        });
      });
      expect(wake(control, 0)).toBe(true);
      await called;
      expect(calls).toBe(i);
      expect(control[0]).toBe(0);
    }
    parker.close();
  });

  test('EventLoopParker has an interval for a wake-up that was lost, and is silent when closed', async () => {
    const control = shared();
    const parker = new EventLoopParker(control, 0, 5);
    await new Promise<void>((resolve) => parker.arm(resolve));
    parker.arm(() => expect.unreachable());
    parker.close();
    parker.arm(() => expect.unreachable());
    expect(control[0]).toBe(0);
  });
});

function shared(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(64));
}
