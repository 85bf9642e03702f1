/** What a run is asked for, and what its phases measure. */
import type { DriverName } from './drivers/registry.js';
import type { Second, Window } from './meter.js';
import type { BacklogFigures } from './report.js';
import type { Api } from './thread-protocol.js';

export interface LoadTarget {
  driver: DriverName;
  url: string;
  /** Processes whose CPU and memory are the system's. */
  pids: readonly number[];
  /** What its acks mean, where it does not tell by itself. */
  flush?: 'sync' | 'async';
}

export interface LoadOptions {
  /** `write` counts where the driver has it, and the workload does not ask for one message a request. */
  api: Api;
  /** Load threads. */
  workers: number;
  /** How the run was called, for the report. */
  command?: string;
  onSecond?: (second: Second) => void;
}

/** What the phases of a run measured. */
export interface Measured {
  window: Window;
  lagAtEnd: number;
  brokerPeakRssBytes: number;
  generatorRssBytes: number;
  backlog: BacklogFigures | null;
}
