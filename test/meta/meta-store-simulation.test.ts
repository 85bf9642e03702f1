/** Short lives of a meta store, each by its seed: killed, or the power cut, at any disk call. RINGMQ_SEED=n replays one. */
import { expect, test } from 'vitest';
import { MetaStore } from '../../engine/meta/meta-store.js';
import { type Random, seeds, withSeed } from '../simulation/random.js';
import { SimulatedCrash, SimulatedDisk } from '../simulation/simulated-disk.js';

const SEEDS = 300;
const LIVES = 6;
const ACTIONS = 40;
const DIR = '/data/meta';

/** What must come back, and what may. */
class Promises {
  epoch = 0;
  brokerId: string | null = null;
  /** Topics whose creation, and whose deletion, was answered; and those in doubt. */
  readonly created = new Set<number>();
  readonly deleted = new Set<number>();
  highestTopicId = 0;
  /** Offsets of queue 0 of the first topic: on disk, in the page cache, taken. */
  synced = -1;
  written = -1;
  taken = -1;
  /** Whether the power was cut since the last check. */
  powerCut = false;

  check(store: MetaStore): void {
    expect(store.epoch).toBeGreaterThan(this.epoch);
    expect(store.brokerId).toBe(this.brokerId ?? store.brokerId);
    const { topics, offsets, nextTopicId } = store.state;
    for (const topicId of this.created) {
      expect(topics.has(topicId) || this.deleted.has(topicId)).toBe(true);
    }
    for (const topicId of topics.keys()) {
      expect(this.deleted.has(topicId)).toBe(false);
    }
    expect(nextTopicId).toBeGreaterThan(this.highestTopicId);
    const offset = offsets.get('group', 1, 0);
    expect(offset).toBeGreaterThanOrEqual(this.powerCut ? this.synced : this.written);
    expect(offset).toBeLessThanOrEqual(this.taken);
    this.epoch = store.epoch;
    this.brokerId = store.brokerId;
    this.synced = offset;
    this.written = offset;
    this.taken = offset;
    this.powerCut = false;
  }
}

function act(store: MetaStore, random: Random, promises: Promises): void {
  const { state } = store;
  const action = random.below(10);
  if (action < 5) {
    store.appendNumber('offsets', 'group', 1, 0, ++promises.taken);
    if (random.chance(0.8)) {
      store.flush();
      promises.written = promises.taken;
    }
  } else if (action < 6) {
    store.sync();
    promises.synced = promises.written = promises.taken;
  } else if (action < 8) {
    const topicId = state.nextTopicId;
    const slots = [topicId, 1];
    store.appendDurably({
      type: 'topicCreated',
      topic: `t${topicId}`,
      topicId,
      queues: 1,
      memory: false,
      createdTime: 1,
      slots,
    });
    promises.created.add(topicId);
    promises.highestTopicId = topicId;
    promises.synced = promises.written = promises.taken;
  } else {
    const topicId = random.pick([...state.topics.keys()].slice(1)) as number | undefined;
    if (topicId !== undefined) {
      // In doubt while it is on its way: it may be there afterwards, or not.
      promises.created.delete(topicId);
      store.appendDurably({ type: 'topicDeleted', topicId });
      promises.deleted.add(topicId);
      promises.synced = promises.written = promises.taken;
    }
  }
}

/** The first topic stays for good, so that its offset can be followed. */
function createFirstTopic(store: MetaStore, promises: Promises): void {
  store.appendDurably({
    type: 'topicCreated',
    topic: 'first',
    topicId: 1,
    queues: 1,
    memory: false,
    createdTime: 1,
    slots: [1, 1],
  });
  promises.created.add(1);
  promises.highestTopicId = 1;
}

function live(disk: SimulatedDisk, random: Random, promises: Promises): void {
  const store = MetaStore.open(disk, DIR, {
    now: () => 1,
    defaults: { spanBytes: 4096, segmentBytes: 65_536 },
    compactBytes: 400,
  });
  promises.check(store);
  if (!store.state.topics.has(1)) {
    createFirstTopic(store, promises);
  }
  disk.crashAfterCalls = 1 + random.below(120);
  for (let i = 0; i < ACTIONS; i++) {
    act(store, random, promises);
  }
  if (random.chance(0.5)) {
    store.close();
    promises.synced = promises.written = promises.taken;
  }
}

test(`${SEEDS} seeds: whatever is cut off, it opens, and has what was promised`, () => {
  for (const seed of seeds(SEEDS)) {
    withSeed(seed, (random) => {
      const disk = new SimulatedDisk(random);
      disk.mkdir('/data');
      const promises = new Promises();
      for (let i = 0; i < LIVES; i++) {
        disk.crashAfterCalls = random.chance(0.2) ? 1 + random.below(12) : 0;
        try {
          live(disk, random, promises);
        } catch (error) {
          if (!(error instanceof SimulatedCrash)) {
            throw error;
          }
        }
        if (random.chance(0.5)) {
          promises.powerCut = true;
          disk.cutPower();
        } else {
          disk.kill();
        }
      }
    });
  }
});
