/** The shared memories of a broker, with nobody in them: nothing in the data directory, no persist worker, no sweep but by hand. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import { identityOf, LOCK_FILE, type OpenedDir } from '../../engine/disk/index.js';
import type { AppendSink } from '../../engine/engine-thread.js';
import type { BrokerHandle, LaneMemory } from '../../engine/handle.js';
import {
  createProducerMemory,
  createQueueTableMemory,
  createResultMemory,
  LANE,
} from '../../engine/queue/index.js';
import { createRingMemory, createSeatMemory, Ring, SeatTable } from '../../engine/ring/index.js';
import { createStatsMemory } from '../../engine/stats/index.js';
import { REPLICAS_BYTES } from '../../engine/term/replica-layout.js';
import { SHARED_TEXT_BYTES } from '../../engine/term/shared-text.js';
import { BROKER_WORDS_BYTES } from '../../engine/term/shared-words.js';
import { BrokerThread } from '../../engine/thread/broker-thread.js';
import { DeadThreads } from '../../engine/thread/dead-threads.js';
import { makeThreadParts, type ThreadParts } from '../../engine/thread/thread-parts.js';
import { BATCH_HEADER_BYTES } from '../../native-free/wire/index.js';
import { writeBatch } from './rig.js';

const MAX_THREADS = 8;
/** A queue of the memory lane: slot and topic id. */
export const QUEUE = { slot: 3, topicId: 5 } as const;

const TOKEN = 'fedcba9876543210';
const made: string[] = [];
afterAll(() => {
  for (const path of made) {
    rmSync(path, { recursive: true });
  }
});

/** One that is owned, as far as its threads can see. */
function makeDirectory(): OpenedDir {
  const path = mkdtempSync(`${tmpdir()}/ringmq-hand-made-`);
  made.push(path);
  writeFileSync(`${path}/${LOCK_FILE}`, `${process.pid} - - ${TOKEN} - -\n`);
  return { path, identity: identityOf(path), token: TOKEN };
}

export class HandMadeBroker {
  readonly handle: BrokerHandle;
  readonly seats: SeatTable;
  readonly memoryRing: Ring;
  /** Of the thread that sweeps. */
  readonly parts: ThreadParts;
  readonly deadThreads: DeadThreads;
  /** Seats as the sweep told that they were cleared. */
  readonly gone: number[] = [];
  #nextTag = 1_000_000;

  constructor() {
    const lane = (): LaneMemory => ({
      ring: createRingMemory({
        ringBytes: 64 * 1024,
        spanBytes: 4096,
        maxThreads: MAX_THREADS,
        startPosition: 0,
      }),
      producers: createProducerMemory(16),
      results: createResultMemory(MAX_THREADS),
    });
    this.handle = {
      kind: 'ringmq.handle.v1',
      logDirFd: -1,
      readsAtSlaves: false,
      brokerId: '0123456789abcdef',
      openingId: 'fedcba9876543210',
      brokerName: 'hand-made',
      epoch: 1,
      flush: 'async',
      dir: makeDirectory(),
      segmentBytes: 64 * 1024,
      channel: 'hand-made',
      memoryHoldMs: 1_000,
      seats: createSeatMemory(MAX_THREADS),
      brokerWords: new SharedArrayBuffer(BROKER_WORDS_BYTES),
      masterUrl: new SharedArrayBuffer(SHARED_TEXT_BYTES),
      cluster: 'default',
      brokerSet: 'hand-made',
      replicas: new SharedArrayBuffer(REPLICAS_BYTES),
      inSyncLimits: { maxLagBytes: 1024 * 1024, maxLagMs: 10_000 },
      stats: createStatsMemory(MAX_THREADS),
      queues: createQueueTableMemory({ maxQueues: 64, maxSeats: MAX_THREADS }),
      log: lane(),
      memory: lane(),
    };
    this.seats = new SeatTable(this.handle.seats);
    this.memoryRing = new Ring(this.handle.memory.ring);
    this.takeSeat(); // The persist worker's.
    this.parts = makeThreadParts(this.handle, this.seats, this.takeSeat().seat);
    this.parts.queueTable.open(QUEUE.slot, QUEUE.topicId, 0, LANE.memory);
    this.deadThreads = new DeadThreads(this.parts, (seat) => this.gone.push(seat));
  }

  /** A seat as if for another thread; `seats.markGone(tag)` lets that die. */
  takeSeat(): { seat: number; tag: number } {
    const tag = this.#nextTag++;
    return { seat: this.seats.take(tag), tag };
  }

  /** An attached thread, and its parts. */
  attach(): { thread: BrokerThread; parts: ThreadParts } {
    const parts = makeThreadParts(this.handle, this.seats, this.takeSeat().seat);
    const thread = new BrokerThread(parts, () => ({
      call: () => Promise.reject(new Error('there is no control plane')),
      callForBytes: () => Promise.reject(new Error('not here')),
      callInternal: () => Promise.reject(new Error('there is no control plane')),
      left: () => {},
      gone: () => {},
      close: () => {},
    }));
    return { thread, parts };
  }

  stop(): void {
    this.deadThreads.stop();
  }
}

/** A batch without a body for {@link QUEUE}, or for another topic. */
export function emptyBatch(count = 1, topicId: number = QUEUE.topicId): Uint8Array {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES);
  writeBatch(bytes, 0, { topicId, queueId: 0, count, length: bytes.length });
  return bytes;
}

/** Keeps what it is told as [id, status, base offset]. */
export function keepingSink(): AppendSink & { told: number[][] } {
  const told: number[][] = [];
  return {
    told,
    hasTravelled: false,
    onAppended: (id, status, _durability, _flags, baseOffset) => told.push([id, status, baseOffset]),
  };
}
