/**
 * What another thread needs to take part: the shared memories and a few constants. Plain data, so it
 * survives `postMessage` and `workerData`.
 */
import type { OpenedDir } from './disk/index.js';
import type { QueueTableMemory } from './queue/index.js';
import type { RingMemory } from './ring/index.js';

/** The shared memories of one lane: a ring with its index stage. */
export interface LaneMemory {
  ring: RingMemory;
  producers: SharedArrayBuffer;
  results: SharedArrayBuffer;
}

export interface BrokerHandle {
  readonly kind: 'ringmq.handle.v1';
  readonly brokerId: string;
  /** 16 hexadecimal digits, random: of this opening alone. */
  readonly openingId: string;
  readonly brokerName: string;
  readonly cluster: string;
  readonly brokerSet: string;
  readonly epoch: number;
  readonly flush: 'sync' | 'async';
  readonly dir: OpenedDir;
  /** Of the log's directory, for looks whether its files are still in it: disk/segment-place.ts */
  readonly logDirFd: number;
  readonly segmentBytes: number;
  /** Name of the BroadcastChannel that carries control calls to the broker's own thread. */
  readonly channel: string;
  readonly memoryHoldMs: number;
  readonly seats: SharedArrayBuffer;
  /** term/shared-words.ts */
  readonly brokerWords: SharedArrayBuffer;
  /** Address of the set's master, where that is another one: term/shared-text.ts */
  readonly masterUrl: SharedArrayBuffer;
  /** term/replica-layout.ts */
  readonly replicas: SharedArrayBuffer;
  /** When a slave counts as in sync. */
  readonly inSyncLimits: { readonly maxLagBytes: number; readonly maxLagMs: number };
  /** Members are told which slaves have what is not in memory here. */
  readonly readsAtSlaves: boolean;
  /** Counters: stats/stats-layout.ts */
  readonly stats: SharedArrayBuffer;
  readonly queues: QueueTableMemory;
  readonly log: LaneMemory;
  readonly memory: LaneMemory;
}

/** True for what `broker.handle()` gives, also after `postMessage`. */
export function isBrokerHandle(value: unknown): value is BrokerHandle {
  try {
    const handle = value as Partial<BrokerHandle> | null;
    return (
      typeof handle === 'object' &&
      handle?.kind === 'ringmq.handle.v1' &&
      handle.brokerWords instanceof SharedArrayBuffer
    );
  } catch {
    // A proxy that was revoked, say.
    return false;
  }
}
