import { describe, expect, test } from 'vitest';
import {
  createRingMemory,
  PAD_MARK,
  Ring,
  RingReader,
  RingWriter,
  SEAT_WORD,
  seatWord,
  WORD,
} from '../../engine/ring/index.js';
import { BATCH, BATCH_TYPE, readUint32, writeUint32 } from '../../native-free/wire/index.js';

const SLOT = 64;
const RING_SLOTS = 16;
const SPAN_SLOTS = 8;

function makeRing(startPosition = 0): Ring {
  return new Ring(
    createRingMemory({
      ringBytes: RING_SLOTS * SLOT,
      spanBytes: SPAN_SLOTS * SLOT,
      maxThreads: 4,
      startPosition,
    }),
  );
}

function put(ring: Ring, writer: RingWriter, bytes: number): boolean {
  if (!writer.claim(bytes)) {
    return false;
  }
  writeUint32(ring.bytes, writer.place, bytes);
  ring.bytes[writer.place + BATCH.type] = BATCH_TYPE.data;
  writer.publish();
  return true;
}

/** What an index stage does with all that is published; returns [mark, bytes] of each. */
function indexAll(ring: Ring): [number, number][] {
  const seen: [number, number][] = [];
  for (let position = ring.indexed(); ; ) {
    const mark = ring.mark(position);
    if (mark === 0) {
      return seen;
    }
    const length = readUint32(ring.bytes, ring.place(position));
    seen.push([mark, length]);
    ring.clearMark(position);
    position = (position + Math.ceil(length / SLOT)) | 0;
    ring.setIndexed(position);
  }
}

describe('createRingMemory', () => {
  const good = { ringBytes: 4096, spanBytes: 1024, maxThreads: 4, startPosition: 0 };

  test.each([
    [{ ringBytes: 5000 }],
    [{ ringBytes: 1024 }],
    [{ ringBytes: 2 ** 32 }],
    [{ spanBytes: 64 }],
    [{ spanBytes: 1000 }],
    [{ maxThreads: 0 }],
    [{ maxThreads: 1.5 }],
    [{ startPosition: 63 }],
    [{ startPosition: -64 }],
  ])('refuses %j', (bad) => {
    expect(() => createRingMemory({ ...good, ...bad })).toThrow(RangeError);
  });

  test('every cursor stands at the start position', () => {
    const ring = makeRing(64 * 5);
    for (const cursor of [
      ring.head(),
      ring.indexed(),
      ring.written(),
      ring.flushed(),
      ring.gate(),
      ring.limit(),
    ]) {
      expect(cursor).toBe(5);
    }
  });
});

