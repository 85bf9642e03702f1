/**
 * A message system on this machine, as the suite sees it: it is installed from a registry, started on
 * loopback with its data in a temporary directory, driven by its own best tool, and stopped. One file a
 * system stands beside this one.
 */
import type { BenchCache } from './cache.js';

/**
 * What an ack means, and the only systems that may be compared: `memory`, gone with the process;
 * `page-cache`, survives the process; `disk`, on disk before the ack.
 */
export type Durability = 'memory' | 'page-cache' | 'disk';

/** What can be asked of a running system. All bodies are random-like bytes of `sizeBytes`. */
export type Work =
  /** As many messages as it takes, batched and in flight as its tuning guide says. */
  | { kind: 'max-rate'; sizeBytes: number; topics: number; queues: number; seconds: number }
  /** `producers` connections, one message a request, each awaiting its ack before the next. */
  | { kind: 'request'; sizeBytes: number; producers: number; seconds: number }
  /** `count` messages are piled up in one queue (not timed), then read back by one consumer as fast as it can. */
  | { kind: 'drain'; sizeBytes: number; count: number };

/** What came of it. Rates are of acked messages (`drain`: received) in the steady window, the warm-up left out. */
export interface Figure {
  messagesPerSecond: number;
  /** Send to ack; null where the tool does not tell. */
  p50Ms: number | null;
  p99Ms: number | null;
  /** How it was called: `write` or `send` for RingMQ, for others what their tool does, in a word or two (`ProducerPerformance`). */
  api: string;
  /** The command line, with nothing left out but directories. */
  command: string;
}

/** A system that serves. */
export interface RunningPeer {
  /** Where the common client of bench/load finds it, e.g. `redis://127.0.0.1:41234`. */
  readonly url: string;
  /** Processes whose CPU and memory count as the system's. */
  readonly pids: readonly number[];
  /**
   * Measures; null where the system or its tool cannot do that work, several figures where it has several
   * ways to hand messages over. Throws with the tool's own words when it fails.
   */
  run(work: Work): Promise<Figure | readonly Figure[] | null>;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

export interface Peer {
  /** As in results: `kafka`. */
  readonly system: string;
  /** For people: `Apache Kafka`. */
  readonly title: string;
  /** false: a ceiling, not a peer (it promises less than any class). Ratios leave it out. */
  readonly isRival: boolean;
  readonly durabilities: readonly Durability[];
  /** Settings that matter, and what each does to durability, a line each, for the report's table. */
  readonly settings: Readonly<Partial<Record<Durability, readonly string[]>>>;
  /** Puts it into the cache, unless it is there. Its version. Throws {@link PeerUnavailable}. */
  install(cache: BenchCache): Promise<string>;
  /** Starts it on a free port of 127.0.0.1 with data below `directory`, which is empty. Ready when this resolves. */
  start(cache: BenchCache, directory: string, durability: Durability): Promise<RunningPeer>;
}

/** It cannot be had here: the reason, for the report. */
export class PeerUnavailable extends Error {}
