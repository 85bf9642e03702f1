/** Goes through a stretch of the log's files from batch to batch, whatever queues they are of. */
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  readUint32,
  SLOT_BYTES,
  slotAligned,
} from '../../../native-free/wire/batch-layout.js';
import { MAX_BATCH_BYTES } from '../../../native-free/wire/limits.js';
import { headerIsValid } from '../../batch/header.js';
import type { LogReader } from '../../log/index.js';

/** One read of the files brings so much. */
const WINDOW_BYTES = 256 * 1024;
/** Where the walk goes over batches that nobody wants, it reads little more than their headers. */
const SPARSE_BYTES = 16 * 1024;

export class LogWalk {
  /** Where the walk is: a batch begins here. */
  position: number;
  /** What it is at, valid until the next call. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Index of the batch in {@link bytes}. */
  at = 0;
  /** Of the batch, its header included. */
  length = 0;
  /** A stretch could not be read. */
  hasHoles = false;
  /** What was read of the files. */
  readBytes = 0;
  readonly #reader: LogReader;
  readonly #spanBytes: number;
  readonly #end: number;
  #buffer = new Uint8Array(WINDOW_BYTES);
  #from = 0;
  #filled = 0;
  #window = WINDOW_BYTES;

  /** From a batch's beginning to `end`, where one ends. */
  constructor(reader: LogReader, spanBytes: number, from: number, end: number) {
    this.#reader = reader;
    this.#spanBytes = spanBytes;
    this.position = from;
    this.#end = end;
  }

  /** The walk is at a batch or pad of which the header is there. False: it has come to the end. */
  look(): boolean {
    while (this.position < this.#end) {
      if (this.#headerIsThere(this.position)) {
        this.length = readUint32(this.bytes, this.at + BATCH.length);
        const left = this.#spanBytes - (this.position % this.#spanBytes);
        if (slotAligned(this.length) <= left) {
          return true;
        }
      }
      this.hasHoles = true;
      this.#resync();
    }
    return false;
  }

  get isMessages(): boolean {
    return this.bytes[this.at + BATCH.type] === BATCH_TYPE.data;
  }

  /** All of the batch that the walk is at; null: it cannot be read. */
  batch(): Uint8Array | null {
    this.#window = WINDOW_BYTES;
    if (this.length > MAX_BATCH_BYTES || !this.#fetch(this.position, this.length)) {
      this.hasHoles = true;
      return null;
    }
    return this.bytes.subarray(this.at, this.at + this.length);
  }

  /** Goes behind the batch. */
  step(): void {
    this.position += slotAligned(this.length);
  }

  /** The same, of one whose body nobody wanted. */
  pass(): void {
    this.#window = SPARSE_BYTES;
    this.step();
  }

  /** The next place where a batch begins, or the next span: batches of any kind begin there. */
  #resync(): void {
    const border = this.position - (this.position % this.#spanBytes) + this.#spanBytes;
    const end = Math.min(border, this.#end);
    this.position += SLOT_BYTES;
    while (this.position < end) {
      if (!this.#fetch(this.position, SLOT_BYTES)) {
        this.position = end;
        return;
      }
      const isPlace = readUint32(this.bytes, this.at + BATCH.position) === this.position % 4294967296;
      if (isPlace && this.#headerIsThere(this.position)) {
        return;
      }
      this.position += SLOT_BYTES;
    }
  }

  #headerIsThere(position: number): boolean {
    // A pad's header is shorter, and may be the last of the file.
    const length = Math.min(BATCH_HEADER_BYTES, this.#spanBytes - (position % this.#spanBytes));
    return this.#fetch(position, length) && headerIsValid(this.bytes, this.at, position);
  }

  /** Makes `length` bytes from `position` on available. False: they are not there. */
  #fetch(position: number, length: number): boolean {
    if (position < this.#from || position + length > this.#from + this.#filled) {
      const wanted = Math.max(length, Math.min(this.#window, this.#buffer.length));
      if (wanted > this.#buffer.length) {
        this.#buffer = new Uint8Array(wanted);
      }
      this.#from = position;
      this.#filled = this.#read(position, wanted);
      this.readBytes += this.#filled;
      this.bytes = this.#buffer.subarray(0, this.#filled);
      if (this.#filled < length) {
        return false;
      }
    }
    this.at = position - this.#from;
    return true;
  }

  #read(position: number, length: number): number {
    try {
      return this.#reader.read(position, length, this.#buffer, 0);
    } catch (error) {
      // A sector that cannot be read is a hole like any other; a shortage is told when the whole is tried again.
      if ((error as NodeJS.ErrnoException).code === 'EIO') {
        return 0;
      }
      throw error;
    }
  }
}
