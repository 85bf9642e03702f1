/** A time looked up in a ring pins what it reads: whoever wanted that space meanwhile, and did not get it, is told to look again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TopicQueues, type TopicQueuesDeps } from '../../engine/control/topic-queues.js';
import { lockDataDir } from '../../engine/disk/lock-file.js';
import { createRingMemory, Ring, RingReader, RingWriter } from '../../engine/ring/index.js';
import {
  BATCH,
  BATCH_HEADER_BYTES,
  BATCH_TYPE,
  writeUint32,
  writeUint64,
} from '../../native-free/wire/index.js';

const STORE_TIME = 1_234_567;
const SEAT = 0;

/** The gate's owner frees the space at the worst moment: between the pin and the read. */
class InterruptedReader extends RingReader {
  readonly #interrupt: () => void;

  constructor(ring: Ring, interrupt: () => void) {
    super(ring, SEAT);
    this.#interrupt = interrupt;
  }

  override pinBytes(position: number): boolean {
    const isPinned = super.pinBytes(position);
    this.#interrupt();
    return isPinned;
  }
}

function ringOfOneBatch(): Ring {
  const ring = new Ring(
    createRingMemory({ ringBytes: 4_096, spanBytes: 1_024, maxThreads: 2, startPosition: 0 }),
  );
  const writer = new RingWriter(ring, 1);
  expect(writer.claim(BATCH_HEADER_BYTES)).toBe(true);
  writeUint32(ring.bytes, writer.place, BATCH_HEADER_BYTES);
  ring.bytes[writer.place + BATCH.type] = BATCH_TYPE.data;
  writeUint64(ring.bytes, writer.place + BATCH.storeTime, STORE_TIME);
  writer.publish();
  ring.setIndexed(ring.head());
  return ring;
}

test.each([
  ['the log', true],
  ['memory topics', false],
])('in the ring of %s', async (_name, isLog) => {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-queues-'));
  const lock = await lockDataDir(dir);
  const ring = ringOfOneBatch();
  const other = ringOfOneBatch();
  const told: boolean[] = [];
  const reading = { ring, reader: new InterruptedReader(ring, () => ring.free(ring.head())) };
  const idle = { ring: other, reader: new RingReader(other, SEAT) };
  const log = { ...(isLog ? reading : idle), committed: () => ring.head() };
  const found: number[] = [];
  const deps = {
    log,
    memory: isLog ? idle : reading,
    gateIsHeldBack: (ofLog: boolean) => {
      // By then the space can be had.
      ring.free(ring.head());
      expect(ring.isHeldBack()).toBe(false);
      told.push(ofLog);
    },
    queueIndex: {
      findByTime: (_slot: number, _time: number, _upTo: number, storeTime: (position: number) => number) => {
        found.push(storeTime(0));
        return 0;
      },
    },
  } as unknown as TopicQueuesDeps;
  const queues = new TopicQueues(deps, lock.dir);
  queues.findByTime({ memory: !isLog, slots: [0] } as never, 0, STORE_TIME);
  expect(found).toEqual([STORE_TIME]);
  expect(told).toEqual([isLog]);
  queues.closeFiles();
  lock.release();
  rmSync(dir, { recursive: true });
});
