/** The process dies at every disk call there is, one after the other. What random lives and power cuts do: meta-store-simulation.test.ts. */
import { expect, test } from 'vitest';
import type { Disk } from '../../engine/disk/disk.js';
import { MetaStore } from '../../engine/meta/meta-store.js';
import { Random } from '../simulation/random.js';
import { SimulatedCrash, SimulatedDisk } from '../simulation/simulated-disk.js';

const DIR = '/data/meta';

const OPTIONS = { now: () => 1, defaults: { spanBytes: 4096, segmentBytes: 65_536 }, compactBytes: 500 };

/** What was promised before the crash. */
interface Promised {
  brokerId: string | null;
  epoch: number;
  topics: number;
  offset: number;
}

/** Three terms of a broker that creates topics and commits; throws where the disk says so. */
function live(disk: Disk, promised: Promised): void {
  for (let term = 0; term < 3; term++) {
    const store = MetaStore.open(disk, DIR, OPTIONS);
    promised.brokerId ??= store.brokerId;
    expect(store.epoch).toBeGreaterThan(promised.epoch);
    promised.epoch = store.epoch;
    const topicId = store.state.nextTopicId;
    store.appendDurably({
      type: 'topicCreated',
      topic: `topic-${topicId}`,
      topicId,
      queues: 1,
      memory: false,
      createdTime: 1,
      slots: [topicId, 1],
    });
    promised.topics++;
    for (let i = 0; i < 12; i++) {
      store.appendNumber('offsets', 'group', 1, 0, promised.offset + 1);
      store.flush();
      promised.offset++;
    }
    if (term !== 1) {
      store.close();
    }
  }
}

test('dies at any disk call, opens again, and has all that was promised', () => {
  let finished = false;
  for (let crashAt = 1; !finished; crashAt++) {
    expect(crashAt).toBeLessThan(500);
    const disk = new SimulatedDisk(new Random(crashAt));
    disk.mkdir('/data');
    disk.crashAfterCalls = crashAt;
    const promised: Promised = { brokerId: null, epoch: 0, topics: 0, offset: 0 };
    try {
      live(disk, promised);
      finished = true;
    } catch (error) {
      expect(error).toBeInstanceOf(SimulatedCrash);
    }
    disk.kill();
    const store = MetaStore.open(disk, DIR, OPTIONS);
    expect(store.epoch).toBeGreaterThan(promised.epoch);
    expect(store.brokerId).toBe(promised.brokerId ?? store.brokerId);
    // One more of each may have been on its way.
    expect(store.state.topics.size - promised.topics).toBeLessThanOrEqual(1);
    expect(store.state.topics.size).toBeGreaterThanOrEqual(promised.topics);
    const offset = Math.max(0, store.state.offsets.get('group', 1, 0));
    expect(offset - promised.offset).toBeLessThanOrEqual(1);
    expect(offset).toBeGreaterThanOrEqual(promised.offset);
    store.close();
  }
});
