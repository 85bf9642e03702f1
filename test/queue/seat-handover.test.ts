/** A seat goes from one thread to the next: nothing of the first may reach the second. */
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TopicEntry } from '../../engine/engine-thread.js';
import { RingWriter, SEAT_WORD, seatWord } from '../../engine/ring/index.js';
import { makeThreadParts } from '../../engine/thread/thread-parts.js';
import { ERRORS } from '../../native-free/wire/index.js';
import { emptyBatch, HandMadeBroker, keepingSink, QUEUE } from './hand-made-broker.js';

let broker: HandMadeBroker;
beforeEach(() => {
  broker = new HandMadeBroker();
});
afterEach(() => broker.stop());

function publish(writer: RingWriter, bytes: Uint8Array): void {
  expect(writer.claim(bytes.length)).toBe(true);
  broker.memoryRing.bytes.set(bytes, writer.place);
  writer.publish();
}

describe('a seat whose last owner has batches that are not indexed', () => {
  it('gives their results to nobody', () => {
    const { seat } = broker.takeSeat();
    const { indexRole } = broker.memoryRing;
    publish(new RingWriter(broker.memoryRing, seat), emptyBatch(5));
    const { memory } = makeThreadParts(broker.handle, broker.seats, seat);
    const sink = keepingSink();
    indexRole.tryTake(broker.parts.seat);
    memory.append(sink, 70, emptyBatch(2));
    memory.append(sink, 71, emptyBatch(1, 99));
    memory.append(sink, 72, emptyBatch(1));
    indexRole.release(broker.parts.seat);
    memory.runIndex();
    memory.drainResults();
    memory.releaseAcks();
    expect(memory.unacked).toBe(0);
    expect(sink.told.sort()).toEqual([
      [70, 0, 5],
      [71, ERRORS.TOPIC_NOT_FOUND.wire, 0],
      [72, 0, 7],
    ]);
  });

  it('is not free before they are, when the owner was terminated', () => {
    // Alive, and between its claim and its publish.
    const slow = new RingWriter(broker.memoryRing, broker.takeSeat().seat);
    expect(slow.claim(300)).toBe(true);
    const { seat, tag } = broker.takeSeat();
    publish(new RingWriter(broker.memoryRing, seat), emptyBatch(5));
    const dead = new RingWriter(broker.memoryRing, seat);
    expect(dead.claim(100)).toBe(true);
    broker.seats.markGone(tag);
    for (let sweeps = 0; sweeps < 2; sweeps++) {
      broker.deadThreads.sweep();
      expect(broker.seats.tag(seat)).toBe(tag);
    }
    slow.abort();
    // What others claim from now on is no matter of the dead one's.
    expect(slow.claim(300)).toBe(true);
    broker.deadThreads.sweep();
    expect(broker.seats.tag(seat)).toBe(-1);
    expect(broker.gone).toEqual([seat]);
    expect(broker.parts.queueTable.nextOffset(QUEUE.slot)).toBe(5);
    slow.abort();
  });

  it('is not free before they are, when the owner has closed', async () => {
    const { thread, parts } = broker.attach();
    const { indexRole } = broker.memoryRing;
    // Another thread is at it, and has been descheduled.
    indexRole.tryTake(broker.parts.seat);
    parts.memory.append(keepingSink(), 1, emptyBatch(5));
    await thread.close();
    expect(broker.takeSeat().seat).not.toBe(thread.seat);
    broker.deadThreads.sweep();
    expect(broker.takeSeat().seat).not.toBe(thread.seat);
    indexRole.release(broker.parts.seat);
    broker.deadThreads.sweep();
    expect(broker.takeSeat().seat).toBe(thread.seat);
    expect(broker.parts.queueTable.nextOffset(QUEUE.slot)).toBe(5);
  });

  it('is free at once when all of them are indexed', async () => {
    const { thread, parts } = broker.attach();
    parts.memory.append(keepingSink(), 1, emptyBatch(5));
    await thread.close();
    expect(broker.takeSeat().seat).toBe(thread.seat);
  });
});

describe('a thread that has closed', () => {
  const topic: TopicEntry = {
    topicId: QUEUE.topicId,
    topic: 't',
    queues: 1,
    memory: true,
    slots: Int32Array.of(QUEUE.slot),
    dead: false,
  };

  it('leaves the news of the seat to its next owner', async () => {
    const first = broker.attach().thread;
    first.openReader(topic, 0, 0);
    await setImmediate();
    await first.close();
    const { thread } = broker.attach();
    expect(thread.seat).toBe(first.seat);
    const reader = thread.openReader(topic, 0, 0);
    let told = 0;
    reader.watch(() => told++);
    thread.queueTable.markMoved(thread.seat, QUEUE.slot);
    await setImmediate();
    await setImmediate();
    expect(told).toBe(1);
    await thread.close();
  });

  it('has given up its hold, and not that of its next owner', async () => {
    const hold = seatWord(broker.attach().thread.seat + 1) + SEAT_WORD.holdState;
    const first = broker.attach().thread;
    const state = (): number => Atomics.load(broker.memoryRing.control, hold);
    first.openReader(topic, 0, 0);
    await setImmediate();
    expect(state()).toBe(1);
    await first.close();
    expect(state()).toBe(0);
    const { thread, parts } = broker.attach();
    expect(thread.seat).toBe(first.seat);
    parts.memory.reader.hold(broker.memoryRing.indexed());
    await setImmediate();
    await setImmediate();
    expect(state()).toBe(1);
    await thread.close();
  });

  it('closes what readers are open, and is not called back', async () => {
    const { thread } = broker.attach();
    const reader = thread.openReader(topic, 0, 0);
    reader.watch(() => expect.unreachable());
    await thread.close();
    thread.queueTable.markMoved(thread.seat, QUEUE.slot);
    await setImmediate();
    expect(broker.parts.queueTable.watchers(QUEUE.slot, false)).toBe(0);
    expect(broker.takeSeat().seat).toBe(thread.seat);
  });
});
