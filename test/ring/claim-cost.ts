/**
 * Prints what a claim and a publish by one writer cost: `node dist/test/ring/claim-cost.js`. A figure, not a test.
 */
import { createRingMemory, Ring, RingWriter } from '../../engine/ring/index.js';
import { writeUint32 } from '../../native-free/wire/index.js';

const ROUNDS = 200;
const BATCHES = 8_000;

const ring = new Ring(
  createRingMemory({ ringBytes: 1 << 20, spanBytes: 1 << 19, maxThreads: 16, startPosition: 0 }),
);
const writer = new RingWriter(ring, 0);
// Every slot looks like a batch of one slot, so that nothing but claim and publish is timed.
for (let place = 0; place < ring.ringBytes; place += 64) {
  writeUint32(ring.bytes, place, 64);
}
const costs: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const start = process.hrtime.bigint();
  for (let i = 0; i < BATCHES; i++) {
    if (!writer.claim(64)) {
      throw new Error('the ring is full');
    }
    writer.publish();
  }
  costs.push(Number(process.hrtime.bigint() - start) / BATCHES);
  let position = ring.indexed();
  for (const head = ring.head(); position !== head; position = (position + 1) | 0) {
    ring.clearMark(position);
  }
  ring.setIndexed(position);
  ring.free(position);
}
costs.sort((a, b) => a - b);
console.log(
  `claim + publish, one writer: ${costs[ROUNDS / 2]?.toFixed(1)} ns (median), ${costs[0]?.toFixed(1)} ns (best)`,
);
