/**
 * What an index stage works with: made from the memory that all threads share, for one lane and one thread.
 */
import type { Ring } from '../ring/ring.js';
import type { Term } from '../term/term.js';
import { BlockArena } from './block-arena.js';
import type { IndexFiles } from './index-files.js';
import { JOURNAL_DOUBLES, JOURNAL_WORDS } from './index-journal-layout.js';
import { IndexPlanner } from './index-planner.js';
import { MemoryGate } from './memory-gate.js';
import { ProducerTable } from './producer-table.js';
import { QueueAppender } from './queue-appender.js';
import type { QueueTable } from './queue-table.js';
import { JOURNAL_BYTES, JOURNALS_AT, LANE } from './queue-table-layout.js';
import { ResultWriter } from './result-ring.js';
import type { ReplayDeps } from './table-replay.js';

export interface IndexStageOptions {
  ring: Ring;
  /** One of {@link LANE}. */
  lane: number;
  table: QueueTable;
  /** This thread's own. The memory lane does not use them. */
  files: IndexFiles;
  /** From `createProducerMemory` and `createResultMemory`, a pair per lane. */
  producers: SharedArrayBuffer;
  results: SharedArrayBuffer;
  /** Milliseconds since 1970. One that goes back a little is held, see store-time.ts. */
  clock: () => number;
  /** What the broker is, and the epoch it stamps; shared by all its stages. */
  term: Term;
  /** The broker's flush policy. Under `sync` everything is synced, and nobody needs to be asked to. */
  policy: 'sync' | 'async';
  /**
   * Batches after which `tryRun` stops and says so by `hasMore`, so that other threads that publish without
   * end do not keep this one from its own work. Who sets it must call `tryRun` again while `hasMore`.
   * Default: no bound.
   */
  maxBatches?: number;
}

export interface IndexParts extends ReplayDeps {
  results: ResultWriter;
  /** Memory lane only. */
  gate: MemoryGate | null;
}

export function indexParts(options: IndexStageOptions): IndexParts {
  const { ring, lane, table, files, clock } = options;
  const at = JOURNALS_AT + lane * JOURNAL_BYTES;
  const journal = new Int32Array(table.memory.common, at, JOURNAL_WORDS);
  const journalF = new Float64Array(table.memory.common, at + JOURNAL_WORDS * 4, JOURNAL_DOUBLES);
  const blocks = lane === LANE.log ? files : new BlockArena(table.memory.arena, table.memory.arenaBlocks);
  const appender = new QueueAppender(table, blocks, lane, journal, journalF);
  const producers = new ProducerTable(options.producers, journal, journalF);
  const results = new ResultWriter(options.results);
  const asksForSync = lane === LANE.log && options.policy === 'async';
  const planner = new IndexPlanner({
    lane,
    table,
    appender,
    producers,
    results,
    clock,
    asksForSync,
    journal,
    journalF,
  });
  const gate = lane === LANE.memory ? new MemoryGate(ring) : null;
  return { table, appender, planner, producers, journal, journalF, results, gate };
}
