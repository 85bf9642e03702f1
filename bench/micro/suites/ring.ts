import { bulkCopy, bulkTarget, createRingMemory, Ring, RingWriter } from '../../../engine/ring/index.js';
import { SLOT_BYTES, writeUint32 } from '../../../native-free/wire/index.js';
import type { MicroCase, MicroSuite } from '../micro-case.js';
import { batchOf, MESSAGE_100 } from '../sample-batch.js';

/** Room in the ring: one writer alone, so a claim never fails and its swap is never lost. */
export const ringSuite: MicroSuite = {
  name: 'ring',
  open: () => [claiming(), handingBack(), copying(0), copying(5)],
};

function openRing(ringBytes: number): { ring: Ring; writer: RingWriter } {
  const memory = createRingMemory({ ringBytes, spanBytes: ringBytes / 2, maxThreads: 16, startPosition: 0 });
  const ring = new Ring(memory);
  return { ring, writer: new RingWriter(ring, 0) };
}

/** Makes everything claimed free again, as the index stage and the persist role do for a run of batches. */
function handBack(ring: Ring, slotsApart: number): void {
  const head = ring.head();
  let position = ring.indexed();
  for (; position !== head; position = (position + slotsApart) | 0) {
    ring.clearMark(position);
  }
  ring.setIndexed(position);
  ring.free(position);
}

function claiming(): MicroCase {
  const { ring, writer } = openRing(1 << 20);
  // Every slot looks like a batch of one slot, so that nothing but claim and publish counts.
  for (let place = 0; place < ring.ringBytes; place += SLOT_BYTES) {
    writeUint32(ring.bytes, place, SLOT_BYTES);
  }
  const count = 8000;
  const run = (): void => {
    for (let i = 0; i < count; i++) {
      if (!writer.claim(SLOT_BYTES)) {
        throw new Error('the ring is full');
      }
      writer.publish();
    }
    handBack(ring, 1);
  };
  return { name: 'claim and publish a slot, mark cleared', unit: 'claim', count, run };
}

/** What of the case above is the clearing: the difference is claim and publish. */
function handingBack(): MicroCase {
  const { ring } = openRing(1 << 20);
  const count = 8000;
  let position = 0;
  const run = (): void => {
    const end = (position + count) | 0;
    for (; position !== end; position = (position + 1) | 0) {
      ring.clearMark(position);
    }
  };
  return { name: 'clear a mark alone', unit: 'claim', count, run };
}

/** `skew`: where within its memory the batch begins, as one that was read from a socket does anywhere. */
function copying(skew: number): MicroCase {
  const { ring, writer } = openRing(4 << 20);
  const bulk = bulkTarget(ring.bytes);
  const packed = batchOf(MESSAGE_100);
  const batch = new Uint8Array(skew + packed.length).subarray(skew);
  batch.set(packed);
  const count = 64;
  const slots = Math.ceil(batch.length / SLOT_BYTES);
  const run = (): void => {
    for (let i = 0; i < count; i++) {
      if (!writer.claim(batch.length)) {
        throw new Error('the ring is full');
      }
      bulkCopy(bulk, batch, writer.place);
      writer.publish();
    }
    // Pads at the ends of spans have marks of their own: every slot is looked at.
    handBack(ring, 1);
  };
  if (slots * count * SLOT_BYTES > ring.ringBytes) {
    throw new Error('the batches do not fit into the ring');
  }
  const where = skew === 0 ? '' : ` from ${skew} bytes off a word`;
  return { name: `claim, copy 32 KiB${where} and publish`, unit: 'batch', count, run };
}