describe('claim and publish', () => {
  test('batches lie one behind the other, and only the first slot is marked', () => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 2);
    expect(put(ring, writer, 100)).toBe(true);
    expect(put(ring, writer, 64)).toBe(true);
    expect([0, 1, 2, 3].map((slot) => ring.mark(slot))).toEqual([3, 0, 3, 0]);
    expect(ring.head()).toBe(3);
    expect(indexAll(ring)).toEqual([
      [3, 100],
      [3, 64],
    ]);
  });

  test('nothing is seen before it is published', () => {
    const ring = makeRing();
    const [first, second] = [new RingWriter(ring, 0), new RingWriter(ring, 1)];
    expect(first.claim(64)).toBe(true);
    put(ring, second, 64);
    expect(indexAll(ring)).toEqual([]);
    writeUint32(ring.bytes, first.place, 64);
    first.publish();
    expect(indexAll(ring)).toEqual([
      [1, 64],
      [2, 64],
    ]);
  });

  test.each([
    [7, 1],
    [1, 7],
    [3, 5],
  ])('a batch that would cross a span is padded to it: %i slots, then a gap of %i', (before, gap) => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    put(ring, writer, before * SLOT);
    put(ring, writer, SPAN_SLOTS * SLOT);
    expect(indexAll(ring)).toEqual([
      [1, before * SLOT],
      [PAD_MARK, gap * SLOT],
      [1, SPAN_SLOTS * SLOT],
    ]);
    const pad = ring.bytes.subarray(before * SLOT, before * SLOT + SLOT);
    expect(pad[BATCH.version]).toBe(1);
    expect(pad[BATCH.type]).toBe(BATCH_TYPE.pad);
  });

  test('a batch that just reaches the span needs no pad', () => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    put(ring, writer, 3 * SLOT);
    put(ring, writer, 5 * SLOT);
    put(ring, writer, 1);
    expect(indexAll(ring).map(([mark]) => mark)).toEqual([1, 1, 1]);
  });

  test('a full ring refuses, claims nothing, and takes again what was freed', () => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    put(ring, writer, 8 * SLOT);
    put(ring, writer, 7 * SLOT);
    expect(writer.claim(2 * SLOT)).toBe(false);
    expect(ring.head()).toBe(15);
    expect(ring.control[seatWord(0) + SEAT_WORD.intentLength]).toBe(0);
    expect(put(ring, writer, SLOT)).toBe(true);
    expect(writer.claim(1)).toBe(false);
    indexAll(ring);
    ring.free(8);
    expect(writer.claim(8 * SLOT)).toBe(true);
    expect(writer.claim.bind(writer, 1)).toThrow(/still open/);
    writer.abort();
    expect(writer.claim(1)).toBe(false);
  });

  test('the gap counts: what fits only without its pad is refused', () => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    put(ring, writer, 8 * SLOT);
    put(ring, writer, 4 * SLOT);
    indexAll(ring);
    ring.free(5);
    // Nine slots are free, but five of them lie behind the span's end, and the pad takes four.
    expect(writer.claim(6 * SLOT)).toBe(false);
    expect(writer.claim(5 * SLOT)).toBe(true);
    expect(writer.position).toBe(16);
    expect(writer.place).toBe(0);
    writer.abort();
  });

  test('abort makes a pad of the claim, with nothing of the batch left in its header', () => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    writer.claim(3 * SLOT);
    ring.bytes.fill(255, writer.place, writer.place + 3 * SLOT);
    writer.abort();
    writer.abort();
    const header = ring.bytes.slice(0, SLOT);
    expect(indexAll(ring)).toEqual([[PAD_MARK, 3 * SLOT]]);
    expect(header.subarray(6).every((byte) => byte === 0)).toBe(true);
  });

  test.each([0, -1, Number.NaN, SPAN_SLOTS * SLOT + 1, 2 ** 32 + 64])(
    'refuses a batch of %d bytes',
    (bytes) => {
      expect(() => new RingWriter(makeRing(), 0).claim(bytes)).toThrow(RangeError);
    },
  );

  test('refuses to publish what does not fill the claim', () => {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    expect(() => writer.publish()).toThrow();
    writer.claim(2 * SLOT);
    for (const length of [0, SLOT, 2 * SLOT + 1, 2 ** 32 - 1]) {
      writeUint32(ring.bytes, writer.place, length);
      expect(() => writer.publish()).toThrow();
    }
    writer.abort();
    expect(indexAll(ring)).toEqual([[PAD_MARK, 2 * SLOT]]);
  });

  test.each([-1, 4, 0.5])('refuses seat %d', (seat) => {
    const ring = makeRing();
    expect(() => new RingWriter(ring, seat)).toThrow(RangeError);
    expect(() => new RingReader(ring, seat)).toThrow(RangeError);
  });
});

describe('positions', () => {
  const starts = [
    ['at zero', 0],
    ['where the Int32 turns negative', (2 ** 31 - 5) * SLOT],
    ['where the Int32 turns to zero', (2 ** 32 - 5) * SLOT],
    ['where an era ends', (3 * 2 ** 30 - 3) * SLOT],
    ['far beyond', (2 ** 46 - 11) * SLOT],
  ] as const;

  test.each(starts)('run on %s', (_, start) => {
    const ring = makeRing(start);
    const writer = new RingWriter(ring, 1);
    let expected = start;
    for (let i = 0; i < 200; i++) {
      const slots = 1 + ((i * 5) % SPAN_SLOTS);
      const inSpan = (expected / SLOT) % SPAN_SLOTS;
      if (inSpan + slots > SPAN_SLOTS) {
        expected += (SPAN_SLOTS - inSpan) * SLOT;
      }
      expect(put(ring, writer, slots * SLOT)).toBe(true);
      expect(ring.toBytes(writer.position)).toBe(expected);
      expect(ring.toSlots(expected)).toBe(writer.position);
      expect(ring.place(writer.position)).toBe(expected % ring.ringBytes);
      expected += slots * SLOT;
      indexAll(ring);
      ring.free(ring.indexed());
      expect(ring.toBytes(ring.gate())).toBe(expected);
    }
    expect(ring.control[WORD.era]).toBe(Math.floor(expected / 2 ** 36));
  });

  describe('of syncs that were asked for', () => {
    const STEP = 2 ** 27;

    test('are never ahead of what is on the disk, however long nobody asks', () => {
      const ring = makeRing(5 * 2 ** 36 - SLOT);
      for (let gib = 8; gib <= 600; gib += 8) {
        const position = (ring.indexed() + STEP) | 0;
        ring.setIndexed(position);
        ring.setWritten(position);
        ring.setFlushed(position);
        const wanted = Atomics.load(ring.control, WORD.syncWanted);
        expect((wanted - ring.flushed()) | 0, `after ${gib} GiB`).toBeLessThanOrEqual(0);
      }
    });

    test('stay while the disk has not come to them', () => {
      const ring = makeRing(2 ** 36 - 2 * SLOT);
      const wanted = (ring.indexed() + 1) | 0;
      Atomics.store(ring.control, WORD.syncWanted, wanted);
      ring.setIndexed((wanted + 3) | 0);
      expect(Atomics.load(ring.control, WORD.syncWanted)).toBe(wanted);
    });
  });
});

