/**
 * The ring the probes share: as little as can carry frames from one thread to another. One writer, one
 * reader, no claims, no pins; what RingMQ's own ring does beyond this is what the probes price.
 *
 *   PUBLISHED  (writer)  64-byte slots ready to read, running total modulo 2^32
 *   WRITTEN    (reader)  slots dealt with, running total
 *   READER_PARKED / WRITER_PARKED  1 while that side sleeps: the other notifies only then
 *   STOP       1: everybody leaves
 *   FAILED     1: the file could not be written
 */
export const WORD = {
  published: 0,
  written: 16,
  readerParked: 32,
  writerParked: 48,
  stop: 64,
  failed: 80,
} as const;
export const WORDS = 96;

export const PROBE_SLOT_BYTES = 64;

/** Shared memory of one probe; survives `postMessage`. */
export interface CrudeRing {
  words: SharedArrayBuffer;
  data: SharedArrayBuffer;
}

/** A ring of `ringBytes`, a power of two and a multiple of 64. */
export function createCrudeRing(ringBytes: number): CrudeRing {
  return { words: new SharedArrayBuffer(WORDS * 4), data: new SharedArrayBuffer(ringBytes) };
}

/** Wakes the side that sleeps on `parkedWord`, if it does. Call after the word it waits for was stored. */
export function wakeParked(words: Int32Array, parkedWord: number): void {
  if (Atomics.load(words, parkedWord) === 1 && Atomics.exchange(words, parkedWord, 0) === 1) {
    Atomics.notify(words, parkedWord);
  }
}

/** Sleeps until woken or `timeoutMs`, unless `ready` holds: it is checked again after the flag is up. */
export function park(words: Int32Array, parkedWord: number, timeoutMs: number, ready: () => boolean): void {
  Atomics.store(words, parkedWord, 1);
  if (!ready()) {
    Atomics.wait(words, parkedWord, 1, timeoutMs);
  }
  Atomics.store(words, parkedWord, 0);
}
