/**
 * The follower: takes log frames of this broker's master, checks every batch in them, and puts it into the
 * ring where the master has it. A pure step over interfaces; one thread runs it, the only one that writes
 * this ring.
 *
 * A batch is taken when it begins exactly where the log ends, its header and body match their checksums, it
 * fits its span, and its epoch is not below that of the one before. Anything else ends the connection it came
 * over, and nothing of it, or behind it, is taken.
 */
import { crc32 } from '../../native-free/checksum/crc32.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  FRAME,
  FRAME_HEADER_BYTES,
  isPosition,
  LOG_FRAME_HEADER_BYTES,
  readUint32,
  readUint64,
  slotAligned,
} from '../../native-free/wire/index.js';
import { headerIsValid } from '../batch/header.js';

export interface FollowerDeps {
  readonly spanBytes: number;
  /** Claims room for what lies at `at`, copies, publishes and indexes it. False: the ring is full. `bytes`: rounded up to slots. */
  append(source: Uint8Array, at: number, bytes: number): boolean;
  /**
   * A control batch is in the log: its records are to be applied. What comes behind is not taken before
   * `done` has been called, as a topic that it creates must be there before its first message.
   */
  onControl(batch: Uint8Array, position: number, done: () => void): void;
  /** The master has committed up to here; never beyond what this log has. */
  onCommitted(position: number): void;
}

export class Follower {
  readonly #deps: FollowerDeps;
  #position: number;
  #epoch: number;
  #committed = 0;
  #masterEnd: number;
  #frames: Uint8Array[] = [];
  /** Place of the next batch in the first of them. */
  #at = LOG_FRAME_HEADER_BYTES;
  #waitsForControl = false;

  /** `position`: where the log ends; `epoch`: of its last batch; `masterEnd`: where the master's log ends, as its welcome says. */
  constructor(deps: FollowerDeps, position: number, epoch: number, masterEnd = position) {
    this.#deps = deps;
    this.#position = position;
    this.#epoch = epoch;
    this.#masterEnd = masterEnd;
  }

  /** Where the log ends: all below is in the ring, or has been. */
  get position(): number {
    return this.#position;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Bytes that the master has and this log has not, as of its last frame, or its welcome. */
  get behind(): number {
    return Math.max(0, this.#masterEnd - this.#position);
  }

  /** Frames wait: for room in the ring, or for a control batch to be applied. No more should be read meanwhile. */
  get isBusy(): boolean {
    return this.#frames.length > 0;
  }

  /** A log frame has come. Its memory is to stay while {@link isBusy}. */
  take(frame: Uint8Array): void {
    this.#frames.push(frame);
  }

  /** Takes what it can. What is wrong with what the master sent, or null. */
  step(): string | null {
    for (
      let frame = this.#frames[0];
      frame !== undefined && !this.#waitsForControl;
      frame = this.#frames[0]
    ) {
      const fault = this.#at === LOG_FRAME_HEADER_BYTES ? this.#begin(frame) : null;
      if (fault !== null) {
        return fault;
      }
      while (this.#at < frame.length) {
        const wrong = this.#check(frame);
        if (wrong !== null) {
          return `${wrong}, at log position ${this.#position}`;
        }
        if (!this.#append(frame)) {
          return null;
        }
        if (this.#waitsForControl) {
          break;
        }
      }
      if (this.#at >= frame.length) {
        this.#frames.shift();
        this.#at = LOG_FRAME_HEADER_BYTES;
        this.#commit(frame);
      }
    }
    return null;
  }

  /** The connection is gone: what waited of it is forgotten, and comes again over the next. */
  drop(): void {
    this.#frames = [];
    this.#at = LOG_FRAME_HEADER_BYTES;
  }

  #begin(frame: Uint8Array): string | null {
    const position = readUint64(frame, FRAME.value);
    const committed = readUint64(frame, FRAME_HEADER_BYTES);
    const end = readUint64(frame, FRAME_HEADER_BYTES + 8);
    const bytes = frame.length - LOG_FRAME_HEADER_BYTES;
    if (position !== this.#position) {
      return `the log goes on at ${this.#position}, not at ${position}`;
    }
    if (!isPosition(committed) || !isPosition(end) || committed > end || end < position + bytes) {
      return `a master whose log ends at ${end} and is committed up to ${committed} sent what lies at ${position}`;
    }
    this.#masterEnd = end;
    return null;
  }

  #check(frame: Uint8Array): string | null {
    const at = this.#at;
    if (!headerIsValid(frame, at, this.#position)) {
      return 'a batch header does not match its checksum or place';
    }
    const length = readUint32(frame, at + BATCH.length);
    const left = this.#deps.spanBytes - (this.#position % this.#deps.spanBytes);
    // Compared before it is rounded up: a length near 2^32 does not survive the rounding.
    if (length > left || at + slotAligned(length) > frame.length) {
      return 'a batch is longer than its frame or its span';
    }
    if (readUint32(frame, at + BATCH.epoch) < this.#epoch) {
      return `a batch of epoch ${readUint32(frame, at + BATCH.epoch)} behind one of ${this.#epoch}`;
    }
    if (frame[at + BATCH.type] === BATCH_TYPE.pad) {
      return null;
    }
    return crc32(frame, at + BATCH_HEADER_BYTES, at + length) === readUint32(frame, at + BATCH.bodyCrc)
      ? null
      : 'a batch body does not match its checksum';
  }

  #append(frame: Uint8Array): boolean {
    const at = this.#at;
    const length = readUint32(frame, at + BATCH.length);
    const bytes = slotAligned(length);
    if (!this.#deps.append(frame, at, bytes)) {
      return false;
    }
    const position = this.#position;
    this.#epoch = readUint32(frame, at + BATCH.epoch);
    this.#at += bytes;
    this.#position += bytes;
    if (frame[at + BATCH.type] === BATCH_TYPE.control) {
      this.#waitsForControl = true;
      this.#deps.onControl(frame.slice(at, at + length), position, () => {
        this.#waitsForControl = false;
      });
    }
    return true;
  }

  #commit(frame: Uint8Array): void {
    const committed = Math.min(readUint64(frame, FRAME_HEADER_BYTES), this.#position);
    if (committed > this.#committed) {
      this.#committed = committed;
      this.#deps.onCommitted(committed);
    }
  }
}
