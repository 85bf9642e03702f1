/** Reading end of the bare ring: takes each record's length and first byte, and frees space as it goes. */
import { parentPort, workerData } from 'node:worker_threads';
import { BARE_RECORD_SLOTS } from './bare-ring.js';
import { type CrudeRing, PROBE_SLOT_BYTES, park, WORD, wakeParked } from './crude-ring.js';

const { ring, count } = workerData as { ring: CrudeRing; count: number };
const words = new Int32Array(ring.words);
const lengths = new Int32Array(ring.data);
const data = new Uint8Array(ring.data);
const ringSlots = data.length / PROBE_SLOT_BYTES;
const SPINS = 2000;

let at = 0;
let read = 0;
let sum = 0;
let startedAt = 0;
const published = (): boolean => Atomics.load(words, WORD.published) !== at;

while (read < count) {
  let ready = Atomics.load(words, WORD.published);
  for (let spin = 0; ready === at && spin < SPINS; spin++) {
    ready = Atomics.load(words, WORD.published);
  }
  if (ready === at) {
    park(words, WORD.readerParked, 100, published);
    continue;
  }
  if (startedAt === 0) {
    startedAt = performance.now();
  }
  while (at !== ready) {
    const place = (at >>> 0) % ringSlots;
    const length = lengths[(place * PROBE_SLOT_BYTES) >> 2] as number;
    sum += length + (data[place * PROBE_SLOT_BYTES + 4] as number);
    at = (at + BARE_RECORD_SLOTS) | 0;
    read++;
  }
  Atomics.store(words, WORD.written, at);
  wakeParked(words, WORD.writerParked);
}
parentPort?.postMessage({ read, sum, seconds: (performance.now() - startedAt) / 1000 });
