/**
 * Thousands of short lives of a broker's state, each by its seed: topics and groups come and go, offsets are
 * committed between messages, checkpoints are written and segments go, the process is killed or the power is
 * cut at any call to the disk. What comes back must be of a moment at or after the last that was acked.
 * RINGMQ_SEED=n replays one.
 */
import { describe, it } from 'vitest';
import { removeIfThere } from '../../engine/disk/disk.js';
import { type Random, seeds, withSeed } from './random.js';
import { SimulatedCrash, SimulatedDisk } from './simulated-disk.js';
import { StateMachine } from './state-machine.js';

const SEEDS = 300;
const ACTIONS = 100;

function act(machine: StateMachine, random: Random): void {
  const topics = machine.data.catalog.list();
  const group = `g${random.below(4)}`;
  switch (random.below(14)) {
    case 0:
      if (machine.mayCreate) {
        machine.createTopic();
      }
      break;
    case 1:
      if (topics.length > 2 && machine.mayDelete && random.chance(0.4)) {
        machine.deleteTopic(random.pick(topics));
      }
      break;
    case 2:
    case 3:
    case 4:
      if (topics.length > 0) {
        machine.commit(random.pick(topics), group, random.below(2), random.below(1000));
      }
      break;
    case 5:
      if (random.chance(0.5)) {
        machine.createGroup(group);
      } else {
        machine.deleteGroup(group);
      }
      break;
    case 6:
    case 7:
      if (topics.length > 0) {
        machine.send(random.pick(topics), random.below(1500));
      }
      break;
    case 8:
    case 9:
    case 10:
      machine.turn();
      break;
    case 11:
    case 12:
      machine.persist();
      break;
    default:
      if (random.chance(0.5)) {
        machine.checkpoint();
      }
      machine.retain();
  }
}

function live(random: Random): void {
  const disk = new SimulatedDisk(random);
  const machine = new StateMachine(disk, {
    flush: random.pick(['sync', 'async']),
    retentionBytes: random.pick([0, 16_384]),
  });
  machine.open();
  for (let lifetime = 0; lifetime < 5; lifetime++) {
    const death = random.pick(['kill', 'powerCut'] as const);
    dieAt(machine, random, () => {
      for (let i = random.below(ACTIONS); i >= 0; i--) {
        act(machine, random);
      }
    });
    const promised = machine.promised(death);
    const die = (): void => (death === 'powerCut' ? disk.cutPower() : disk.kill());
    die();
    // An opening that is cut off changes nothing.
    if (random.chance(0.3)) {
      dieAt(machine, random, () => machine.open());
      die();
    }
    // What is derived may be lost: it is made again from the log, where that is whole.
    if (machine.options.retentionBytes === 0 && random.chance(0.2)) {
      removeIfThere(disk, random.pick(['data/checkpoint', 'data/queues/tables']));
    }
    machine.open();
    machine.check(promised);
  }
}

/** Does it until the disk says that all is over. */
function dieAt(machine: StateMachine, random: Random, run: () => void): void {
  machine.disk.crashAfterCalls = random.chance(0.8) ? 1 + random.below(60) : 0;
  try {
    run();
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) {
      throw error;
    }
  }
  machine.disk.crashAfterCalls = 0;
}

describe('topics, groups and offsets in a log that dies at any moment', () => {
  it(`come back as they were acked, or as they were at a later moment, ${SEEDS} times`, {
    timeout: 600_000,
  }, () => {
    for (const seed of seeds(SEEDS)) {
      withSeed(seed, live);
    }
  });
});
