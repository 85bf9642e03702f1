import { describe, expect, it } from 'vitest';
import { createQueueTableMemory, LANE, QUEUE_STATE, QueueTable } from '../../engine/queue/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';

describe('queue table', () => {
  it('opens, finds and closes as a map would, over years of topics', () => {
    const maxQueues = 8;
    fc.assert(
      fc.property(fc.array(fc.nat(maxQueues - 1), { maxLength: 400 }), (toggled) => {
        const table = new QueueTable(createQueueTableMemory({ maxQueues, maxSeats: 2 }));
        const model = new Map<number, { topicId: number; queueId: number }>();
        let topicId = 0;
        for (const slot of toggled) {
          const there = model.get(slot);
          if (there === undefined) {
            topicId++;
            table.open(slot, topicId, topicId % 3, LANE.log, topicId * 10);
            model.set(slot, { topicId, queueId: topicId % 3 });
          } else {
            table.close(slot);
            model.delete(slot);
            expect(table.find(there.topicId, there.queueId)).toBe(-1);
          }
          for (const [open, { topicId: id, queueId }] of model) {
            expect(table.find(id, queueId)).toBe(open);
            expect(table.find(id, queueId + 1)).toBe(-1);
            expect(table.nextOffset(open)).toBe(id * 10);
            expect(table.minOffset(open)).toBe(id * 10);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('takes topic ids of all 32 bits', () => {
    const table = new QueueTable(createQueueTableMemory({ maxQueues: 4 }));
    table.open(1, 0xffff_fff0, 16_383, LANE.memory);
    expect(table.find(0xffff_fff0, 16_383)).toBe(1);
    expect(table.topicId(1)).toBe(0xffff_fff0);
    expect(table.queueId(1)).toBe(16_383);
    expect(table.lane(1)).toBe(LANE.memory);
    expect(table.state(1)).toBe(QUEUE_STATE.open);
    expect(table.state(0)).toBe(QUEUE_STATE.free);
    table.close(1);
    expect(table.state(1)).toBe(QUEUE_STATE.dead);
  });

  it('refuses a slot that is in use or does not exist', () => {
    const table = new QueueTable(createQueueTableMemory({ maxQueues: 4 }));
    table.open(1, 1, 0, LANE.log);
    for (const slot of [1, 4, -1, 0.5]) {
      let error: unknown;
      try {
        table.open(slot, 2, 0, LANE.log);
      } catch (thrown) {
        error = thrown;
      }
      expect(isRingMQError(error) && error.code).toBe('BAD_ARGUMENT');
    }
  });

  it('tells each seat which of its queues moved, once', () => {
    const maxQueues = 5_000;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(0, 1, 31, 32, 63), fc.nat(maxQueues - 1), fc.boolean()), {
          maxLength: 200,
        }),
        (steps) => {
          const table = new QueueTable(createQueueTableMemory({ maxQueues }));
          const model = new Map<number, Set<number>>();
          for (const [seat, slot, take] of steps) {
            table.markMoved(seat, slot);
            const moved = model.get(seat) ?? new Set();
            model.set(seat, moved.add(slot));
            if (take) {
              const taken: number[] = [];
              expect(table.takeMoved(seat, (visited) => taken.push(visited))).toBe(true);
              expect(taken).toEqual([...moved].sort((a, b) => a - b));
              model.delete(seat);
              expect(table.takeMoved(seat, () => {})).toBe(false);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('watches by bits of two words, and clears a seat that changes hands', () => {
    const table = new QueueTable(createQueueTableMemory({ maxQueues: 40 }));
    table.open(7, 1, 0, LANE.log);
    table.watch(7, 0);
    table.watch(7, 31);
    table.watch(7, 32);
    table.watch(7, 63);
    expect([table.watchers(7, false), table.watchers(7, true)]).toEqual([1 | (1 << 31), 1 | (1 << 31)]);
    table.unwatch(7, 31);
    table.markMoved(63, 7);
    table.clearSeat(63);
    expect([table.watchers(7, false), table.watchers(7, true)]).toEqual([1, 1]);
    expect(table.takeMoved(63, () => {})).toBe(false);
  });
});
