/** What the persist worker is given, and what it says. */
import type { BrokerHandle } from '../handle.js';

/** `workerData` of this worker. */
export interface PersistWorkerData {
  handle: BrokerHandle;
  /** The sync thread's memory (disk/background-sync.ts). */
  syncWords: SharedArrayBuffer;
  flushIntervalMs: number;
  flushBytes: number;
  minFreeBytes: number;
  retentionMs: number;
  retentionBytes: number;
}

/** What it says to the thread that started it. */
export type PersistWorkerMessage =
  | { type: 'ready' }
  | { type: 'diskError'; what: string; why: string; code: string }
  | { type: 'full'; what: string }
  | { type: 'room'; what: string }
  | { type: 'retained'; startPosition: number }
  | { type: 'stopped'; flushed: boolean };
