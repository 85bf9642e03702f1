/**
 * The actors of the interleaving search: writers, a mini index stage that frees what it indexed, a reader,
 * and the one who repairs after a terminated writer. All go through the real ring code; what they check is
 * what the ring promises.
 */
import {
  Ring,
  type RingMemory,
  RingReader,
  RingWriter,
  repairSeat,
  SEAT_WORD,
  SEAT_WORDS,
  seatWord,
  WORD,
} from '../../engine/ring/index.js';
import { BATCH, BATCH_TYPE, readUint32, writeUint32 } from '../../native-free/wire/index.js';
import type { ActorIo, ActorSpec } from './interleaving.js';

/** Where in a batch the test keeps its own: who wrote it (seat * 16 + number + 1), and what the index stage stamps. */
const TAG = 8;
const STAMP = BATCH.position;

/** Ghost state: per writer, how it stands and what was published and indexed of it. */
export const GHOST = { status: 0, published: 8, indexed: 16, words: 24 } as const;
export const STATUS = { running: 0, finished: 1, killed: 2, repaired: 3 } as const;

export interface Setting {
  readonly memory: RingMemory;
  readonly ghost: Int32Array;
  readonly writers: number;
  /** The index stage's role is contended (there is a repairer). */
  readonly roles: boolean;
  /**
   * So that three writers can be searched: the repairer begins when nobody can be terminated any more, the
   * index stage when all writers are done or repaired (claims pile up behind the dead), and the last writer
   * is never terminated.
   */
  readonly late: boolean;
  /** The reader holds what it reads before it pins it. */
  readonly holds: boolean;
}

/** The ring as an actor has it: its bytes watched. */
function actorRing(setting: Setting, io: ActorIo): Ring {
  const ring = new Ring(setting.memory);
  Object.defineProperty(ring, 'bytes', { value: io.bytes(ring.bytes) });
  return ring;
}

/** Plain looks at memory, for guards: they are no steps of anybody. */
class Look {
  readonly #control: Int32Array;
  readonly #marks: Int32Array;
  readonly #setting: Setting;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#control = new Int32Array(setting.memory.control);
    this.#marks = new Int32Array(setting.memory.marks);
  }

  word(word: number): number {
    return this.#control[word] as number;
  }

  hasRoom(slots: number): boolean {
    const { spanBytes, ringBytes } = this.#setting.memory;
    const head = this.word(WORD.head);
    const inSpan = head & (spanBytes / 64 - 1);
    const end = head + slots + (inSpan + slots > spanBytes / 64 ? spanBytes / 64 - inSpan : 0);
    return ((end - this.word(WORD.gate)) | 0) <= ringBytes / 64;
  }

  /** A pin had held the gate back, and holds it no more. */
  canFree(): boolean {
    const words = seatWord(this.#setting.writers);
    const gate = this.word(WORD.gate);
    const isPast = (word: number) => ((this.word(word) - gate) | 0) > 0;
    return (
      isPast(WORD.limit) &&
      (this.word(words + SEAT_WORD.pinState) === 0 || isPast(words + SEAT_WORD.pin)) &&
      (this.word(words + SEAT_WORD.holdState) === 0 || isPast(words + SEAT_WORD.hold))
    );
  }

  canIndex(): boolean {
    return (
      !(this.#setting.late && this.isAnyAtWork()) &&
      this.#marks[this.word(WORD.indexed) & (this.#marks.length - 1)] !== 0 &&
      this.word(WORD.indexRole) === 0
    );
  }

  isOver(): boolean {
    for (let seat = 0; seat < this.#setting.writers; seat++) {
      const status = this.#setting.ghost[GHOST.status + seat];
      if (status !== STATUS.finished && status !== STATUS.repaired) {
        return false;
      }
    }
    return this.word(WORD.indexed) === this.word(WORD.head);
  }

  isAnyAtWork(): boolean {
    return this.firstKilled() >= 0 || this.#writerStatus().includes(STATUS.running);
  }

  canRepair(kills: number): boolean {
    const status = this.#writerStatus();
    const dead = status.filter((one) => one === STATUS.killed || one === STATUS.repaired).length;
    const isTime = !this.#setting.late || dead === kills || !status.includes(STATUS.running);
    return isTime && this.firstKilled() >= 0 && this.word(WORD.indexRole) === 0;
  }

  firstKilled(): number {
    return this.#writerStatus().indexOf(STATUS.killed);
  }

  #writerStatus(): Int32Array {
    return this.#setting.ghost.subarray(GHOST.status, GHOST.status + this.#setting.writers);
  }

  isLive(seat: number): boolean {
    return seat < this.#setting.writers && this.#setting.ghost[GHOST.status + seat] === STATUS.running;
  }

  intent(seat: number): number {
    return this.word(seatWord(seat) + 1) === 0 ? Number.NaN : this.word(seatWord(seat));
  }
}

