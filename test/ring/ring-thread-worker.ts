/** Thread entry: does its part (ring-thread.ts), says its seat when its first batch is out, or when it begins to read, and ends. */
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { SeatTable } from '../../engine/ring/index.js';
import { index, read, type ThreadData, write } from './ring-thread.js';

const data = workerData as ThreadData;
if (data.role === 'indexer') {
  index(data);
} else if (data.role === 'reader') {
  parentPort?.postMessage(data.seat);
  read(data);
} else {
  // A negative seat: one from the table, so that its death shows there.
  const seat = data.seat >= 0 ? data.seat : new SeatTable(data.seatMemory).take(threadId);
  write({ ...data, seat }, () => parentPort?.postMessage(seat));
}
