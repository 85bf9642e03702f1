/** A log lane on one thread, without a file: what is published is indexed and freed at once. */

import {
  createProducerMemory,
  createQueueTableMemory,
  createResultMemory,
  type IndexDisk,
  IndexFiles,
  IndexStage,
  LANE,
  QueueTable,
  ResultRing,
} from '../../engine/queue/index.js';
import { createRingMemory, Ring, RingWriter } from '../../engine/ring/index.js';
import { masterTerm } from '../../engine/term/term.js';
import { BATCH, writeUint32 } from '../../native-free/wire/index.js';
import { BORN_TIME } from './sample-batch.js';

const SEATS = 4;
const TOPIC_ID = 1;

/** Takes blocks and keeps none: the price of a file is not the index stage's. */
const NO_DISK: IndexDisk = {
  open: () => 1,
  create: () => 1,
  close: () => {},
  read: () => 0,
  write: () => {},
  fdatasync: () => {},
  fsyncDir: () => {},
  unlink: () => {},
  mkdir: () => {},
  readdir: () => [],
  size: () => 0,
};

export class IndexRig {
  readonly ring: Ring;
  readonly #writer: RingWriter;
  readonly #stage: IndexStage;
  readonly #results: ResultRing;
  readonly #queues: number;
  #published = 0;

  constructor(queues: number) {
    this.#queues = queues;
    const sizes = { ringBytes: 4 << 20, spanBytes: 2 << 20, maxThreads: SEATS, startPosition: 0 };
    this.ring = new Ring(createRingMemory(sizes));
    this.#writer = new RingWriter(this.ring, 0);
    const table = new QueueTable(
      createQueueTableMemory({ maxQueues: 1024, maxSeats: SEATS, arenaBlocks: 1 }),
    );
    for (let queueId = 0; queueId < queues; queueId++) {
      table.open(queueId, TOPIC_ID, queueId, LANE.log);
    }
    const results = createResultMemory(SEATS);
    this.#results = new ResultRing(results, 0);
    this.#stage = new IndexStage({
      ring: this.ring,
      lane: LANE.log,
      table,
      files: new IndexFiles({ disk: NO_DISK, dir: 'queues' }),
      producers: createProducerMemory(16),
      results,
      clock: () => BORN_TIME,
      term: masterTerm(1),
      policy: 'async',
    });
  }

  /** Puts a batch of topic 1 into the ring, each into the next queue, numbered as its producer would. */
  publish(batch: Uint8Array): void {
    const writer = this.#writer;
    if (!writer.claim(batch.length)) {
      throw new Error('the ring is full');
    }
    const { bytes } = this.ring;
    bytes.set(batch, writer.place);
    writeUint32(bytes, writer.place + BATCH.queueId, this.#published % this.#queues);
    writeUint32(bytes, writer.place + BATCH.sequence, this.#published);
    this.#published = (this.#published + 1) >>> 0;
    writer.publish();
  }

  /** Indexes what was published, looks at each result, and gives the ring back. */
  index(): void {
    this.#stage.tryRun(0);
    while (this.#results.next()) {
      if (this.#results.status !== 0) {
        throw new Error(`a batch was refused: ${this.#results.status}`);
      }
    }
    this.ring.free(this.ring.indexed());
  }
}