/** Writes batches of so many slots, one after the other, waiting when the ring is full. */
export function writerActor(
  setting: Setting,
  seat: number,
  sizes: number[],
  publishEarly = false,
): ActorSpec {
  const look = new Look(setting);
  return {
    name: `W${seat}`,
    killable: setting.roles && !(setting.late && seat === setting.writers - 1),
    isPrivate: (array, word, isStore) =>
      // Without a repairer nobody ever reads an intent.
      isStore && !setting.roles && array.buffer === setting.memory.control && word >= WORD.seats,
    body: (io, local) => {
      const ring = actorRing(setting, io);
      const writer = new RingWriter(ring, seat);
      let number = local[0] ?? 0;
      while (number < sizes.length) {
        const slots = sizes[number] as number;
        io.wait(() => look.hasRoom(slots));
        if (!writer.claim(slots * 64)) {
          io.checkpoint([number]);
          continue;
        }
        const tag = seat * 16 + number + 1;
        const at = writer.place;
        writeUint32(ring.bytes, at, slots * 64);
        ring.bytes[at + BATCH.type] = BATCH_TYPE.data;
        ring.bytes[at + TAG] = tag;
        if (publishEarly) {
          writer.publish();
        }
        io.split();
        ring.bytes[at + slots * 64 - 1] = tag;
        if (!publishEarly) {
          writer.publish();
        }
        number++;
        io.note(GHOST.published + seat, number);
        io.checkpoint([number]);
      }
      io.note(GHOST.status + seat, STATUS.finished);
    },
  };
}

/** How the index actor gives space back; the real one is `ring.free(ring.indexed())`. */
export type Free = (ring: Ring) => void;

/** Indexes batch by batch: checks each, stamps it, clears its mark, moves on, and frees at once. */
export function indexActor(setting: Setting, seat: number, free: Free): ActorSpec {
  const look = new Look(setting);
  const own: number[] = [WORD.indexed, WORD.limit, WORD.gate, WORD.era];
  // Writers pin nothing, and nobody holds anything but in the setting that is about holds.
  const isUnused = (word: number) => {
    const inSeat = (word - WORD.seats) % SEAT_WORDS;
    const isReaders = word >= seatWord(setting.writers);
    const isHold = inSeat >= SEAT_WORD.hold;
    return word >= WORD.seats && inSeat >= SEAT_WORD.pin && (!isReaders || (isHold && !setting.holds));
  };
  return {
    name: 'I',
    // Its own cursors it may read unseen. Under roles the repairer looks on between.
    isPrivate: (array, word, isStore) =>
      !isStore && array.buffer === setting.memory.control && (own.includes(word) || isUnused(word)),
    body: (io, local) => {
      const ring = actorRing(setting, io);
      const next = Array.from({ length: setting.writers }, (_, writer) => local[writer] ?? 0);
      for (;;) {
        io.checkpoint(next.slice());
        io.wait(() => look.canIndex() || look.canFree() || look.isOver());
        const chance = io.observe(() => (look.isOver() ? 2 : look.canFree() ? 1 : 0));
        if (chance === 2) {
          return;
        }
        if (chance === 1) {
          free(ring);
          continue;
        }
        if (setting.roles && !ring.indexRole.tryTake(seat)) {
          continue;
        }
        const position = ring.indexed();
        const mark = ring.mark(position);
        if (mark !== 0) {
          const slots = checkAndStamp(ring, position, mark, next);
          ring.clearMark(position);
          ring.setIndexed((position + slots) | 0);
          if (mark > 0) {
            io.note(GHOST.indexed + mark - 1, next[mark - 1] as number);
          }
          free(ring);
        }
        if (setting.roles) {
          ring.indexRole.release(seat);
        }
      }
    },
  };
}

