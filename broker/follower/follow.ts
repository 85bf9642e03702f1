/** A slave's follower as the thread that opened the broker sees it. */
import { Worker } from 'node:worker_threads';
import { type HeldPiece, NOTHING_HELD } from '../../engine/data/held-keeper.js';
import type { Engine } from '../../engine/engine.js';
import { workerFlags } from '../../engine/thread/worker-flags.js';
import { type ReplicaFacts, RingMQError } from '../../native-free/wire/index.js';
import type { CatchUpEnd, CatchUpReport } from './catch-up.js';
import type { FollowerOrder, FollowerReport, FollowerWorkerData } from './follower-messages.js';

/** How it goes with following. */
export type ReplicationEvent =
  /** The log flows from a master whose log ends at `end`; this one's ends at `begin`. */
  | { event: 'following'; master: string; epoch: number; begin: number; end: number }
  /**
   * It is far behind its master, more than 64 MiB (less where `catchUpRateBytes` holds it back); told every second. Its log ended at `begin`
   * when it was found to be, ends at `position` now, and its master's ends at `end`.
   */
  | {
      event: 'catchingUp';
      begin: number;
      position: number;
      end: number;
      behindBytes: number;
      bytesPerSecond: number;
    }
  /** It has come near its master's end; or, `isNear` false, the connection was lost or following ended before. `ms`: since it began at `begin`. */
  | { event: 'catchUpEnded'; isNear: boolean; begin: number; position: number; ms: number }
  /** The connection is gone, or was refused; it is tried again. */
  | { event: 'lost'; code: string; message: string }
  /** The log from `position` on is not the master's: it is cut off, and kept beside the log. */
  | { event: 'cut'; position: number; epoch: number; end: number }
  /** What the controller has this broker do, or what changes in its set: `message` says it, with more in further keys. */
  | { event: 'controller'; message: string };

/** With these the master, or whoever is at its address, says that something is set up wrong. */
const REFUSALS: ReadonlySet<string> = new Set(['BAD_ARGUMENT', 'BAD_CONFIG', 'NOT_AUTHENTICATED']);

export interface FollowEvents {
  onEvent(event: ReplicationEvent): void;
  /** The log must be opened anew, to end at `master.begin`; the follower has taken its last. */
  onCut(master: ReplicaFacts, state: Uint8Array | null): void;
  onFatal(error: RingMQError): void;
}

export class Following {
  readonly #worker: Worker;
  readonly #engine: Engine;
  readonly #events: FollowEvents;
  readonly #ended: Promise<void>;
  #isStopping = false;
  #masterName = 'its master';
  /** The master knows that there is nothing more, over this connection. */
  #hasSaidAll = false;
  /** The master is to say what it has in the place of damage. */
  #isAsking = false;
  #isToldOfTwin = false;
  /** On its way. */
  #handedOver: HeldPiece | null = null;

