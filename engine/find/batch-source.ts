/** Where the bytes of batches are had from: the log's files, or a memory ring. */
import {
  BATCH,
  BATCH_HEADER_BYTES,
  MAX_BATCH_BYTES,
  RingMQError,
  readUint32,
  slotAligned,
} from '../../native-free/wire/index.js';
import type { LogReader } from '../log/index.js';
import type { Ring, RingReader } from '../ring/index.js';

/** As it lies in the log. */
const MAX_LENGTH = slotAligned(MAX_BATCH_BYTES);

export interface BatchSource {
  /** Below this position there is nothing any more. */
  oldest(): number;
  /**
   * The first `length` bytes of what lies at `position`, valid until the next call; null when they are not
   * there any more. @throws RingMQError LOG_CORRUPT (they should be there), disk errors
   */
  read(position: number, length: number): Uint8Array | null;
}

/** The log, all of which is in files once it is committed. */
export class LogSource implements BatchSource {
  readonly #reader: LogReader;
  #buffer = new Uint8Array(128 * 1024);

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  oldest(): number {
    return this.#reader.oldestPosition;
  }

  read(position: number, length: number): Uint8Array | null {
    if (length > MAX_LENGTH) {
      throw new RingMQError('LOG_CORRUPT', `log position ${position}: no batch has ${length} bytes`, {
        details: { position },
      });
    }
    if (length > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.min(MAX_LENGTH, length * 2));
    }
    const got = this.#reader.read(position, length, this.#buffer, 0);
    if (position < this.#reader.oldestPosition) {
      return null;
    }
    if (got < length) {
      throw new RingMQError(
        'LOG_CORRUPT',
        `log position ${position}: ${length} bytes were wanted, ${got} are there`,
        { details: { position } },
      );
    }
    return this.#buffer.subarray(0, length);
  }
}

/** The ring of memory topics. Used on the thread whose seat the reader has. */
export class MemorySource implements BatchSource {
  readonly #ring: Ring;
  readonly #reader: RingReader;
  readonly #relieve: () => void;

  /** `relieve`: a pin may have kept the gate from moving. */
  constructor(ring: Ring, reader: RingReader, relieve: () => void) {
    this.#ring = ring;
    this.#reader = reader;
    this.#relieve = relieve;
  }

  oldest(): number {
    return this.#ring.toBytes(this.#ring.gate());
  }

  read(position: number, length: number): Uint8Array | null {
    let bytes: Uint8Array | null = null;
    if (this.#reader.pinBytes(position)) {
      const place = this.#ring.place(this.#ring.toSlots(position));
      bytes = new Uint8Array(this.#ring.bytes.subarray(place, place + length));
      this.#reader.unpin();
    }
    if (this.#ring.isHeldBack()) {
      this.#relieve();
    }
    return bytes;
  }
}

/** The header at `position`, or null. */
export function headerAt(source: BatchSource, position: number): Uint8Array | null {
  return source.read(position, BATCH_HEADER_BYTES);
}

/** Bytes of the batch whose header these are. */
export function batchBytes(header: Uint8Array): number {
  return readUint32(header, BATCH.length);
}
