/** The log's segments, read without holding up the thread. */
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { BATCH, LOG_FRAME_BYTES, readUint32, slotAligned } from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';
import { soundBatches } from '../batch/sound-batches.js';
import { diskErrorCode } from '../disk/disk.js';
import { type LogReader, segmentName } from '../log/index.js';
import type { ReplicateFiles } from '../replica/replicate-stage.js';

/** One file is open at a time. */
export class AsyncLogFiles implements ReplicateFiles {
  readonly #dir: string;
  readonly #segmentBytes: number;
  readonly #reader: LogReader;
  #handle: FileHandle | null = null;
  #base = -1;
  #isClosed = false;
  #reading: Promise<unknown> = Promise.resolve();

  /** `reader`: knows where the log begins now. */
  constructor(dir: string, segmentBytes: number, reader: LogReader) {
    this.#dir = dir;
    this.#segmentBytes = segmentBytes;
    this.#reader = reader;
  }

  start(): number {
    return this.#reader.oldestPosition;
  }

  read(position: number, length: number, target: Uint8Array): Promise<number> {
    const reading = this.#reading.then(() => this.#read(position, length, target));
    this.#reading = reading.catch(() => undefined);
    return reading;
  }

  /**
   * Whole batches and pads from `position` on with the right checksums: `bytes` of them at most, or 512 KiB
   * where that is less, unless the first has more. Empty: there is none.
   */
  async readSound(position: number, bytes: number, spanBytes: number): Promise<Uint8Array> {
    const most = Math.min(bytes, LOG_FRAME_BYTES);
    const target = new Uint8Array(most);
    const got = await this.read(position, most, target);
    if (got === 0 || !headerIsValid(target, 0, position)) {
      return new Uint8Array(0);
    }
    const first = slotAligned(readUint32(target, BATCH.length));
    if (first <= got) {
      const there = target.subarray(0, got);
      return there.subarray(0, soundBatches(there, position, most, spanBytes));
    }
    if (first > spanBytes - (position % spanBytes)) {
      return new Uint8Array(0);
    }
    const larger = new Uint8Array(first);
    const all = await this.read(position, first, larger);
    return larger.subarray(0, soundBatches(larger.subarray(0, all), position, first, spanBytes));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reading;
    await this.#handle?.close();
    this.#handle = null;
  }

  async #read(position: number, length: number, target: Uint8Array): Promise<number> {
    const base = position - (position % this.#segmentBytes);
    if (base !== this.#base || this.#handle === null) {
      await this.#handle?.close();
      this.#handle = null;
      const handle = await openIfThere(`${this.#dir}/${segmentName(base)}`);
      if (handle === null || this.#isClosed) {
        await handle?.close();
        return 0;
      }
      this.#handle = handle;
      this.#base = base;
    }
    const most = Math.min(length, base + this.#segmentBytes - position);
    const { bytesRead } = await this.#handle.read(target, 0, most, position - base);
    // Asked after the read: retention may have given the file to another stretch of the log meanwhile.
    return position < this.start() ? 0 : bytesRead;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') {
      return null;
    }
    throw error;
  }
}
