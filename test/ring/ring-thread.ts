/**
 * What the threads of the multi-thread ring tests do: write batches whose every byte is known, index and
 * verify them, read them again under a pin. Waiting is by parking, without a timeout: a lost wake-up would
 * hang the test.
 */
import {
  park,
  Ring,
  type RingMemory,
  RingReader,
  RingWriter,
  SeatTable,
  wake,
} from '../../engine/ring/index.js';
import {
  BATCH,
  BATCH_TYPE,
  readUint32,
  readUint64,
  SLOT_BYTES,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';

/** A writer's number, not its seat: seats are used again. */
const WRITER = BATCH.producerId;
const BODY = BATCH.sequence + 4;

/** Words that the threads of one test share beside the ring. */
export const SHARED = {
  stop: 0,
  /** Batches indexed, data and pads. */
  indexed: 1,
  pads: 2,
  reads: 3,
  refusedReads: 4,
  /** Positions of the latest batches. */
  recent: 16,
  recentCount: 16,
  /** Per writer: batches published, and of these seen by the index stage. */
  published: 32,
  seen: 32 + 1024,
  words: 32 + 2048,
} as const;

/** The index stage's seat, by which everybody finds its parked flag. */
export const INDEXER_SEAT = 0;
/** The seat of the test itself. */
export const MAIN_SEAT = 1;

export interface ThreadData {
  readonly role: 'writer' | 'indexer' | 'reader';
  readonly memory: RingMemory;
  readonly seatMemory: SharedArrayBuffer;
  readonly shared: Int32Array;
  readonly seat: number;
  /** Writer: its number. */
  readonly writer: number;
  /** How often a writer writes each body before it publishes: so much more of its time is spent in mid-write. */
  readonly copies: number;
  /** Batches to write, or reads to do. */
  readonly count: number;
}

function bodyByte(writer: number, sequence: number, index: number): number {
  return (writer * 37 + sequence * 101 + index * 7 + (index >>> 8)) & 255;
}

/** A small generator (xorshift), so that a run depends on nothing but its seed. */
function makeRandom(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Writes `count` batches; calls `onFirst` when the first is out. */
export function write(data: ThreadData, onFirst: () => void): void {
  const ring = new Ring(data.memory);
  const seats = new SeatTable(data.seatMemory);
  const writer = new RingWriter(ring, data.seat);
  const random = makeRandom(data.writer);
  const { bytes } = ring;
  const myWord = seats.parkedWord(data.seat);
  for (let sequence = 0; sequence < data.count; sequence++) {
    const length = BODY + 1 + random(ring.spanBytes - BODY);
    for (;;) {
      const gate = ring.gate();
      if (writer.claim(length)) {
        break;
      }
      park(seats.control, myWord, () => ring.gate() !== gate);
    }
    const at = writer.place;
    writeUint32(bytes, at + BATCH.length, length);
    bytes[at + BATCH.type] = BATCH_TYPE.data;
    writeUint32(bytes, at + WRITER, data.writer);
    writeUint32(bytes, at + BATCH.sequence, sequence);
    for (let copy = 0; copy < data.copies; copy++) {
      for (let i = BODY; i < length; i++) {
        bytes[at + i] = bodyByte(data.writer, sequence, i);
      }
    }
    writer.publish();
    Atomics.store(data.shared, SHARED.published + data.writer, sequence + 1);
    wake(seats.control, seats.parkedWord(INDEXER_SEAT));
    if (sequence === 0) {
      onFirst();
    }
  }
}

/** Checks every byte of the batch at `place`. @throws Error naming the first wrong byte */
function verify(bytes: Uint8Array, place: number): void {
  const length = readUint32(bytes, place);
  const writer = readUint32(bytes, place + WRITER);
  const sequence = readUint32(bytes, place + BATCH.sequence);
  for (let i = BODY; i < length; i++) {
    if (bytes[place + i] !== bodyByte(writer, sequence, i)) {
      throw new Error(`byte ${i} of batch ${sequence} of writer ${writer} is wrong`);
    }
  }
}

/** Indexes, verifies and frees until `stop` is set and nothing is left. */
export function index(data: ThreadData): void {
  const ring = new Ring(data.memory);
  const seats = new SeatTable(data.seatMemory);
  const random = makeRandom(1);
  const { shared } = data;
  const wakeAll = () => {
    for (let seat = 0; seat < seats.maxThreads; seat++) {
      if (seat !== data.seat) {
        wake(seats.control, seats.parkedWord(seat));
      }
    }
  };
  // A pin may have held the gate back the last time.
  const hasWork = () => {
    const gate = ring.gate();
    ring.free(ring.limit());
    if (ring.gate() !== gate) {
      wakeAll();
    }
    return ring.mark(ring.indexed()) !== 0 || Atomics.load(shared, SHARED.stop) !== 0;
  };
  for (;;) {
    let moved = 0;
    if (ring.indexRole.tryTake(data.seat)) {
      while (indexOne(ring, shared)) {
        moved++;
      }
      ring.indexRole.release(data.seat);
    }
    if (moved > 0) {
      // Sometimes a part only, so that readers find something; the rest when writers stand still.
      ring.free((ring.indexed() - (random(4) === 0 ? 0 : random(8))) | 0);
      wakeAll();
      continue;
    }
    if (Atomics.load(shared, SHARED.stop) !== 0 && ring.indexed() === ring.head()) {
      return;
    }
    ring.free(ring.indexed());
    wakeAll();
    park(seats.control, seats.parkedWord(data.seat), hasWork);
  }
}

function indexOne(ring: Ring, shared: Int32Array): boolean {
  const position = ring.indexed();
  const mark = ring.mark(position);
  if (mark === 0) {
    return false;
  }
  const place = ring.place(position);
  const length = readUint32(ring.bytes, place);
  if (mark > 0) {
    const writer = readUint32(ring.bytes, place + WRITER);
    const sequence = readUint32(ring.bytes, place + BATCH.sequence);
    const seen = Atomics.load(shared, SHARED.seen + writer);
    if (sequence !== seen) {
      throw new Error(`writer ${writer}: batch ${sequence} came after ${seen} batches`);
    }
    verify(ring.bytes, place);
    Atomics.store(shared, SHARED.seen + writer, seen + 1);
  } else {
    Atomics.add(shared, SHARED.pads, 1);
  }
  writeUint64(ring.bytes, place + BATCH.position, ring.toBytes(position));
  ring.clearMark(position);
  ring.setIndexed((position + Math.ceil(length / SLOT_BYTES)) | 0);
  const count = Atomics.add(shared, SHARED.indexed, 1);
  Atomics.store(shared, SHARED.recent + (count % SHARED.recentCount), position);
  return true;
}

/** Reads recent batches under a pin, until `count` were read whole or `stop` is set. */
export function read(data: ThreadData): void {
  const ring = new Ring(data.memory);
  const seats = new SeatTable(data.seatMemory);
  const reader = new RingReader(ring, data.seat);
  const random = makeRandom(data.seat);
  const { shared } = data;
  const wakeIndexer = () => {
    if (ring.isHeldBack()) {
      wake(seats.control, seats.parkedWord(INDEXER_SEAT));
    }
  };
  for (let done = 0; done < data.count && Atomics.load(shared, SHARED.stop) === 0; ) {
    const known = Math.min(Atomics.load(shared, SHARED.indexed), SHARED.recentCount);
    if (known < SHARED.recentCount) {
      continue;
    }
    const position = Atomics.load(shared, SHARED.recent + random(known));
    if (!reader.pin(position)) {
      wakeIndexer();
      Atomics.add(shared, SHARED.refusedReads, 1);
      continue;
    }
    const place = ring.place(position);
    const stamp = readUint64(ring.bytes, place + BATCH.position);
    if (stamp !== ring.toBytes(position)) {
      throw new Error(`the batch pinned at ${ring.toBytes(position)} says that it is at ${stamp}`);
    }
    if (ring.bytes[place + BATCH.type] === BATCH_TYPE.data) {
      verify(ring.bytes, place);
    }
    if (readUint64(ring.bytes, place + BATCH.position) !== stamp) {
      throw new Error(`the batch pinned at ${stamp} was overwritten`);
    }
    reader.unpin();
    wakeIndexer();
    Atomics.add(shared, SHARED.reads, 1);
    done++;
  }
}
