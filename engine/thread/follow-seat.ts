/**
 * A slave's side of replication on one thread, the only one that writes this broker's log: puts in what the
 * master sent, and says how far it has come.
 */
import { BATCH, BATCH_ATTRIBUTE, BATCH_TYPE, readUint16, readUint32 } from '../../native-free/wire/index.js';
import type { Lane } from '../lane/lane.js';
import { REPLICAS_WORD } from '../term/replica-layout.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { BROKER_WORD } from '../term/shared-words.js';
import type { Term } from '../term/term.js';
import type { TurnWork } from './turn-work.js';

export interface FollowHost {
  readonly log: Lane;
  readonly marks: ReplicaMarks;
  readonly term: Term;
  readonly brokerWords: SharedArrayBuffer;
  addWork(work: TurnWork): () => void;
  schedule(): void;
  /** Does the turn that is scheduled, if one is, at once. */
  settle(): void;
  wakeOthers(): void;
}

export class FollowSeat implements TurnWork {
  readonly #host: FollowHost;
  readonly #endWork: () => void;
  readonly #words: Int32Array;
  /** Called in each turn, once watermarks have moved and there may be room. */
  readonly #onTurn: () => void;

  constructor(host: FollowHost, onTurn: () => void) {
    this.#host = host;
    this.#onTurn = onTurn;
    this.#words = new Int32Array(host.brokerWords);
    this.#endWork = host.addWork(this);
  }

  get spanBytes(): number {
    return this.#host.log.ring.spanBytes;
  }

  /** Where the log ends, in bytes. */
  get end(): number {
    const { ring } = this.#host.log;
    return ring.toBytes(ring.head());
  }

  /** Of the last batch that is indexed; none of a lower one follows it. */
  get epoch(): number {
    return this.#host.term.epoch;
  }

  get written(): number {
    const { ring } = this.#host.log;
    return ring.toBytes(ring.written());
  }

  get flushed(): number {
    const { ring } = this.#host.log;
    return ring.toBytes(ring.flushed());
  }

  /** One batch or pad as the master has it, rounded up to slots. False: the ring is full; another turn comes when there is room. */
  append(source: Uint8Array, at: number, bytes: number): boolean {
    const { words } = this.#host.marks;
    const isControl = source[at + BATCH.type] === BATCH_TYPE.control;
    if (isControl) {
      // Before it is in the log: no checkpoint may say of a place behind it that the state has it.
      Atomics.add(words, REPLICAS_WORD.controlSeen, 1);
    }
    const isKeyed =
      source[at + BATCH.type] === BATCH_TYPE.data &&
      (readUint16(source, at + BATCH.attributes) & BATCH_ATTRIBUTE.keyless) === 0;
    if (isKeyed) {
      Atomics.add(this.#words, BROKER_WORD.keyedBegun, 1);
    }
    const isIn = this.#host.log.follow(source, at, readUint32(source, at + BATCH.length), bytes);
    if (isKeyed) {
      Atomics.add(this.#words, BROKER_WORD.keyedDone, 1);
    }
    if (!isIn) {
      if (isControl) {
        Atomics.sub(words, REPLICAS_WORD.controlSeen, 1);
      }
      return false;
    }
    this.#host.schedule();
    return true;
  }

  /** What the master has committed, which this log has. */
  commit(position: number): void {
    const { ring } = this.#host.log;
    Atomics.store(this.#host.marks.words, REPLICAS_WORD.committed, ring.toSlots(position));
    this.#host.marks.changed();
    this.#host.wakeOthers();
    this.#host.schedule();
  }

  /** All that is in the log is to be on the disk soon: somebody at the master waits for it. */
  wantSync(): void {
    this.#host.log.wantSync();
  }

  schedule(): void {
    this.#host.schedule();
  }

  /** What came in is written and told to the master before more is read. */
  settle(): void {
    this.#host.settle();
  }

  beforeDisk(): void {}

  afterDisk(): void {
    this.#onTurn();
  }

  close(): void {
    this.#endWork();
  }
}
