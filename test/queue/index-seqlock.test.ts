/** Anything may happen between two reads of shared memory: here it does, at each one of a look-up in turn. */
import { describe, expect, it } from 'vitest';
import { BlockArena } from '../../engine/queue/block-arena.js';
import { IndexEntry, LANE, QueueIndex } from '../../engine/queue/index.js';
import { BLOCK_READ } from '../../engine/queue/index-files.js';
import { runAndKill, stepped, steppedTable } from './killing.js';
import { Rig } from './rig.js';
import { checkEntry, countOf, slotsOf, TOPIC } from './thread-pattern.js';

/** Calls `interfere` before the `at`-th step (1 = the first) of what it watches. */
class Interruption {
  at = 0;
  interfere: () => void = () => {};
  #steps = 0;
  #inside = false;

  /** Runs an action with its Atomics calls watched. Returns its steps. */
  during(at: number, interfere: () => void, action: () => void): number {
    this.at = at;
    this.interfere = interfere;
    this.#steps = 0;
    const { load, store } = Atomics;
    Atomics.load = ((...parameters: [Int32Array, number]) => {
      this.step();
      return load(...parameters);
    }) as typeof Atomics.load;
    Atomics.store = ((...parameters: [Int32Array, number, number]) => {
      this.step();
      return store(...parameters);
    }) as typeof Atomics.store;
    try {
      action();
      return this.#steps;
    } finally {
      Atomics.load = load;
      Atomics.store = store;
      this.at = 0;
    }
  }

  step(): void {
    if (!this.#inside && ++this.#steps === this.at) {
      this.#inside = true;
      this.interfere();
      this.#inside = false;
    }
  }
}

/** Indexes what is published, every double a place to die at. */
function appendIn(rig: Rig, step: () => void): void {
  rig.openStage(undefined, steppedTable(rig.table.memory, step)).tryRun(0);
}

/** A reader's own index over a rig's queues. */
function watchedIndex(rig: Rig, interruption: Interruption): QueueIndex {
  const table = steppedTable(rig.table.memory, () => interruption.step());
  return new QueueIndex(table, rig.openFiles());
}

class Growing {
  readonly rig: Rig;
  #number = 0;

  constructor(lane: number) {
    this.rig = new Rig({ lane, arenaBlocks: 4, blocksPerFile: 64 });
    this.rig.table.open(0, TOPIC, 0, lane);
  }

  /** Publishes `count` batches without indexing them. */
  publish(count: number): void {
    for (let i = 0; i < count; i++) {
      const facts = {
        topicId: TOPIC,
        queueId: 0,
        count: countOf(this.#number),
        length: slotsOf(this.#number) * 64,
      };
      if (this.rig.publish(1, facts) === null) {
        throw new Error('the ring is full');
      }
      this.#number++;
    }
  }

  grow(count: number): void {
    this.publish(count);
    this.rig.run();
  }
}

describe.each([
  ['log', LANE.log],
  ['memory', LANE.memory],
])('a look-up on the %s lane', (_name, lane) => {
  it('is right whatever was appended in the middle of it', () => {
    const growing = new Growing(lane);
    const { rig } = growing;
    const interruption = new Interruption();
    const kept = watchedIndex(rig, interruption);
    const entry = new IndexEntry();
    let random = 7;
    for (let round = 0; round < 3_000; round++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 1;
      const next = rig.table.nextOffset(0);
      const back = round % 3 === 0 ? (random >>> 8) % (next + 1) : (random >>> 8) % 60;
      const offset = Math.max(next + 3 - back, 0);
      const index = round % 4 === 0 ? watchedIndex(rig, interruption) : kept;
      const count = [1, 2, 19, 20, 21, 45][round % 6] as number;
      let found = false;
      interruption.during(
        1 + ((random >>> 4) % 32),
        () => growing.grow(count),
        () => {
          found = index.find(0, offset, entry);
        },
      );
      const faults: string[] = [];
      if (found) {
        // What the arena has lost is answered by what is left.
        checkEntry(entry, entry.below ? Math.max(offset, entry.baseOffset) : offset, faults);
      }
      expect(faults).toEqual([]);
      if (offset < next) {
        // Found, unless its block is gone and nothing has come after it.
        expect(found || rig.entries(0).length === 0).toBe(true);
      }
      if (offset >= rig.table.nextOffset(0)) {
        expect(found).toBe(false);
      }
    }
  });

  it('is right in the middle of an append, and gives no answer rather than a wrong one', () => {
    const entry = new IndexEntry();
    const prepare = (): Growing => {
      const growing = new Growing(lane);
      growing.grow(18);
      growing.publish(3);
      return growing;
    };
    const writer = prepare();
    const { steps } = runAndKill(Number.POSITIVE_INFINITY, (step) => appendIn(writer.rig, step));
    for (let dieAt = 1; dieAt <= steps; dieAt++) {
      const { rig } = prepare();
      const interruption = new Interruption();
      const index = watchedIndex(rig, interruption);
      // The reader is at some step; the writer goes half way, and stays there.
      const offsets = [0, 33, 35, 36, 38];
      for (const [i, offset] of offsets.entries()) {
        let found = false;
        interruption.during(
          i === 0 ? 1 + (dieAt % 12) : 0,
          () => runAndKill(dieAt, (step) => appendIn(rig, step)),
          () => {
            found = index.find(0, offset, entry);
          },
        );
        const faults: string[] = [];
        if (found) {
          checkEntry(entry, offset, faults);
        }
        expect(faults, `writer stopped at ${dieAt}`).toEqual([]);
      }
      rig.ring.indexRole.breakIfHeldBy(0);
      rig.openStage().tryRun(1);
      expect(rig.entries(0)).toHaveLength(21);
    }
  });
});

it('a block of the arena that is overwritten while it is read is gone, not half of each', () => {
  const memory = new SharedArrayBuffer(4 * 516);
  const writer = new BlockArena(memory, 4);
  const write = (id: number): void => {
    writer.buffer.fill(id);
    writer.write(id);
  };
  for (let at = 1; at <= 70; at++) {
    write(1);
    const reader = new BlockArena(memory, 4);
    const plain = reader.buffer;
    const interruption = new Interruption();
    Object.assign(reader, { buffer: stepped(plain, () => interruption.step()) });
    let outcome = -1;
    const steps = interruption.during(
      at,
      () => write(5),
      () => {
        outcome = reader.read(1);
      },
    );
    if (outcome === BLOCK_READ.ok) {
      expect(plain.every((value) => value === 1)).toBe(true);
    } else {
      expect(outcome).toBe(BLOCK_READ.gone);
    }
    // Untouched by then: the last step is past.
    expect(outcome === BLOCK_READ.ok).toBe(at > steps);
  }
});
