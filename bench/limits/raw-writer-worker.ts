/**
 * Thread of the raw path that owns the file: writes what was published, straight from the ring, to the end of
 * the file or round and round in it; with `sync` an fdatasync follows each write before the watermark moves.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type CrudeRing, PROBE_SLOT_BYTES, park, WORD, wakeParked } from './crude-ring.js';

const { ring, path, fileBytes, sync } = workerData as {
  ring: CrudeRing;
  path: string;
  /** Write round and round in so many bytes, a multiple of the ring's size; null: on and on. */
  fileBytes: number | null;
  sync: boolean;
};
const words = new Int32Array(ring.words);
const data = new Uint8Array(ring.data);
const fd = openSync(path, 'r+');
let written = 0;
let fileAt = 0;

function writeStretch(from: number, slots: number): void {
  const place = ((from >>> 0) * PROBE_SLOT_BYTES) % data.length;
  const bytes = slots * PROBE_SLOT_BYTES;
  const first = Math.min(bytes, data.length - place);
  writeSync(fd, data, place, first, fileAt + place);
  if (first < bytes) {
    fileAt = nextLap();
    writeSync(fd, data, 0, bytes - first, fileAt);
  } else if (place + bytes === data.length) {
    fileAt = nextLap();
  }
}

function nextLap(): number {
  return fileBytes === null ? fileAt + data.length : (fileAt + data.length) % fileBytes;
}

const somethingToDo = (): boolean =>
  Atomics.load(words, WORD.published) !== written || Atomics.load(words, WORD.stop) === 1;

while (Atomics.load(words, WORD.stop) === 0) {
  const published = Atomics.load(words, WORD.published);
  if (published === written) {
    park(words, WORD.readerParked, 100, somethingToDo);
    continue;
  }
  writeStretch(written, (published - written) | 0);
  if (sync) {
    fdatasyncSync(fd);
  }
  written = published;
  Atomics.store(words, WORD.written, written);
  wakeParked(words, WORD.writerParked);
}
closeSync(fd);
parentPort?.close();
