/**
 * What consumers commit at a slave: kept in a file of its own as durably as commits are, served from, and handed to a master until that has it in its log and
 * this log has that, too. A slave that becomes the master takes it into its own log.
 */
import { setImmediate } from 'node:timers';
import { clearTimeout, setTimeout, unref } from '../../native-free/time/index.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { type Disk, diskErrorCode, isShortage } from '../disk/disk.js';
import { encodeHeld } from '../meta/held-codec.js';
import { countingPairs, type HeldEntry, HeldOffsets } from '../meta/held-offsets.js';
import type { ControlRecord, MetaState } from '../meta/index.js';
import { HeldFile } from './held-file.js';

/** Queues of one hand-over. With the longest names there are, it fits {@link HELD_FRAME_BYTES}. */
const QUEUES_IN_PIECE = 128;

/** While the log flows, a commit waits so long at most for the master to have it. */
const TAKEN_MS = 2_000;

/** A part of what is held, on its way to a master. */
export interface HeldPiece {
  readonly entries: readonly HeldEntry[];
  readonly bytes: Uint8Array;
}

/** Says that there is no more. */
export const NOTHING_HELD: HeldPiece = { entries: [], bytes: encodeHeld([]) };

interface Turn {
  promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

export class HeldKeeper {
  readonly #state: MetaState;
  readonly #offsets: HeldOffsets;
  readonly #file: HeldFile;
  readonly #isDurable: boolean;
  /** Held, and not written yet. */
  #unwritten: HeldEntry[] = [];
  /** The file lacks something that could not be written: it is made anew. */
  #mustReplace = false;
  #isOverfull = false;
  #turn: Turn | null = null;
  #isScheduled = false;
  /** The log flows, so that a master can take in what is held. */
  #isLinked = false;
  /** Commits that wait for that. */
  #untaken: (Turn & { timer: ReturnType<typeof setTimeout> }) | null = null;
  /** Something is there to hand over; set by who hands over. */
  onAdded: () => void = () => {};

  /** `metaDir`: of the `meta/` files. `isDurable`: commits are acked once they are on disk. @throws RingMQError, disk errors */
  constructor(state: MetaState, disk: Disk, metaDir: string, isDurable: boolean) {
    this.#state = state;
    this.#offsets = new HeldOffsets(state);
    this.#file = new HeldFile(disk, metaDir);
    this.#isDurable = isDurable;
    for (const entry of this.#file.read()) {
      this.#offsets.load(entry);
    }
    this.#offsets.raiseAll();
  }

  /** Nothing is held, nor in the file. */
  get isEmpty(): boolean {
    return this.#offsets.count === 0 && this.#unwritten.length === 0 && this.#file.isEmpty;
  }

  get count(): number {
    return this.#offsets.count;
  }

  /** A slave's consumer has committed; the state does not have it yet. */
  add(group: string, topicId: number, queueId: number, offset: number): void {
    const entry = this.#offsets.add(group, topicId, queueId, offset);
    if (entry === null) {
      this.#isOverfull = true;
    } else {
      this.#unwritten.push(entry);
    }
    this.#schedule();
  }

  /**
   * Resolves once all that was added is in the file, on disk where commits are acked so, and while the log flows at its master, too: who reads
   * at that next goes on from there.
   * @throws RingMQError BROKER_BUSY (more is held than may be), DISK_FULL, DISK_FAILED
   */
  settled(): Promise<void> {
    if (this.#unwritten.length === 0 && !this.#mustReplace && !this.#isOverfull) {
      return this.#taken();
    }
    this.#turn ??= newTurn();
    this.#schedule();
    return this.#turn.promise.then(() => this.#taken());
  }

  #taken(): Promise<void> {
    if (!this.#isLinked || this.#offsets.untaken(1).length === 0) {
      return Promise.resolve();
    }
    if (this.#untaken === null) {
      const timer = setTimeout(() => this.#letGo(), TAKEN_MS);
      unref(timer);
      this.#untaken = { ...newTurn(), timer };
    }
    const { promise } = this.#untaken;
    this.onAdded();
    return promise;
  }

  /** What waits for a master waits no more. */
  #letGo(): void {
    clearTimeout(this.#untaken?.timer);
    this.#untaken?.resolve();
    this.#untaken = null;
  }

  /** The master's log has said this, and the state has it. */
  applied(record: ControlRecord): void {
    this.#offsets.applied(record);
  }

  /** What is to be handed over next; null: nothing. */
  next(): HeldPiece | null {
    const entries = this.#offsets.untaken(QUEUES_IN_PIECE);
    if (entries.length === 0) {
      this.#letGo();
    }
    return entries.length === 0 ? null : { entries, bytes: encodeHeld(entries) };
  }

  /** A master has taken it in: what counts of it is in its log below `position`. */
  taken(piece: HeldPiece, position: number): void {
    this.#offsets.taken(piece.entries, position);
  }

  /** The link is another one: what no log has yet is handed over again. */
  linkIsNew(): void {
    this.#isLinked = true;
    this.#offsets.takenByNobody();
  }

  /** The log flows no more, or its master takes nothing in for now. */
  linkIsLost(isGone: boolean): void {
    this.#isLinked &&= !isGone;
    this.#letGo();
  }

  /** This log has all below `position`, applied: what masters took in below is forgotten. Throws disk errors. */
  reached(position: number): void {
    this.#offsets.reached(position);
    // Also where a reset in the log has ended it.
    if (this.#offsets.count === 0 && !this.isEmpty) {
      this.#unwritten = [];
      this.#file.replace([]);
    }
  }

  /** What counts of it, for the log of the master that this broker is now. */
  *forMaster(): Generator<{ group: string; topicId: number; pairs: number[] }> {
    for (const entry of this.#offsets.entries()) {
      const { group, topicId } = entry;
      yield { group, topicId, pairs: countingPairs(this.#state, entry) };
    }
  }

  /** This broker's own log has it. Throws disk errors. */
  clear(): void {
    this.#offsets.clear();
    this.#unwritten = [];
    this.#mustReplace = false;
    this.#file.replace([]);
  }

  /** What is not written yet is, if it can be. */
  close(): void {
    this.linkIsLost(true);
    this.#write();
    this.#file.close();
  }

  #schedule(): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => {
        this.#isScheduled = false;
        this.#write();
      });
    }
  }

  #write(): void {
    const turn = this.#turn;
    this.#turn = null;
    try {
      if (this.#mustReplace || this.#file.isOverfull) {
        this.#file.replace([...this.#offsets.entries()]);
        this.#mustReplace = false;
      } else if (this.#unwritten.length > 0) {
        this.#file.append(this.#unwritten, this.#isDurable);
      }
      this.#unwritten = [];
    } catch (error) {
      this.#mustReplace = true;
      this.#unwritten = [];
      turn?.reject(commitError(error));
      return;
    }
    if (this.#isOverfull) {
      this.#isOverfull = false;
      turn?.reject(
        new RingMQError(
          'BROKER_BUSY',
          'this slave keeps more offsets for its master than it may; commit at the master',
        ),
      );
    } else {
      turn?.resolve();
    }
  }
}

function newTurn(): Turn {
  let turn = {};
  const promise = new Promise<void>((resolve, reject) => {
    turn = { resolve, reject };
  });
  return { promise, ...turn } as Turn;
}

function commitError(error: unknown): RingMQError {
  if (diskErrorCode(error) === undefined) {
    return new RingMQError('INTERNAL', String(error), { cause: error });
  }
  return new RingMQError(isShortage(error) ? 'DISK_FULL' : 'DISK_FAILED', undefined, { cause: error });
}
