/** The thread that holds the index role is terminated at every step in turn; another one takes over. */

import { describe, expect, it } from 'vitest';
import { IndexEntry, LANE } from '../../engine/queue/index.js';
import { WORD } from '../../engine/ring/index.js';
import { BATCH_ATTRIBUTE, isRingMQError } from '../../native-free/wire/index.js';
import { fc } from '../properties.js';
import { runAndKill, steppedTable } from './killing.js';
import { Rig } from './rig.js';

const TOPIC = 5;
const GONE = 6;
const WATCHER = 3;

/** A rig with everything the stage knows to do waiting in its ring. */
function scenario(lane: number): Rig {
  const rig = new Rig({ lane, maxQueues: 8, maxProducers: 2, blocksPerFile: 2 });
  rig.table.open(0, TOPIC, 0, lane);
  rig.table.open(1, TOPIC, 1, lane);
  rig.table.open(2, GONE, 0, lane);
  rig.table.watch(0, WATCHER);
  rig.table.watch(1, WATCHER);
  // Queue 0 fills two blocks before, so that the block filled below is a root over both.
  for (let i = 0; i < 56; i++) {
    rig.publish(1, { topicId: TOPIC, queueId: 0, count: 2 });
  }
  rig.run();
  rig.table.takeMoved(WATCHER, () => {});
  rig.takeResults(1);
  rig.table.close(2);
  rig.publish(2, { topicId: TOPIC, queueId: 1, producerId: 10, producerEpoch: 4, sequence: 1 });
  rig.publish(2, { topicId: TOPIC, queueId: 1, producerId: 10, producerEpoch: 3, sequence: 2 });
  for (let i = 0; i < 6; i++) {
    rig.publish(1, { topicId: TOPIC, queueId: 0, count: 1 + i, producerId: 9, sequence: i });
  }
  rig.publish(2, { topicId: TOPIC, queueId: 0, count: 3, producerId: 9, sequence: 2 });
  rig.publish(2, { topicId: GONE, queueId: 0, count: 3 });
  rig.publish(2, { topicId: TOPIC, queueId: 1, count: 3, attributes: BATCH_ATTRIBUTE.syncFlush });
  // The table of producers is full: the third puts out the one that sent first.
  rig.publish(1, { topicId: TOPIC, queueId: 1, producerId: 11, sequence: 7 });
  rig.writers[1]?.claim(300);
  rig.writers[1]?.abort();
  rig.publish(1, { topicId: TOPIC, queueId: 0, count: 1 });
  return rig;
}

/** All there is to compare, as one string: thousands of outcomes are. */
function outcome(rig: Rig): string {
  rig.collect();
  const moved: number[] = [];
  rig.table.takeMoved(WATCHER, (slot) => moved.push(slot));
  const snapshot = rig.stage.snapshotTables(0);
  return JSON.stringify({
    state: rig.state(),
    snapshot: { ...snapshot, bytes: hex(snapshot?.bytes) },
    results: [rig.takeResults(1), rig.takeResults(2)],
    log: rig.log.map(({ header, position }) => [hex(header), position]),
    files: [...rig.disk.files].map(([name, bytes]) => [name, hex(bytes)]).sort(),
    syncWanted: rig.ring.control[WORD.syncWanted],
    role: rig.ring.indexRole.holder(),
    moved,
  });
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Runs the stage with each Atomics call, each double of the tables and each write to the disk a place to die at. */
function runStepped(rig: Rig, step: () => void): void {
  rig.disk.beforeWrite = step;
  rig.openStage(undefined, steppedTable(rig.table.memory, step)).tryRun(0);
}

function takeOver(rig: Rig, dead: number, seat: number): void {
  rig.ring.indexRole.breakIfHeldBy(dead);
  rig.openStage().tryRun(seat);
}

describe.each([
  ['log', LANE.log],
  ['memory', LANE.memory],
])('index stage, %s lane, holder terminated', (_name, lane) => {
  it('at any step: the next holder ends where an undisturbed one does', () => {
    const undisturbed = scenario(lane);
    const { steps } = runAndKill(Number.POSITIVE_INFINITY, (step) => runStepped(undisturbed, step));
    const wanted = outcome(undisturbed);
    expect(steps).toBeGreaterThan(400);
    for (let dieAt = 1; dieAt <= steps; dieAt++) {
      const rig = scenario(lane);
      expect(runAndKill(dieAt, (step) => runStepped(rig, step)).died).toBe(true);
      rig.disk.beforeWrite = () => {};
      takeOver(rig, 0, 1);
      expect(outcome(rig), `died at step ${dieAt}`).toBe(wanted);
    }
  });

  it('again and again, each time somewhere else', () => {
    const undisturbed = scenario(lane);
    undisturbed.stage.tryRun(0);
    const wanted = outcome(undisturbed);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 30 }), (deaths) => {
        const rig = scenario(lane);
        for (const [i, dieAt] of deaths.entries()) {
          const seat = i % 3;
          const stage = rig.openStage();
          runAndKill(dieAt, () => stage.tryRun(seat));
          rig.ring.indexRole.breakIfHeldBy(seat);
        }
        takeOver(rig, 0, 0);
        expect(outcome(rig)).toBe(wanted);
      }),
      { numRuns: 100 },
    );
  });

  it('at any step, and the queue’s slot goes to another queue before somebody takes over', () => {
    const { steps } = runAndKill(Number.POSITIVE_INFINITY, () => scenario(lane).stage.tryRun(0));
    for (let dieAt = 1; dieAt <= steps; dieAt += 5) {
      const rig = scenario(lane);
      runAndKill(dieAt, () => rig.stage.tryRun(0));
      rig.table.close(0);
      let reopened = false;
      try {
        rig.table.open(0, TOPIC + 10, 0, lane);
        reopened = true;
      } catch (error) {
        expect(isRingMQError(error) && error.code).toBe('BROKER_BUSY');
      }
      takeOver(rig, 0, 1);
      if (!reopened) {
        rig.table.open(0, TOPIC + 10, 0, lane);
      }
      expect(rig.table.nextOffset(0)).toBe(0);
      expect(rig.table.tailPosition(0)).toBe(0);
      rig.publish(1, { topicId: TOPIC + 10, queueId: 0, count: 2 });
      rig.run();
      expect(rig.entries(0)).toHaveLength(1);
    }
  });

  it('leaves readers without an answer, not with a wrong one, until somebody takes over', () => {
    const undisturbed = scenario(lane);
    const { steps } = runAndKill(Number.POSITIVE_INFINITY, () => undisturbed.stage.tryRun(0));
    const wanted = undisturbed.entries(0);
    const entry = new IndexEntry();
    for (let dieAt = 1; dieAt <= steps; dieAt += 7) {
      const rig = scenario(lane);
      runAndKill(dieAt, () => rig.stage.tryRun(0));
      for (const { baseOffset, position, slots, count } of wanted) {
        if (rig.index.find(0, baseOffset, entry)) {
          expect(entry).toMatchObject({ baseOffset, position, slots, count });
        }
      }
    }
  });
});
