/** Threads that sleep are woken for what they wait for, and for nothing else. */
import { expect, it } from 'vitest';
import { isNews, marksOf } from '../../engine/persist/log-news.js';
import { createRingMemory, Ring, WORD } from '../../engine/ring/index.js';

const MIB = 1024 * 1024;

function rig() {
  const ring = new Ring(
    createRingMemory({ ringBytes: MIB, spanBytes: MIB / 4, maxThreads: 2, startPosition: 0 }),
  );
  /** What a step does, and whether it is news. */
  const newsOf = (step: () => void, waitsForDisk: boolean): boolean => {
    const before = marksOf(ring);
    step();
    return isNews(ring, before, waitsForDisk);
  };
  return { ring, newsOf };
}

it('nothing that has moved is none', () => {
  const { newsOf } = rig();
  expect(newsOf(() => {}, false)).toBe(false);
  expect(newsOf(() => {}, true)).toBe(false);
});

it('what is written is, but where all wait for the disk', () => {
  const { ring, newsOf } = rig();
  expect(newsOf(() => ring.setWritten(4), false)).toBe(true);
  expect(newsOf(() => ring.setWritten(8), true)).toBe(false);
  expect(newsOf(() => ring.setFlushed(8), true)).toBe(true);
});

it('what is written is, where somebody wants no more of what was', () => {
  const { ring, newsOf } = rig();
  ring.want(WORD.writtenWanted, 6);
  expect(newsOf(() => ring.setWritten(4), true)).toBe(true);
  expect(newsOf(() => ring.setWritten(8), true)).toBe(true);
  expect(newsOf(() => ring.setWritten(12), true)).toBe(false);
});

it('room is, and the end of the log', () => {
  const { ring, newsOf } = rig();
  expect(
    newsOf(() => {
      ring.setIndexed(8);
      ring.free(4);
    }, true),
  ).toBe(true);
  expect(newsOf(() => Atomics.store(ring.control, WORD.fatal, -5), true)).toBe(true);
});
