/**
 * `meta/held`: what was committed at a slave and is not in its master's log yet. Frames, one behind the
 * other, each an array of entries; of a queue the last one counts. It grows by what a turn of the event loop
 * commits, and is made anew when most of it is of no use, or removed when nothing is left.
 */
import { type Disk, diskErrorCode, readWholeFile, removeIfThere, replaceFile } from '../disk/disk.js';
import { concat, FRAME_HEADER_BYTES, frameOf, payloadAt } from '../meta/frames.js';
import { decodeHeld, encodeHeld } from '../meta/held-codec.js';
import type { HeldEntry } from '../meta/held-offsets.js';

export const HELD_FILE = 'held';
const MAX_FILE_BYTES = 1024 ** 3;
/** Queues of one frame. */
const QUEUES_IN_FRAME = 16_384;
/** … and entries, whose names may be long. */
const ENTRIES_IN_FRAME = 1_024;
/** A file that is not larger is not worth making anew. */
const SMALL_BYTES = 1024 * 1024;

export class HeldFile {
  readonly #disk: Disk;
  readonly #dir: string;
  #fd = -1;
  #bytes = 0;
  /** After it was last made anew. */
  #bytesAtFirst = 0;

  /** `dir`: of the `meta/` files. */
  constructor(disk: Disk, dir: string) {
    this.#disk = disk;
    this.#dir = dir;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Half of it at least has been replaced by what came later. */
  get isOverfull(): boolean {
    return this.#bytes > SMALL_BYTES && this.#bytes > 2 * this.#bytesAtFirst;
  }

  /** What there is. An end that was not written whole was not acked. Throws disk errors. */
  read(): HeldEntry[] {
    const bytes = readWholeFile(this.#disk, this.#path, MAX_FILE_BYTES) ?? new Uint8Array(0);
    const entries: HeldEntry[] = [];
    let at = 0;
    for (let payload = payloadAt(bytes, at); payload !== null; payload = payloadAt(bytes, at)) {
      entries.push(...decodeHeld(payload));
      at += FRAME_HEADER_BYTES + payload.length;
    }
    this.#bytes = at;
    this.#bytesAtFirst = at;
    return entries;
  }

  /** Throws disk errors; what was there before is there still. */
  append(entries: readonly HeldEntry[], isDurable: boolean): void {
    const bytes = framesOf(entries);
    if (this.#fd < 0) {
      this.#open();
    }
    this.#disk.write(this.#fd, bytes, 0, bytes.length, this.#bytes);
    if (isDurable) {
      this.#disk.fdatasync(this.#fd);
    }
    this.#bytes += bytes.length;
  }

  /** Durably, and only what is given. Throws disk errors. */
  replace(entries: readonly HeldEntry[]): void {
    this.close();
    if (entries.length === 0) {
      removeIfThere(this.#disk, this.#path);
      this.#disk.fsyncDir(this.#dir);
      this.#bytes = 0;
    } else {
      const bytes = framesOf(entries);
      replaceFile(this.#disk, this.#dir, HELD_FILE, bytes);
      this.#bytes = bytes.length;
    }
    this.#bytesAtFirst = this.#bytes;
  }

  close(): void {
    if (this.#fd >= 0) {
      this.#disk.close(this.#fd);
      this.#fd = -1;
    }
  }

  get #path(): string {
    return `${this.#dir}/${HELD_FILE}`;
  }

  #open(): void {
    try {
      this.#fd = this.#disk.open(this.#path, 'write');
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT') {
        throw error;
      }
      this.#fd = this.#disk.create(this.#path);
      this.#disk.fsyncDir(this.#dir);
    }
  }
}

function framesOf(entries: readonly HeldEntry[]): Uint8Array {
  const frames: Uint8Array[] = [];
  let part: HeldEntry[] = [];
  let count = 0;
  const seal = (): void => {
    if (part.length > 0) {
      frames.push(frameOf(encodeHeld(part)));
      part = [];
      count = 0;
    }
  };
  for (const entry of entries) {
    for (let at = 0; at < entry.queues.length; at += 3 * QUEUES_IN_FRAME) {
      const queues = entry.queues.slice(at, at + 3 * QUEUES_IN_FRAME);
      part.push({ ...entry, queues });
      count += queues.length / 3;
      if (count >= QUEUES_IN_FRAME || part.length >= ENTRIES_IN_FRAME) {
        seal();
      }
    }
  }
  seal();
  return concat(frames);
}
