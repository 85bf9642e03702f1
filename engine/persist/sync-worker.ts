/** The sync thread; see disk/background-sync.ts. */
import { workerData } from 'node:worker_threads';
import { serveSyncs } from '../disk/background-sync.js';
import { SegmentDisk } from '../disk/segment-place.js';
import { wake } from '../ring/parking.js';
import { SeatTable } from '../ring/seats.js';
import { PERSIST_SEAT } from '../term/shared-words.js';

/** `workerData` of this worker. */
export interface SyncWorkerData {
  words: SharedArrayBuffer;
  seats: SharedArrayBuffer;
  /** Of the directory that the log is in. */
  logDirFd: number;
}

const { words, seats: seatMemory, logDirFd } = workerData as SyncWorkerData;
const seats = new SeatTable(seatMemory);

serveSyncs(words, new SegmentDisk(logDirFd), () => wake(seats.control, seats.parkedWord(PERSIST_SEAT)));
