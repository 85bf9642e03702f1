/** One figure of the suite, as `--json` prints it and as reports are made from it. */
import type { Environment } from './environment.js';
import type { Durability } from './peers/peer.js';

export interface Result {
  /** `ringmq`, `kafka`, … */
  system: string;
  version: string;
  /** Name of the workload: its file in bench/workloads/, or what the main comparison calls it (`max-rate-100b`). */
  workload: string;
  durability: Durability;
  /** How messages were handed over: RingMQ's `write` or `send`, else the load tool's name. */
  api: string;
  /** Acked, or received where it consumes; median of the rounds. */
  messagesPerSecond: number;
  /** Send to ack; where `endToEnd` is true, intended send to receipt. Null where the tool does not tell. */
  p50Ms: number | null;
  p99Ms: number | null;
  endToEnd?: boolean;
  /** Of each round, in order. */
  rounds?: number[];
  /** What was asked for, where the workload fixes a rate. */
  targetRate?: number;
  /** What it took to make the figure. */
  command?: string;
}

/** One piece of work that failed, of one round. */
export interface Failure {
  system: string;
  workload: string;
  durability: Durability;
  /** From 1. */
  round: number;
  reason: string;
}

/** Everything a run of the suite leaves behind. */
export interface SuiteRun {
  environment: Environment;
  results: Result[];
  /** RingMQ over the best peer, by `workload/durability/api`; times are inverted nowhere: p99 ratios are RingMQ's over the peer's. */
  ratios: Record<string, number>;
  /** Systems that could not be had, and why. */
  unavailable: Record<string, string>;
  /** Measurements that were begun and gave no figure. */
  failures: Failure[];
  /** What a report needs to know of each system beside its figures: from its `Peer`. */
  systems?: Record<string, SystemNotes>;
}

/** Fields of a `Peer`, under its name in results. */
export interface SystemNotes {
  title: string;
  isRival: boolean;
  settings: Readonly<Partial<Record<Durability, readonly string[]>>>;
}
