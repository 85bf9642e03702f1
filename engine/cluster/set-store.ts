/** What leadership needs of the place that it is kept in; etcd in a broker, memory in the simulator. */
import type { Candidate, InSyncSet, Leader, SetView } from './leadership.js';

export interface LeaseAnswer {
  /** 0: the lease has ended. */
  ttlSeconds: number;
  /** By the monotonic clock, before the request was sent. */
  sentAtMs: number;
}

/** Calls reject when no answer came in time; a change may have been made all the same, so whoever asked reads again. */
export interface SetStore {
  read(): Promise<SetView>;
  grantLease(ttlSeconds: number): Promise<LeaseAnswer & { lease: string }>;
  keepAlive(lease: string): Promise<LeaseAnswer>;
  /** Gives a lease back: whatever is on it goes at once. */
  revokeLease(lease: string): Promise<void>;
  /** Where the log of a member that stands still ends. */
  announce(candidate: Candidate, lease: string): Promise<void>;
  /** True if there was no leader, and term and in-sync set were still those of the view. */
  take(view: SetView, leader: Leader, inSync: InSyncSet, lease: string): Promise<boolean>;
  /** True if this member still was the leader and the in-sync set still the view's. */
  writeInSync(view: SetView, leader: Leader, inSync: InSyncSet): Promise<boolean>;
  /** Tells of changes, perhaps late, perhaps of some that were none. */
  watch(onChange: () => void): { close: () => void };
  close(): void;
}
