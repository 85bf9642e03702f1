/** One setting of the interleaving search: which writers, how many reads, how many terminations; and what must hold in the end. */
import { deepStrictEqual, ok } from 'node:assert';
import { createRingMemory, SEAT_WORD, seatWord, WORD } from '../../engine/ring/index.js';
import { type ActorSpec, type Explored, Explorer } from './interleaving.js';
import {
  type Free,
  GHOST,
  holdingReader,
  type IsLive,
  indexActor,
  readerActor,
  realReader,
  repairActor,
  type Setting,
  STATUS,
  writerActor,
} from './ring-actors.js';

/** Four slots in two spans: one batch of two slots beside one of one slot needs a pad, and two fill the ring. */
const RING_BYTES = 256;
const SPAN_BYTES = 128;
/** A slot before the Int32 of slots wraps. */
const START = 2 ** 31 - 1;
const MAX_STATES = 3_000_000;

const freeAll: Free = (ring) => ring.free(ring.indexed());
const byStatus: IsLive = (look, seat) => look.isLive(seat);

export interface Scenario {
  /** Slots of each batch of each writer. */
  writers: number[][];
  start?: number;
  ringBytes?: number;
  reads?: number;
  kills?: number;
  late?: boolean;
  holds?: boolean;
  unrepaired?: boolean;
  publishEarly?: boolean;
  free?: Free;
  isLive?: IsLive;
  makeReader?: Parameters<typeof readerActor>[4];
}

/** Explores the scenario and prints how much that was. @throws Violation */
export function explore(scenario: Scenario): Explored {
  const start = scenario.start ?? START;
  const kills = scenario.kills ?? 0;
  const count = scenario.writers.length;
  const memory = createRingMemory({
    ringBytes: scenario.ringBytes ?? RING_BYTES,
    spanBytes: SPAN_BYTES,
    maxThreads: count + 1,
    startPosition: start * 64,
  });
  const ghost = new Int32Array(GHOST.words);
  const setting: Setting = {
    memory,
    ghost,
    writers: count,
    roles: kills > 0,
    late: scenario.late ?? false,
    holds: scenario.holds ?? false,
  };
  const actors: ActorSpec[] = scenario.writers.map((sizes, seat) =>
    writerActor(setting, seat, sizes, scenario.publishEarly),
  );
  actors.push(indexActor(setting, 100, scenario.free ?? freeAll));
  if (scenario.reads) {
    actors.push(
      readerActor(
        setting,
        count,
        start | 0,
        scenario.reads,
        scenario.makeReader ?? (scenario.holds ? holdingReader : realReader),
      ),
    );
  }
  if (kills > 0 && !scenario.unrepaired) {
    actors.push(repairActor(setting, 101, kills, scenario.isLive ?? byStatus));
  }
  const explorer = new Explorer({
    actors,
    memory: [memory.control, memory.data, memory.marks],
    ghost,
    maxKills: kills,
    maxStates: MAX_STATES,
    onKill: (actor) => {
      ghost[GHOST.status + actor] = STATUS.killed;
    },
    atEnd: () => checkEnd(setting, scenario.writers),
  });
  const explored = explorer.run();
  const { states, steps, schedules } = explored;
  console.log(
    `${JSON.stringify(scenario.writers)}${scenario.reads ? `, ${scenario.reads} reads` : ''}${kills ? `, ${kills} killed` : ''}: ` +
      `${states} states, ${steps} steps, ${schedules.toExponential(2)} interleavings`,
  );
  return explored;
}

/** Nothing lost, positions dense up to the head, every mark cleared, no intent left. */
function checkEnd(setting: Setting, writers: number[][]): void {
  const control = new Int32Array(setting.memory.control);
  const marks = new Int32Array(setting.memory.marks);
  deepStrictEqual(control[WORD.indexed], control[WORD.head]);
  ok(marks.every((mark) => mark === 0));
  for (const [seat, sizes] of writers.entries()) {
    deepStrictEqual(control[seatWord(seat) + SEAT_WORD.intentLength], 0);
    const published = setting.ghost[GHOST.published + seat] as number;
    const indexed = setting.ghost[GHOST.indexed + seat] as number;
    if (setting.ghost[GHOST.status + seat] === STATUS.finished) {
      deepStrictEqual(indexed, sizes.length);
    }
    // A thread may be terminated after it published and before the test noted that.
    ok(indexed === published || indexed === published + 1);
  }
}
