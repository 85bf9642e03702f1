/**
 * Keeps house while a broker is open: makes checkpoints, notes how far the log is committed, clears up after threads that died, and looks
 * whether the directory is still the broker's.
 */
import { clearInterval, setInterval } from '../native-free/time/index.js';
import { CheckpointKeeper, type StateSource } from './data/checkpoint-keeper.js';
import { CommittedKeeper } from './data/committed-keeper.js';
import { LOOK_MS, OwnedDisk } from './disk/index.js';
import type { BrokerHandle } from './handle.js';
import type { LogEnding } from './log-ending.js';
import type { ResolvedEngineOptions } from './options.js';
import { isDiagnosed } from './stats/index.js';
import { BROKER_WORD } from './term/shared-words.js';
import { DeadThreads } from './thread/dead-threads.js';
import { EndedThreads } from './thread/ended-threads.js';
import type { ThreadParts } from './thread/thread-parts.js';

export interface HousekeepingHost {
  readonly ending: LogEnding;
  /** What a checkpoint copies beside the queue tables. */
  readonly state: StateSource;
  /** Whether a checkpoint may be made of a log that ends there. Throws disk errors. */
  mayPass(end: number): boolean;
  /** A thread died, and its seat is free again. */
  seatGone(seat: number): void;
  /** What the thread at a seat is called, or was. */
  nameOf(seat: number): string;
  /** Once a second. */
  sweep(): void;
  warn(message: string, details: Record<string, unknown>): void;
}

/** Subscribers of a diagnostics channel are looked for so often, and all else that has no time of its own is done. */
const SWEEP_MS = 1_000;

export class Housekeeping {
  readonly checkpoints: CheckpointKeeper;
  readonly committed: CommittedKeeper;
  readonly deadThreads: DeadThreads;
  readonly #words: Int32Array;
  readonly #sweepTimer: NodeJS.Timeout;
  readonly #metaTimer: NodeJS.Timeout;

  /** Throws disk errors. */
  constructor(
    handle: BrokerHandle,
    options: ResolvedEngineOptions,
    parts: ThreadParts,
    host: HousekeepingHost,
  ) {
    const { ending } = host;
    this.#words = new Int32Array(handle.brokerWords);
    const deps = { ...parts, state: host.state, mayPass: (end: number): boolean => host.mayPass(end) };
    this.checkpoints = new CheckpointKeeper(deps, handle, options, (message) => {
      // A directory that has lost a part is told of as that.
      ending.lookAfterMeta();
      if (!ending.hasFailed) {
        host.warn(message, {});
      }
    });
    this.committed = new CommittedKeeper(new OwnedDisk(handle.dir), parts.logDir, () =>
      parts.logRing.toBytes(parts.log.committed()),
    );
    const ended = new EndedThreads((message, details) => host.warn(message, details));
    this.deadThreads = new DeadThreads(parts, (seat) => {
      host.seatGone(seat);
      ended.tell(host.nameOf(seat));
    });
    this.#lookForSubscribers();
    this.#sweepTimer = setInterval(() => {
      this.#lookForSubscribers();
      host.sweep();
      if (!parts.term.isFollower) {
        parts.replicas.keepUp(parts.logRing.written(), parts.logRing.flushed());
      }
      this.committed.note();
    }, SWEEP_MS);
    this.#sweepTimer.unref();
    this.#metaTimer = setInterval(() => ending.lookAfterMeta(), LOOK_MS);
    this.#metaTimer.unref();
  }

  /** Other threads tell of their connections only while somebody here wants to hear of them. */
  #lookForSubscribers(): void {
    Atomics.store(this.#words, BROKER_WORD.wantsConnections, Number(isDiagnosed('connection')));
  }

  /** The broker is being closed: nothing is done each second any more. */
  rest(): void {
    clearInterval(this.#metaTimer);
    clearInterval(this.#sweepTimer);
  }
}
