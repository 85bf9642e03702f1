/** The sync thread; see disk/background-sync.ts. */
import { workerData } from 'node:worker_threads';
import { NodeDisk, serveSyncs } from '../disk/index.js';
import { SeatTable, wake } from '../ring/index.js';
import { PERSIST_SEAT } from '../term/shared-words.js';

/** `workerData` of this worker. */
export interface SyncWorkerData {
  words: SharedArrayBuffer;
  seats: SharedArrayBuffer;
}

const { words, seats: seatMemory } = workerData as SyncWorkerData;
const seats = new SeatTable(seatMemory);

serveSyncs(words, new NodeDisk(), () => wake(seats.control, seats.parkedWord(PERSIST_SEAT)));