describe('gate, limit, pins and holds', () => {
  function filled(): Ring {
    const ring = makeRing();
    const writer = new RingWriter(ring, 0);
    for (let i = 0; i < RING_SLOTS; i++) {
      put(ring, writer, SLOT);
    }
    indexAll(ring);
    return ring;
  }

  test('a pin holds the gate, and readers below the limit are refused meanwhile', () => {
    const ring = filled();
    const [early, late] = [new RingReader(ring, 1), new RingReader(ring, 2)];
    expect(early.pin(4)).toBe(true);
    ring.free(10);
    expect([ring.gate(), ring.limit()]).toEqual([4, 10]);
    expect(late.pin(9)).toBe(false);
    expect(late.pin(10)).toBe(true);
    early.unpin();
    ring.free(10);
    expect(ring.gate()).toBe(10);
    expect(early.pin(4)).toBe(false);
    ring.free(12);
    expect([ring.gate(), ring.limit()]).toEqual([10, 12]);
  });

  test('limit and gate never go back, nor beyond what is indexed', () => {
    const ring = filled();
    ring.free(10);
    ring.free(3);
    expect([ring.gate(), ring.limit()]).toEqual([10, 10]);
    expect(() => ring.free(RING_SLOTS + 1)).toThrow();
  });

  test('a refused pin leaves nothing pinned', () => {
    const ring = filled();
    const reader = new RingReader(ring, 1);
    ring.free(8);
    expect(reader.pin(7)).toBe(false);
    ring.free(12);
    expect(ring.gate()).toBe(12);
  });

  test('a hold keeps the gate, can be read from below the limit, and moves both ways', () => {
    const ring = filled();
    const reader = new RingReader(ring, 1);
    expect(reader.hold(4)).toBe(true);
    expect(ring.lowestHold(10)).toBe(4);
    ring.free(10);
    expect(ring.gate()).toBe(4);
    expect(reader.pin(6)).toBe(true);
    expect(reader.pin(3)).toBe(false);
    expect(reader.hold(7)).toBe(true);
    ring.free(10);
    expect(ring.gate()).toBe(7);
    expect(reader.hold(6)).toBe(false);
    expect(ring.lowestHold(10)).toBe(7);
    expect(reader.hold(12)).toBe(true);
    expect(reader.hold(11)).toBe(true);
    reader.releaseHold();
    ring.free(RING_SLOTS);
    expect(ring.gate()).toBe(RING_SLOTS);
    expect(reader.hold(11)).toBe(false);
    expect(ring.lowestHold(RING_SLOTS)).toBe(RING_SLOTS);
  });

  test('pinBytes refuses what is older by whole turns of the Int32', () => {
    const start = 2 ** 40;
    const ring = makeRing(start);
    put(ring, new RingWriter(ring, 0), SLOT);
    indexAll(ring);
    const reader = new RingReader(ring, 1);
    for (const age of [SLOT, 2 ** 31, 2 ** 37, 2 ** 38, 2 ** 39]) {
      expect(reader.pinBytes(start - age)).toBe(false);
    }
    expect(reader.pinBytes(start)).toBe(true);
  });
});
