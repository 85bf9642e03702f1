/**
 * One thread's view of a ring: its cursors, its bytes, its marks, and the freeing of space.
 * Positions are Int32 in slots of 64 bytes and wrap; compare them with `(a - b) | 0`.
 * The protocol, with its argument, is docs/ring-protocol.md.
 */
import {
  BATCH,
  BATCH_TYPE,
  BATCH_VERSION,
  PAD_HEADER_BYTES,
  SLOT_BYTES,
  writeUint32,
} from '../../native-free/wire/batch-layout.js';
import { ERA_SLOTS, PAD_MARK, type RingMemory, SEAT_WORD, seatWord, WORD } from './ring-layout.js';
import { Role } from './role.js';

export class Ring {
  readonly memory: RingMemory;
  /** The whole ring; a batch lies at {@link place} of its position and does not wrap. */
  readonly bytes: Uint8Array;
  readonly control: Int32Array;
  readonly marks: Int32Array;
  readonly ringBytes: number;
  readonly spanBytes: number;
  readonly maxThreads: number;
  readonly indexRole: Role;
  readonly persistRole: Role;
  readonly #slotMask: number;

  constructor(memory: RingMemory) {
    this.memory = memory;
    this.bytes = new Uint8Array(memory.data, 0, memory.ringBytes);
    this.control = new Int32Array(memory.control);
    this.marks = new Int32Array(memory.marks);
    this.ringBytes = memory.ringBytes;
    this.spanBytes = memory.spanBytes;
    this.maxThreads = memory.maxThreads;
    this.indexRole = new Role(this.control, WORD.indexRole);
    this.persistRole = new Role(this.control, WORD.persistRole);
    this.#slotMask = memory.ringBytes / SLOT_BYTES - 1;
  }

  /** Claimed up to. */
  head(): number {
    return Atomics.load(this.control, WORD.head);
  }

  indexed(): number {
    return Atomics.load(this.control, WORD.indexed);
  }

  written(): number {
    return Atomics.load(this.control, WORD.written);
  }

  flushed(): number {
    return Atomics.load(this.control, WORD.flushed);
  }

  /** Writers may claim up to here plus the ring's size. */
  gate(): number {
    return Atomics.load(this.control, WORD.gate);
  }

  /** Readers must not start below. */
  limit(): number {
    return Atomics.load(this.control, WORD.limit);
  }

  /**
   * Index role only. The marks below `position` must be clear by now: from here on the space may be freed and
   * claimed again. Moves `era` along, and with it what somebody wanted of the disk.
   */
  setIndexed(position: number): void {
    if (position >>> 30 !== (Atomics.load(this.control, WORD.era) & 3)) {
      // Nobody may have waited for the disk for 64 GiB, and 128 GiB behind `flushed` what they waited for would look
      // like ahead of it. Before the era: whoever takes over from a thread that died in between does it again.
      this.want(WORD.syncWanted, this.flushed());
      this.want(WORD.writtenWanted, this.flushed());
      Atomics.store(this.control, WORD.era, Math.floor(this.toBytes(position) / (ERA_SLOTS * SLOT_BYTES)));
    }
    Atomics.store(this.control, WORD.indexed, position);
  }

  /** Moves one of the words that say up to where somebody waits, if that is further than it is. */
  want(word: number, position: number): void {
    if (((position - Atomics.load(this.control, word)) | 0) > 0) {
      Atomics.store(this.control, word, position);
    }
  }

  /** Persist role only. */
  setWritten(position: number): void {
    Atomics.store(this.control, WORD.written, position);
  }

  /** Persist role only. */
  setFlushed(position: number): void {
    Atomics.store(this.control, WORD.flushed, position);
  }

  /** Log position in bytes, exact for every position within 64 GiB of the ring's present. */
  toBytes(position: number): number {
    const era = Atomics.load(this.control, WORD.era) * ERA_SLOTS;
    return (era + ((position - era) | 0)) * SLOT_BYTES;
  }

  /** Ring position of a log position in bytes, which must be a multiple of 64. Forgets what is above 256 GiB. */
  toSlots(positionBytes: number): number {
    return (positionBytes / SLOT_BYTES) | 0;
  }