  constructor(engine: Engine, data: FollowerWorkerData, events: FollowEvents) {
    this.#engine = engine;
    this.#events = events;
    this.#worker = new Worker(new URL('./follower-worker.js', import.meta.url), {
      workerData: data,
      name: 'ringmq-follower',
      ...workerFlags(),
    });
    engine.replication.onTick = () => this.#onTick();
    let thrown: Error | null = null;
    this.#worker.on('message', (report: FollowerReport) => this.#onReport(report));
    this.#worker.once('error', (error) => {
      thrown = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (status) => {
        if (!this.#isStopping) {
          const why = thrown?.message ?? `it ended with status ${status}`;
          events.onFatal(
            new RingMQError('INTERNAL', `the follower's thread died: ${why}`, { cause: thrown }),
          );
        }
        resolve();
      });
    });
  }

  /** Where the master is now; null: nobody knows. */
  set masterUrl(url: string | null) {
    this.#order({ type: 'master', url });
  }

  /** What is proved and taken from now on. */
  tellSecrets(secrets: readonly Uint8Array[]): void {
    this.#order({ type: 'secrets', secrets });
  }

  /** Nothing is taken from the master any more. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#engine.replication.handOver.notFollowing(true);
    this.#order({ type: 'stop' });
    await this.#ended;
  }

  #onTick(): void {
    this.#handOver();
    this.#ask();
  }

  /** Damage here is the master's to make good. */
  #ask(): void {
    if (this.#isAsking || this.#isStopping) {
      return;
    }
    const range = this.#engine.replication.repairWanted(this.#masterName);
    if (range !== null) {
      this.#isAsking = true;
      this.#order({ type: 'ask', position: range.position, bytes: range.bytes });
    }
  }

  /** What was committed here is the master's to put into the log: one part after the other. */
  #handOver(): void {
    if (this.#handedOver !== null || this.#isStopping) {
      return;
    }
    const next = this.#engine.replication.handOver.nextHeld();
    // A master that has come back waits to hear that it has all.
    const piece = next ?? (this.#hasSaidAll ? null : NOTHING_HELD);
    this.#hasSaidAll ||= next === null;
    if (piece !== null) {
      this.#handedOver = piece;
      this.#order({ type: 'handOver', offsets: piece.bytes });
    }
  }

  #order(order: FollowerOrder): void {
    this.#worker.postMessage(order);
  }

  /** Every try ends at the same place: nothing is taken from the master until that is put right. */
  #warnOfDamage(code: string, message: string): void {
    if (code === 'LOG_CORRUPT' || code === 'BAD_FRAME') {
      this.#engine.warn(
        `nothing more can be taken from ${this.#masterName}: ${message}; look with \`ringmq log verify\` at the master's log`,
        { event: 'cannotFollow', code, master: this.#masterName },
      );
    }
  }

  /** Until a person has done something about it, the master's answer stays the same. */
  #warnOfRefusal({ code, message, url }: { code: string; message: string; url: string }): void {
    if (REFUSALS.has(code)) {
      this.#engine.warn(`this slave gets nothing from ${url}: ${message}; it tries again`, {
        event: 'refused',
        code,
        url,
      });
    }
  }

  /** A slave ends its own connection before it makes another. So two have one name, and what one of them has counts for both. */
  #warnOfTwin(code: string): void {
    if (code === 'CLOSED' && !this.#isStopping && !this.#isToldOfTwin) {
      this.#isToldOfTwin = true;
      const { brokerName } = this.#engine.handle;
      this.#engine.warn(
        `another slave of ${this.#masterName} has the name '${brokerName}', too, perhaps with a copy of this one's directory: they put each other out, and either may lack what was acked because the other had it; give one of them an empty directory and a name of its own`,
        { event: 'sameName', name: brokerName, master: this.#masterName },
      );
    }
  }

  #onReport(report: FollowerReport): void {
    switch (report.type) {
      case 'facts':
        this.#order({ type: 'facts', facts: this.#engine.replication.asSlave() });
        return;
      case 'control':
        this.#engine.replication.applyControl(report.batch, report.position);
        this.#order({ type: 'applied' });
        return;
      case 'following': {
        const { name, epoch, begin, end } = report.master;
        this.#masterName = name;
        this.#events.onEvent({ event: 'following', master: name, epoch, begin, end });
        return;
      }
      case 'linked':
        this.#handedOver = null;
        this.#hasSaidAll = false;
        this.#isAsking = false;
        this.#engine.replication.handOver.following();
        this.#handOver();
        return;
      case 'taken': {
        const piece = this.#handedOver;
        this.#handedOver = null;
        if (piece === NOTHING_HELD && report.position === null) {
          this.#hasSaidAll = false;
        } else if (report.position === null) {
          this.#engine.replication.handOver.notFollowing(false);
        } else if (piece !== null) {
          this.#engine.replication.handOver.heldIsTaken(piece, report.position);
          this.#handOver();
        }
        return;
      }
      case 'run':
        this.#isAsking = false;
        this.#engine.replication.repairFound(report.position, report.run, this.#masterName);
        if (report.run !== null) {
          this.#ask();
        }
        return;
      case 'progress':
        this.#events.onEvent(progressEvent(report.report));
        return;
      case 'unlinked':
        this.#engine.replication.handOver.notFollowing(true);
        return;
      case 'lost':
        this.#events.onEvent({ event: 'lost', code: report.code, message: report.message });
        this.#warnOfDamage(report.code, report.message);
        this.#warnOfRefusal(report);
        this.#warnOfTwin(report.code);
        return;
      case 'cut':
        this.#events.onCut(report.master, report.state);
        return;
      case 'stopped':
    }
  }
}

function progressEvent(report: CatchUpReport | CatchUpEnd): ReplicationEvent {
  return 'isNear' in report
    ? { event: 'catchUpEnded', ...report }
    : { event: 'catchingUp', ...report, behindBytes: report.end - report.position };
}
