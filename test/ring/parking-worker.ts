/** Thread entry of the seat and parking tests: takes a seat, says so, parks until there is work, says that, and parks for good. */
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { park, SeatTable } from '../../engine/ring/index.js';

const { seatMemory, work } = workerData as { seatMemory: SharedArrayBuffer; work: Int32Array };
const seats = new SeatTable(seatMemory);
const seat = seats.take(threadId);
parentPort?.postMessage({ seat, threadId });
while (Atomics.load(work, 0) === 0) {
  park(seats.control, seats.parkedWord(seat), () => Atomics.load(work, 0) !== 0);
}
parentPort?.postMessage('woken');
park(seats.control, seats.parkedWord(seat), () => false);
