/** The stages of a log with its topics and groups, as a broker opens them, for one thread to step. */
import { ControlLog } from '../../engine/control/control-log.js';
import type { OpenData } from '../../engine/data/open-data.js';
import { Lane } from '../../engine/lane/lane.js';
import { LOG_LEVEL, logLevels } from '../../engine/lane/levels.js';
import { PersistStage, Retention, SegmentFiles } from '../../engine/log/index.js';
import { createResultMemory, IndexFiles, IndexStage, LANE, ResultRing } from '../../engine/queue/index.js';
import { createRingMemory, Ring, WORD } from '../../engine/ring/index.js';
import { REPLICAS_BYTES } from '../../engine/term/replica-layout.js';
import { ReplicaMarks } from '../../engine/term/replica-marks.js';
import { masterTerm } from '../../engine/term/term.js';
import type { SimulatedDisk } from './simulated-disk.js';

export const SPAN = 4096;
export const SEGMENT = 8192;

export interface StageOptions {
  flush: 'sync' | 'async';
  retentionBytes: number;
}

export interface Stages {
  ring: Ring;
  index: IndexStage;
  lane: Lane;
  persist: PersistStage;
  retention: Retention;
  control: ControlLog;
}

/** `later`: what the event loop would run next. */
export function openStages(
  disk: SimulatedDisk,
  data: OpenData,
  options: StageOptions,
  later: (run: () => void) => void,
): Stages {
  const ring = new Ring(
    createRingMemory({
      ringBytes: 16_384,
      spanBytes: SPAN,
      maxThreads: 2,
      startPosition: data.recovery.endPosition,
    }),
  );
  const { index, lane } = openLane(disk, data, options, ring);
  const { persist, retention } = openLog(disk, options, ring);
  const control = new ControlLog({
    state: data.state,
    spanBytes: SPAN,
    later,
    writer: {
      controlRefusal: () => 0,
      appendControl: (sink, id, bytes) => lane.append(sink, id, bytes),
      onRoom: later,
    },
  });
  return { ring, index, lane, persist, retention, control };
}

function openLane(
  disk: SimulatedDisk,
  { node, table, producers }: OpenData,
  { flush }: StageOptions,
  ring: Ring,
): Pick<Stages, 'index' | 'lane'> {
  const results = createResultMemory(2);
  const index = new IndexStage({
    ring,
    lane: LANE.log,
    table,
    files: new IndexFiles({ disk, dir: 'data/queues' }),
    producers,
    results,
    clock: () => 1_000,
    term: masterTerm(node.epoch),
    policy: flush,
  });
  const replicas = new ReplicaMarks(new SharedArrayBuffer(REPLICAS_BYTES));
  const lane = new Lane({
    ring,
    seat: 0,
    index,
    results: new ResultRing(results, 0),
    persisted: true,
    levels: logLevels(ring, replicas),
    policy: flush === 'sync' ? LOG_LEVEL.flushed : LOG_LEVEL.written,
    replicas,
    term: masterTerm(node.epoch),
  });
  return { index, lane };
}

function openLog(
  disk: SimulatedDisk,
  { flush, retentionBytes }: StageOptions,
  ring: Ring,
): Pick<Stages, 'persist' | 'retention'> {
  const files = new SegmentFiles(disk, { dir: 'data/log', segmentBytes: SEGMENT });
  const persist = new PersistStage({
    ring,
    disk,
    files,
    words: WORD,
    flush,
    flushIntervalMs: 50,
    zeroAheadBytes: 0,
    minFreeBytes: 0,
    now: () => 0,
  });
  persist.open();
  const retention = new Retention({
    disk,
    files,
    spanBytes: SPAN,
    retentionBytes,
    retentionMs: 0,
    control: ring.control,
    spare: WORD.spare,
  });
  return { persist, retention };
}