function checkAndStamp(ring: Ring, position: number, mark: number, next: number[]): number {
  const at = ring.place(position);
  const length = readUint32(ring.bytes, at);
  const slots = length / 64;
  if (!Number.isInteger(slots) || slots < 1 || slots > ring.spanBytes / 64) {
    throw new Error(`a batch of ${length} bytes at ${position}`);
  }
  const type = ring.bytes[at + BATCH.type];
  if (type !== (mark > 0 ? BATCH_TYPE.data : BATCH_TYPE.pad)) {
    throw new Error(`type ${type} under mark ${mark} at ${position}`);
  }
  if (mark > 0) {
    const tag = (mark - 1) * 16 + (next[mark - 1] as number) + 1;
    next[mark - 1] = (next[mark - 1] as number) + 1;
    if (ring.bytes[at + TAG] !== tag || ring.bytes[at + length - 1] !== tag) {
      throw new Error(`the batch at ${position} is torn or out of order`);
    }
  }
  ring.bytes[at + STAMP] = position & 255;
  return slots;
}

/** Walks along behind the index stage, `count` batches, and checks what it reads while it has it pinned. */
export function readerActor(
  setting: Setting,
  seat: number,
  start: number,
  count: number,
  makeReader: (ring: Ring, seat: number) => { pin(position: number): boolean; unpin(): void },
): ActorSpec {
  const look = new Look(setting);
  return {
    name: 'R',
    body: (io, local) => {
      const ring = actorRing(setting, io);
      const reader = makeReader(ring, seat);
      let position = local[1] ?? start;
      for (let i = local[0] ?? 0; i < count; i++) {
        io.checkpoint([i, position]);
        const from = position;
        io.wait(() => ((look.word(WORD.indexed) - from) | 0) > 0 || look.isOver());
        if (((ring.indexed() - position) | 0) <= 0) {
          return;
        }
        if (!reader.pin(position)) {
          position = ring.limit();
          continue;
        }
        const at = ring.place(position);
        const length = readUint32(ring.bytes, at);
        const type = ring.bytes[at + BATCH.type];
        const tag = ring.bytes[at + TAG];
        const stamp = ring.bytes[at + STAMP];
        io.split();
        const last = ring.bytes[at + length - 1];
        const stampAfter = ring.bytes[at + STAMP];
        if (
          stamp !== (position & 255) ||
          stampAfter !== stamp ||
          (type === BATCH_TYPE.data && last !== tag)
        ) {
          throw new Error(`the reader saw overwritten bytes at ${position}`);
        }
        reader.unpin();
        position = (position + length / 64) | 0;
      }
    },
  };
}

/** The real reader. */
export const realReader = (ring: Ring, seat: number) => new RingReader(ring, seat);

/**
 * One that has the right to read from its hold alone, and gives that up once it has the pin: the pin must
 * then be enough, although the limit has perhaps passed it.
 */
export function holdingReader(ring: Ring, seat: number): { pin(position: number): boolean; unpin(): void } {
  const reader = new RingReader(ring, seat);
  return {
    pin(position) {
      const isMine = reader.hold(position) && reader.pin(position);
      reader.releaseHold();
      return isMine;
    },
    unpin: () => reader.unpin(),
  };
}

/** Whether a thread is alive, as the repairer believes; the real one knows the terminated from the rest. */
export type IsLive = (look: { isLive(seat: number): boolean }, seat: number) => boolean;

/** Repairs after terminated writers, under the index role. */
export function repairActor(setting: Setting, seat: number, kills: number, isLive: IsLive): ActorSpec {
  const look = new Look(setting);
  return {
    name: 'X',
    body: (io, local) => {
      const ring = actorRing(setting, io);
      for (let repaired = local[0] ?? 0; repaired < kills; ) {
        io.checkpoint([repaired]);
        io.wait(() => look.canRepair(kills) || look.isOver());
        const dead = io.observe(() => look.firstKilled());
        if (dead < 0) {
          return;
        }
        if (!ring.indexRole.tryTake(seat)) {
          continue;
        }
        const done = repairSeat(ring, dead, (other) => io.observe(() => (isLive(look, other) ? 1 : 0)) === 1);
        if (done) {
          io.note(GHOST.status + dead, STATUS.repaired);
          repaired++;
        }
        ring.indexRole.release(seat);
        if (!done) {
          const wanted = look.intent(dead);
          io.wait(() => !isAnyLiveAt(look, setting.writers, wanted) || look.isOver());
          io.observe(() => 0);
        }
      }
    },
  };
}

function isAnyLiveAt(look: Look, writers: number, position: number): boolean {
  for (let seat = 0; seat < writers; seat++) {
    if (look.isLive(seat) && look.intent(seat) === position) {
      return true;
    }
  }
  return false;
}