  /** Index into {@link bytes}. */
  place(position: number): number {
    return (position & this.#slotMask) * SLOT_BYTES;
  }

  /** 0 = nothing published here, else writer seat + 1 or PAD_MARK. Once it is not 0 the batch's bytes are all there. */
  mark(position: number): number {
    return Atomics.load(this.marks, position & this.#slotMask);
  }

  /** Publishes what lies at `position`: its bytes must have been written before. Owner of the claim only. */
  setMark(position: number, mark: number): void {
    Atomics.store(this.marks, position & this.#slotMask, mark);
  }

  /** Index role only, before {@link setIndexed} passes the position. */
  clearMark(position: number): void {
    Atomics.store(this.marks, position & this.#slotMask, 0);
  }

  /** Writes a pad over claimed space and publishes it. The index stage stamps the rest of its header. */
  publishPad(position: number, slots: number): void {
    const at = this.place(position);
    this.bytes.fill(0, at, at + PAD_HEADER_BYTES);
    writeUint32(this.bytes, at + BATCH.length, slots * SLOT_BYTES);
    this.bytes[at + BATCH.version] = BATCH_VERSION;
    this.bytes[at + BATCH.type] = BATCH_TYPE.pad;
    this.setMark(position, PAD_MARK);
  }

  /**
   * Gate owner only (persist role; index role on the memory lane): gives space below `upTo` back to writers,
   * as far as pins and holds allow. A second call with the same `upTo` tries again. Readers that start below
   * it from now on are refused, so ask for no more than claims need.
   * @throws Error when `upTo` lies beyond what is indexed.
   */
  free(upTo: number): void {
    if (((upTo - this.indexed()) | 0) > 0) {
      throw new Error('a ring may not be freed beyond what is indexed');
    }
    const limit = later(this.limit(), upTo);
    // The limit first, then the pins: a reader whose pin is not seen below sees this limit
    // (docs/ring-protocol.md).
    Atomics.store(this.control, WORD.limit, limit);
    let bound = limit;
    for (let seat = 0; seat < this.maxThreads; seat++) {
      const at = seatWord(seat);
      // The hold before the pin: a pin below the limit rests on the hold, which may move up once the pin is
      // set.
      bound = earliest(this.control, bound, at + SEAT_WORD.hold, at + SEAT_WORD.holdState);
      bound = earliest(this.control, bound, at + SEAT_WORD.pin, at + SEAT_WORD.pinState);
    }
    Atomics.store(this.control, WORD.gate, later(this.gate(), bound));
  }

  /** True when a pin or hold kept the last {@link free} from going all the way: it is worth trying again once that is gone. */
  isHeldBack(): boolean {
    return this.gate() !== this.limit();
  }

  /** How many slots behind the head the furthest hold for a topic's readers is; 0 when no seat holds for it. */
  heldBehind(topicId: number): number {
    const head = this.head();
    let behind = 0;
    for (let seat = 0; seat < this.maxThreads; seat++) {
      const at = seatWord(seat);
      if (
        Atomics.load(this.control, at + SEAT_WORD.holdTopic) === topicId &&
        Atomics.load(this.control, at + SEAT_WORD.holdState) !== 0
      ) {
        behind = Math.max(behind, (head - Atomics.load(this.control, at + SEAT_WORD.hold)) | 0);
      }
    }
    return behind;
  }

  /** The lowest position that a seat holds, or `upTo` when that is lower: how far {@link free} can come at most. */
  lowestHold(upTo: number): number {
    let bound = upTo;
    for (let seat = 0; seat < this.maxThreads; seat++) {
      const at = seatWord(seat);
      bound = earliest(this.control, bound, at + SEAT_WORD.hold, at + SEAT_WORD.holdState);
    }
    return bound;
  }
}

function later(a: number, b: number): number {
  return ((a - b) | 0) >= 0 ? a : b;
}

function earliest(control: Int32Array, bound: number, positionWord: number, stateWord: number): number {
  if (Atomics.load(control, stateWord) === 0) {
    return bound;
  }
  const position = Atomics.load(control, positionWord);
  return ((position - bound) | 0) < 0 ? position : bound;
}
