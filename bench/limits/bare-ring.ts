import { nextMessage, startWorker } from './child.js';
import { createCrudeRing, PROBE_SLOT_BYTES, park, WORD, wakeParked } from './crude-ring.js';
import { isMain } from './probe.js';

const RING_BYTES = 16 << 20;
const BODY_BYTES = 100;
const PUBLISH_EVERY = 16;
const SPINS = 2000;
/** Slots of one record: four bytes of length and 100 of body, rounded up. */
export const BARE_RECORD_SLOTS = Math.ceil((4 + BODY_BYTES) / PROBE_SLOT_BYTES);

/** Records of 100 B per second from one thread to another through a plain ring, published every 16. Blocks the calling thread. */
export async function measureBareRing(count = 30_000_000): Promise<number> {
  const ring = createCrudeRing(RING_BYTES);
  const reader = startWorker(import.meta.url, './bare-ring-worker.js', { ring, count });
  const done = nextMessage(reader);
  await new Promise<void>((resolve) => reader.once('online', resolve));
  writeRecords(new Int32Array(ring.words), ring.data, count);
  const result = (await done) as { read: number; seconds: number };
  return result.read / result.seconds;
}

function writeRecords(words: Int32Array, memory: SharedArrayBuffer, count: number): void {
  const data = new Uint8Array(memory);
  const lengths = new Int32Array(memory);
  const ringSlots = data.length / PROBE_SLOT_BYTES;
  const roomWanted = PUBLISH_EVERY * BARE_RECORD_SLOTS;
  const body = new Uint8Array(BODY_BYTES).fill(120);
  let head = 0;
  let freed = 0;
  const hasRoom = (): boolean => {
    freed = Atomics.load(words, WORD.written);
    return ((head - freed) | 0) + roomWanted <= ringSlots;
  };
  for (let sent = 0; sent < count; ) {
    if (((head - freed) | 0) + roomWanted > ringSlots) {
      waitForRoom(words, hasRoom);
    }
    const group = Math.min(PUBLISH_EVERY, count - sent);
    for (let i = 0; i < group; i++) {
      const place = ((head >>> 0) % ringSlots) * PROBE_SLOT_BYTES;
      lengths[place >> 2] = BODY_BYTES;
      data.set(body, place + 4);
      head = (head + BARE_RECORD_SLOTS) | 0;
    }
    sent += group;
    Atomics.store(words, WORD.published, head);
    wakeParked(words, WORD.readerParked);
  }
}

function waitForRoom(words: Int32Array, hasRoom: () => boolean): void {
  for (let spin = 0; spin < SPINS; spin++) {
    if (hasRoom()) {
      return;
    }
  }
  while (!hasRoom()) {
    park(words, WORD.writerParked, 100, hasRoom);
  }
}

if (isMain(import.meta.url)) {
  const rate = await measureBareRing();
  process.stdout.write(
    `bare ring, two threads, 100 B, published every 16: ${(rate / 1e6).toFixed(1)} M records/s\n`,
  );
}
