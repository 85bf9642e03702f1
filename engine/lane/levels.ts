/**
 * What a batch may wait for before it is acked, as a list. The broker's policy, or the batch's own wish,
 * names one level by its number when the batch is appended; it goes to that level's queue, and is acked when
 * the level's watermark has passed it.
 */
import { DURABILITY } from '../../native-free/wire/index.js';
import type { Ring } from '../ring/index.js';
import type { ReplicaLevel, ReplicaMarks } from '../term/replica-marks.js';
import { AckQueue } from './ack-queue.js';

/** Numbers of the log's levels: what a batch may wish for. */
export const LOG_LEVEL = { written: 0, flushed: 1 } as const;

export interface Level {
  /** For people. */
  readonly name: string;
  /** What its acks say at least, one of DURABILITY. */
  readonly durability: number;
  /** What of slaves its acks count; null: none. */
  readonly counts: ReplicaLevel | null;
  /** Up to where it is reached, in slots. */
  watermark(): number;
  readonly queue: AckQueue;
}

function level(
  name: string,
  durability: number,
  watermark: () => number,
  counts: ReplicaLevel | null = null,
): Level {
  return { name, durability, counts, watermark, queue: new AckQueue() };
}

/** Of a memory lane: acked once it has its place. */
export function memoryLevels(ring: Ring): Level[] {
  return [level('indexed', DURABILITY.memory, () => ring.indexed())];
}

/** Of the log: first the one that does not wait for the disk, then the one that does. Under sync replication both wait for slaves, too. */
export function logLevels(ring: Ring, replicas: ReplicaMarks): Level[] {
  const written = (): number => ring.written();
  const flushed = (): number => ring.flushed();
  if (!replicas.isSync) {
    return [level('written', DURABILITY['page-cache'], written), level('flushed', DURABILITY.disk, flushed)];
  }
  return [
    level('received', DURABILITY['page-cache'], markOf(replicas, 'received', written), 'received'),
    level('replicaFlushed', DURABILITY.disk, markOf(replicas, 'flushed', flushed), 'flushed'),
  ];
}

function markOf(replicas: ReplicaMarks, which: ReplicaLevel, local: () => number): () => number {
  return () => replicas.watermark(which, local());
}
