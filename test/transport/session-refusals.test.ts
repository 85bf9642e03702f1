/** Order of one producer across refusals that it may try again. */
import { describe, expect, test } from 'vitest';
import { BATCH, ERRORS, readUint32 } from '../../native-free/wire/index.js';
import { MAX_REFUSED_PRODUCERS } from '../../transport/refused-sequences.js';
import { FakeEngine } from './fake-engine.js';
import { open, type Peer, settle, welcome } from './fake-socket.js';
import { makeBatch, produceFrame } from './make-batch.js';
import { acksOf } from './producing.js';

const FULL = ERRORS.DISK_FULL.wire;

class Line {
  readonly engine = new FakeEngine();
  readonly peer: Peer;

  constructor() {
    this.engine.addTopic(1, 1);
    this.engine.met.set(2, { ...this.engine.addTopic(2, 1), memory: true });
    this.peer = welcome(open(this.engine));
  }

  /** One batch a frame; its sequence is its id. */
  send(sequence: number, producerId = 7, topicId = 1): void {
    const batch = makeBatch([{ body: `${sequence}` }], { producerId, sequence, topicId });
    this.peer.session.onFrame(produceFrame(sequence, batch));
  }

  /** `sequence: status` of the acks since the last call. */
  async acks(): Promise<string[]> {
    this.engine.progress();
    await settle();
    return acksOf(this.peer.socket).map(({ id, status }) => `${id}: ${status === FULL ? 'full' : status}`);
  }

  stored(topicId = 1): number[] {
    return this.engine.queue(topicId, 0).batches.map(({ bytes }) => readUint32(bytes, BATCH.sequence));
  }
}

describe('after a refusal that may pass', () => {
  test('what is under way behind it is refused too, though there is room again', async () => {
    const line = new Line();
    line.send(1);
    line.engine.refusal = FULL;
    line.send(2);
    line.engine.refusal = 0;
    line.send(3);
    line.send(4);
    expect(new Set(await line.acks())).toEqual(new Set(['1: 0', '2: full', '3: full', '4: full']));
    for (const sequence of [2, 3, 4, 5]) {
      line.send(sequence);
    }
    expect(await line.acks()).toEqual(['2: 0', '3: 0', '4: 0', '5: 0']);
    expect(line.stored()).toEqual([1, 2, 3, 4, 5]);
  });

  test('a second refusal of the same batch holds the others back again', async () => {
    const line = new Line();
    line.engine.refusal = FULL;
    line.send(2);
    line.send(3);
    line.send(2);
    line.engine.refusal = 0;
    line.send(3);
    expect(line.stored()).toEqual([]);
    line.send(2);
    line.send(3);
    expect(line.stored()).toEqual([2, 3]);
  });

  test('a batch that was given up does not stop those behind it', async () => {
    const line = new Line();
    line.engine.refusal = FULL;
    line.send(2);
    line.send(3);
    line.engine.refusal = 0;
    // The producer has read that 3 was refused, so it knows of 2 as well.
    line.send(3);
    line.send(4);
    expect(line.stored()).toEqual([3, 4]);
  });

  test('a producer that gave up all it was refused is taken at the second try', async () => {
    const line = new Line();
    line.engine.refusal = FULL;
    line.send(2);
    line.engine.refusal = 0;
    line.send(3);
    line.send(4);
    expect(line.stored()).toEqual([]);
    line.send(3);
    line.send(4);
    line.send(5);
    expect(line.stored()).toEqual([3, 4, 5]);
  });

  test('sequences wrap', async () => {
    const line = new Line();
    line.engine.refusal = FULL;
    line.send(0xffff_ffff);
    line.engine.refusal = 0;
    line.send(0);
    expect(line.stored()).toEqual([]);
    line.send(0xffff_ffff);
    line.send(0);
    line.send(1);
    expect(line.stored()).toEqual([0xffff_ffff, 0, 1]);
  });

  test('other producers, batches without a producer and memory topics are not held back', async () => {
    const line = new Line();
    line.engine.refusal = FULL;
    line.send(2);
    line.send(2, 0);
    line.engine.refusal = 0;
    line.send(9, 8);
    line.send(3, 0);
    line.send(3, 7, 2);
    expect(line.stored()).toEqual([9, 3]);
    expect(line.stored(2)).toEqual([3]);
  });

  test('only so many producers are remembered', async () => {
    const line = new Line();
    line.engine.refusal = FULL;
    for (let producer = 1; producer <= MAX_REFUSED_PRODUCERS + 1; producer++) {
      line.send(2, producer);
    }
    line.engine.refusal = 0;
    line.send(30, 1);
    line.send(31, 2);
    expect(line.stored()).toEqual([30]);
  });

  test('a refusal for good holds nothing back', async () => {
    const line = new Line();
    line.engine.refusal = ERRORS.DISK_FAILED.wire;
    line.send(2);
    line.engine.refusal = 0;
    line.send(3);
    expect(line.stored()).toEqual([3]);
  });
});
