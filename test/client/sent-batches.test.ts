import { expect } from 'vitest';
import type { FrameSender } from '../../native-free/client/link/frame-sender.js';
import { SentBatches } from '../../native-free/client/link/sent-batches.js';
import type { SendBatch } from '../../native-free/client/produce/send-batch.js';
import { fc, test } from '../properties.js';

const batchOf = (id: number) => ({ id }) as unknown as SendBatch;
const sender = {} as FrameSender;

/** Numbers are given in turn, past 2^32 too; answers come in any order, and some batches are never answered. */
test.prop([fc.nat({ max: 2 ** 32 - 1 }), fc.array(fc.option(fc.nat({ max: 300 })), { maxLength: 400 })])(
  'each batch is found by its number until it is removed, in whatever order',
  (first, steps) => {
    const table = new SentBatches();
    const model = new Map<number, SendBatch>();
    let next = first;
    for (const step of steps) {
      const known = [...model.keys()];
      const id = step === null ? undefined : known[step % Math.max(1, known.length)];
      if (id === undefined) {
        const batch = batchOf(next);
        table.add(next, batch, sender);
        model.set(next, batch);
        next = (next + 1) >>> 0;
      } else {
        table.removeAt(table.find(id));
        model.delete(id);
        expect(table.find(id)).toBe(-1);
      }
      expect(table.size).toBe(model.size);
    }
    for (const [id, batch] of model) {
      expect(table.batchAt(table.find(id))).toBe(batch);
    }
    expect(table.find(next)).toBe(-1);
    table.clear();
    expect([table.size, table.first()]).toEqual([0, -1]);
  },
);
