/** The other thread of index-threads.test.ts: a reader of one queue, or a second writer. */

import { parentPort, workerData } from 'node:worker_threads';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import {
  IndexEntry,
  IndexFiles,
  IndexStage,
  LANE,
  QueueIndex,
  QueueTable,
  type QueueTableMemory,
  ResultRing,
} from '../../engine/queue/index.js';
import { Ring, type RingMemory, RingWriter } from '../../engine/ring/index.js';
import { masterTerm } from '../../engine/term/term.js';
import { writeBatch } from './rig.js';
import { checkEntry, TOPIC } from './thread-pattern.js';

export interface WorkerTask {
  role: 'read' | 'write';
  lane: number;
  seat: number;
  ring: RingMemory;
  queues: QueueTableMemory;
  producers: SharedArrayBuffer;
  results: SharedArrayBuffer;
  dir: string;
  /** Word 0: stop. */
  flags: SharedArrayBuffer;
  queueCount: number;
}

export interface WorkerReport {
  finds: number;
  faults: string[];
  /** Where the reader got to in each queue, told by moved bits alone; or how many batches the writer put in. */
  reached: number[];
}

const task = workerData as WorkerTask;
const flags = new Int32Array(task.flags);
const table = new QueueTable(task.queues);
const files = new IndexFiles({ disk: new NodeDisk(), dir: task.dir, blocksPerFile: 64 });

function read(): WorkerReport {
  const index = new QueueIndex(table, files);
  const entry = new IndexEntry();
  const faults: string[] = [];
  const reached = new Array<number>(task.queueCount).fill(0);
  let finds = 0;
  const follow = (slot: number): void => {
    let offset = reached[slot] as number;
    for (let i = 0; i < 200 && index.find(slot, offset, entry); i++) {
      finds++;
      if (task.lane === LANE.memory && entry.baseOffset > offset) {
        offset = entry.baseOffset;
      }
      checkEntry(entry, offset, faults);
      offset = entry.baseOffset + entry.count;
    }
    reached[slot] = offset;
  };
  for (let slot = 0; slot < task.queueCount; slot++) {
    table.watch(slot, task.seat);
  }
  let random = 12345;
  let last = false;
  for (;;) {
    // The stop flag is looked at before the queues, so that after it one more round sees everything.
    const stopping = Atomics.load(flags, 0) === 1;
    const took = table.takeMoved(task.seat, (slot) => {
      follow(slot);
      if (table.nextOffset(slot) > (reached[slot] as number)) {
        table.markMoved(task.seat, slot);
      }
    });
    random = (Math.imul(random, 1103515245) + 12345) >>> 1;
    const slot = random % task.queueCount;
    const next = table.nextOffset(slot);
    const offset = Math.floor(((random % 1000) / 1000) * next);
    if (next > 0 && index.find(slot, offset, entry)) {
      finds++;
      checkEntry(entry, task.lane === LANE.memory ? Math.max(offset, entry.baseOffset) : offset, faults);
    }
    if (last && !took) {
      return { finds, faults: faults.slice(0, 5), reached };
    }
    last = stopping;
  }
}

function write(): WorkerReport {
  const ring = new Ring(task.ring);
  const writer = new RingWriter(ring, task.seat);
  const results = new ResultRing(task.results, task.seat);
  const stage = new IndexStage({
    ring,
    lane: task.lane,
    table,
    files,
    producers: task.producers,
    results: task.results,
    clock: Date.now,
    term: masterTerm(1),
    policy: 'async',
  });
  const faults: string[] = [];
  const claims: number[] = [];
  let put = 0;
  while (Atomics.load(flags, 0) === 0) {
    if (claims.length < 1000 && writer.claim(128)) {
      const queueId = put % task.queueCount;
      writeBatch(ring.bytes, writer.place, { topicId: TOPIC, queueId, count: 1, length: 128 });
      writer.publish();
      claims.push(writer.position);
      put++;
    }
    stage.tryRun(task.seat);
    while (results.next()) {
      const wanted = claims.shift();
      if (results.ringPosition !== wanted || results.status !== 0) {
        faults.push(`a result for ${results.ringPosition} (${results.status}) where ${wanted} was next`);
      }
    }
  }
  // What is still without a result may lie behind a batch that another thread has not published yet.
  while (claims.length > 0) {
    stage.tryRun(task.seat);
    while (results.next()) {
      if (results.ringPosition !== claims.shift()) {
        faults.push('results are out of order at the end');
      }
    }
  }
  return { finds: 0, faults: faults.slice(0, 5), reached: [put] };
}

parentPort?.postMessage('up');
const report = task.role === 'read' ? read() : write();
files.close();
parentPort?.postMessage(report);
