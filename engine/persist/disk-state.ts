/**
 * What the threads of a broker tell each other about the disk: whether it has failed, and whether it has
 * room. Two words of the log's ring (`fatal`, `full`) hold it. The persist worker is who tells the host; it
 * is woken with every change that was made here.
 */
import { ERRORS } from '../../native-free/wire/errors.js';
import { EIO } from '../disk/disk.js';
import { FULL } from '../log/persist-layout.js';
import { type Ring, type SeatTable, WORD, wake } from '../ring/index.js';

export interface DiskStateDeps {
  /** The log's. */
  ring: Ring;
  seats: SeatTable;
  persistSeat: number;
}

export class DiskState {
  readonly #control: Int32Array;
  readonly #seats: Int32Array;
  readonly #workerWord: number;

  constructor({ ring, seats, persistSeat }: DiskStateDeps) {
    this.#control = ring.control;
    this.#seats = seats.control;
    this.#workerWord = seats.parkedWord(persistSeat);
  }

  /** The error number sends are refused with now, or 0. */
  refusal(): number {
    if (this.hasFailed()) {
      return ERRORS.DISK_FAILED.wire;
    }
    return Atomics.load(this.#control, WORD.full) !== 0 ? ERRORS.DISK_FULL.wire : 0;
  }

  /** As {@link refusal}, for what the broker writes of itself: the room that `minFreeBytes` keeps is for that. */
  controlRefusal(): number {
    if (this.hasFailed()) {
      return ERRORS.DISK_FAILED.wire;
    }
    return (Atomics.load(this.#control, WORD.full) & ~FULL.nearly) !== 0 ? ERRORS.DISK_FULL.wire : 0;
  }

  /** The disk has failed for good: nothing more will be written. */
  hasFailed(): boolean {
    return Atomics.load(this.#control, WORD.fatal) !== 0;
  }

  /** An index block finds no room, or no descriptor. */
  get isIndexFull(): boolean {
    return (Atomics.load(this.#control, WORD.full) & FULL.index) !== 0;
  }

  /** Any thread may say so: sends are refused from here on. `ofResources`: for want of a descriptor or memory, not of room. */
  setIndexFull(ofResources: boolean): void {
    if (!this.isIndexFull) {
      Atomics.or(this.#control, WORD.full, ofResources ? FULL.index | FULL.resources : FULL.index);
      this.wakeWorker();
    }
  }

  /** Any thread may say so: sends are taken again. */
  indexHasRoom(): void {
    if (this.isIndexFull) {
      Atomics.and(this.#control, WORD.full, ~(FULL.index | FULL.resources));
      this.wakeWorker();
    }
  }

  /** The disk has failed where this thread found out: ends the log. */
  fail(error: unknown): void {
    const errno = Math.abs((error as NodeJS.ErrnoException).errno ?? EIO) || EIO;
    Atomics.compareExchange(this.#control, WORD.fatal, 0, errno);
    this.wakeWorker();
  }

  /** The persist worker has something to do. */
  wakeWorker(): void {
    wake(this.#seats, this.#workerWord);
  }

  /** The persist worker sleeps, so small writes may be made by others. */
  isWorkerParked(): boolean {
    return Atomics.load(this.#seats, this.#workerWord) === 1;
  }
}
