/** How a cluster under trial is made up, and what it promises. */

export interface ChaosMode {
  name: string;
  /** Names of the broker sets. */
  sets: readonly string[];
  hasSlaves: boolean;
  replication: 'sync' | 'async';
  /** Who is master is decided by an etcd. */
  hasController: boolean;
}

export const MODES: readonly ChaosMode[] = [
  { name: 'sync-double-write', sets: ['a'], hasSlaves: true, replication: 'sync', hasController: false },
  { name: 'multi-master', sets: ['a', 'b'], hasSlaves: false, replication: 'async', hasController: false },
  { name: 'async-replication', sets: ['a'], hasSlaves: true, replication: 'async', hasController: false },
  { name: 'controller', sets: ['a'], hasSlaves: true, replication: 'sync', hasController: true },
];
