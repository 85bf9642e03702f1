import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { NodeDisk } from '../../engine/disk/node-disk.js';
import {
  createProducerMemory,
  createQueueTableMemory,
  createResultMemory,
  IndexEntry,
  IndexFiles,
  IndexStage,
  LANE,
  QueueIndex,
  QueueTable,
} from '../../engine/queue/index.js';
import { createRingMemory, Ring, RingWriter } from '../../engine/ring/index.js';
import { masterTerm } from '../../engine/term/term.js';
import type { WorkerReport, WorkerTask } from './index-worker.js';
import { writeBatch } from './rig.js';
import { countOf, slotsOf, TOPIC } from './thread-pattern.js';

/** Batches this thread puts in beside the other one: a second or two. */
const BATCHES = 60_000;
const dirs: string[] = [];

afterEach(() => {
  for (const dir of dirs.splice(0)) {
    rmSync(dir, { recursive: true, force: true });
  }
});

function setUp(lane: number, queueCount: number, role: WorkerTask['role'], arenaBlocks: number) {
  const dir = join(mkdtempSync(join(tmpdir(), 'ringmq-index-')), 'queues');
  dirs.push(join(dir, '..'));
  const task: WorkerTask = {
    role,
    lane,
    seat: 2,
    ring: createRingMemory({ ringBytes: 1 << 20, spanBytes: 4096, maxThreads: 4, startPosition: 0 }),
    queues: createQueueTableMemory({ maxQueues: 16, maxSeats: 4, arenaBlocks }),
    producers: createProducerMemory(16),
    results: createResultMemory(4),
    dir,
    flags: new SharedArrayBuffer(4),
    queueCount,
  };
  const ring = new Ring(task.ring);
  const table = new QueueTable(task.queues);
  const files = new IndexFiles({ disk: new NodeDisk(), dir, blocksPerFile: 64 });
  const stage = new IndexStage({
    ring,
    lane,
    table,
    files,
    producers: task.producers,
    results: task.results,
    clock: Date.now,
    term: masterTerm(1),
    policy: 'async',
  });
  for (let queueId = 0; queueId < queueCount; queueId++) {
    table.open(queueId, TOPIC, queueId, lane);
  }
  return { task, ring, table, files, stage, writer: new RingWriter(ring, 1) };
}

/** Starts the worker, runs `burst` until it says that it is done, then has the worker stop. */
async function runBeside(task: WorkerTask, burst: () => boolean): Promise<WorkerReport> {
  const worker = new Worker(new URL('./index-worker.js', import.meta.url), { workerData: task });
  await once(worker, 'message');
  const answer = once(worker, 'message');
  while (!burst()) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  Atomics.store(new Int32Array(task.flags), 0, 1);
  // A writer waits for the results of its last batches, which may need more of what `burst` does.
  let report: WorkerReport | undefined;
  const exit = once(worker, 'exit');
  void answer.then(([message]) => {
    report = message as WorkerReport;
  });
  while (report === undefined) {
    if (task.role === 'write') {
      burst();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await exit;
  return report;
}

describe('two threads on one index', () => {
  it.each([
    ['log', LANE.log],
    ['memory', LANE.memory],
  ])('a reader never gets a torn answer while queues grow, %s lane', async (_name, lane) => {
    const queueCount = 3;
    const { task, ring, table, files, stage, writer } = setUp(lane, queueCount, 'read', 16);
    const numbers = new Array<number>(queueCount).fill(0);
    let total = 0;
    const report = await runBeside(task, () => {
      for (let i = 0; i < 300; i++) {
        // Uneven, so that tails of one and blocks of another queue change together.
        const queueId = total % 7 < 4 ? 0 : total % 7 < 6 ? 1 : 2;
        const number = numbers[queueId] as number;
        if (!writer.claim(slotsOf(number) * 64)) {
          break;
        }
        const facts = { topicId: TOPIC, queueId, count: countOf(number), length: slotsOf(number) * 64 };
        writeBatch(ring.bytes, writer.place, facts);
        writer.publish();
        numbers[queueId] = number + 1;
        total++;
        stage.tryRun(1);
      }
      if (lane === LANE.log) {
        ring.setWritten(ring.indexed());
        ring.setFlushed(ring.indexed());
        ring.free(ring.indexed());
      }
      return total >= BATCHES;
    });
    files.close();
    expect(report.faults).toEqual([]);
    expect(report.finds).toBeGreaterThan(0);
    expect(report.reached).toEqual(numbers.map((_, queueId) => table.nextOffset(queueId)));
  });

  it('two writers share the role: every batch is indexed once, every result comes in order', async () => {
    const queueCount = 3;
    const { task, ring, table, files, stage, writer } = setUp(LANE.log, queueCount, 'write', 16);
    let put = 0;
    let stopped = false;
    const report = await runBeside(task, () => {
      const indexed = ring.indexed();
      ring.setWritten(indexed);
      ring.setFlushed(indexed);
      ring.free(indexed);
      stopped ||= Atomics.load(new Int32Array(task.flags), 0) === 1;
      for (let i = 0; i < 300 && !stopped; i++) {
        if (!writer.claim(192)) {
          break;
        }
        writeBatch(ring.bytes, writer.place, { topicId: TOPIC, queueId: put % queueCount, length: 192 });
        writer.publish();
        put++;
        stage.tryRun(1);
      }
      stage.tryRun(1);
      return put >= BATCHES;
    });
    expect(report.faults).toEqual([]);
    const theirs = report.reached[0] as number;
    expect(theirs).toBeGreaterThan(0);
    const index = new QueueIndex(table, files);
    const entry = new IndexEntry();
    const positions = new Set<number>();
    let [ours, others] = [0, 0];
    for (let slot = 0; slot < queueCount; slot++) {
      let offset = 0;
      while (index.find(slot, offset, entry)) {
        expect(entry.baseOffset).toBe(offset);
        positions.add(entry.position);
        if (entry.slots === 3) {
          ours++;
        } else {
          others++;
        }
        offset++;
      }
      expect(offset).toBe(table.nextOffset(slot));
    }
    files.close();
    expect(positions.size).toBe(put + theirs);
    expect([ours, others]).toEqual([put, theirs]);
  });
});
