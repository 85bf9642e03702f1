/**
 * Hands what groups committed at a slave over to the master: a slave gives it out in pieces and forgets what the log has, a master takes it in. A master that
 * comes back waits a while for its slaves' commits, and a slave that becomes the master puts its own into the log.
 */
import { RingMQError } from '../../native-free/wire/index.js';
import type { ControlLog } from '../control/control-log.js';
import type { HeldKeeper, HeldPiece } from '../data/held-keeper.js';
import type { RepairKeeper } from '../data/repair-keeper.js';
import { decodeHeld } from '../meta/held-codec.js';
import type { HeldEntry } from '../meta/held-offsets.js';
import { HandOverWait } from '../replica/hand-over-wait.js';
import type { Ring } from '../ring/index.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { ROLE } from '../term/shared-words.js';
import type { Term } from '../term/term.js';
import type { NodeKeeper } from './node-keeper.js';

export interface GroupHandOverDeps {
  readonly term: Term;
  readonly marks: ReplicaMarks;
  readonly ring: Ring;
  readonly control: ControlLog;
  /** What was committed here while this was a slave. */
  readonly held: HeldKeeper;
  /** Of a master: takes in what was committed at a slave. */
  takeOver(entries: readonly HeldEntry[]): Promise<void>;
  readonly repair: Pick<RepairKeeper, 'isAwaited'>;
  /** Groups may go on: what slaves had of them is here, or was not waited for any longer. */
  onHandedOver(): void;
  warn(message: string, details: Record<string, unknown>): void;
}

/** What it asks of the broker's part in its set. */
export interface GroupHandOverHost {
  readonly node: NodeKeeper;
  /** A slave's name, by its row; null: nobody has that row. */
  nameOf(row: number): string | null;
  /** On a slave: something is there to hand over. */
  onTick(): void;
}

/** A master that comes back waits so long at most for its slaves' hand-over. */
const HAND_OVER_MS = 5_000;
/** And so long for those that are known to be there: a connection that was cut without a word is given up after ten seconds, and made anew. */
const LONGEST_MS = 15_000;
const LOOK_MS = 500;
/** Beside slaves' names: that damage is repaired is waited for. */
const REPAIR = ' repair';

/** Offsets that were committed at the slave of this row; none: it has handed over all that it had. */
export interface HandOver {
  row: number;
  offsets: Uint8Array;
}

export class GroupHandOver {
  readonly #deps: GroupHandOverDeps;
  readonly #host: GroupHandOverHost;
  #isOwning = false;
  /** Slaves that have followed since this directory was opened. */
  readonly #seen = new Set<string>();
  #wait: HandOverWait | null = null;
  /** Of these slaves, who is there, as far as name servers know; set by who knows them. Must not reject. */
  areThere: (slaves: readonly string[]) => Promise<readonly string[]> = () => Promise.resolve([]);

  constructor(deps: GroupHandOverDeps, host: GroupHandOverHost) {
    this.#deps = deps;
    this.#host = host;
  }

  /** To be called once a second or so. */
  sweep(): void {
    if (!this.#deps.repair.isAwaited) {
      this.#wait?.done(REPAIR);
    }
    const { held, term, marks, ring } = this.#deps;
    if (held.isEmpty) {
      return;
    }
    if (term.role === ROLE.slave) {
      // Head before the marks: what comes between them is not told of.
      const end = ring.toBytes(ring.head());
      if (marks.controlIsApplied) {
        held.reached(end);
      }
    } else if (term.role === ROLE.master && !this.#isOwning) {
      void this.#ownHeld();
    }
  }

  /** On a slave: the next part of what is held, for its master; null: there is none. */
  nextHeld(): HeldPiece | null {
    return this.#deps.held.next();
  }

  /** On a slave: its master has taken that part in, and its log below `position` has it. */
  heldIsTaken(piece: HeldPiece, position: number): void {
    this.#deps.held.taken(piece, position);
  }

  /** On a slave: the log flows over a new connection. */
  following(): void {
    this.#deps.held.linkIsNew();
    this.#deps.held.onAdded = () => this.#host.onTick();
  }

  /** On a slave: the connection is gone, or, not `isGone`, its master takes no commits in for now. */
  notFollowing(isGone: boolean): void {
    this.#deps.held.linkIsLost(isGone);
  }

  /**
   * Of a master: what was committed at a slave. Resolves with where the log ends that has it.
   * @throws RingMQError NOT_MASTER, BAD_FRAME, and what a commit is refused for
   */
  async takeOver({ row, offsets }: HandOver): Promise<number> {
    const { term, ring } = this.#deps;
    const entries = decodeHeld(offsets);
    if (term.role !== ROLE.master) {
      throw new RingMQError('NOT_MASTER');
    }
    if (entries.length === 0) {
      this.#wait?.done(this.#host.nameOf(row) ?? '');
    } else {
      await this.#deps.takeOver(entries);
    }
    return ring.toBytes(ring.head());
  }

  /** Of a master that was opened: slaves that followed it before may have commits that it has not. */
  awaitHandOver(): void {
    const { slaves } = this.#host.node.facts;
    if (slaves.length === 0) {
      return;
    }
    // Who reads where messages are missing that a slave has, would stop there.
    const awaited = this.#deps.repair.isAwaited ? [...slaves, REPAIR] : slaves;
    const limits = { limitMs: HAND_OVER_MS, longestMs: LONGEST_MS, lookMs: LOOK_MS };
    const onTheWay = (late: readonly string[]): Promise<readonly string[]> =>
      this.areThere(late.filter((slave) => slave !== REPAIR));
    const onOver = (late: readonly string[]): void => {
      const missing = late.filter((slave) => slave !== REPAIR);
      if (missing.length > 0) {
        this.#deps.warn(
          `${missing.join(', ')} did not say in time what was committed there while this master was away: groups go on from what is known here, and further on once it comes`,
          { slaves: missing },
        );
      }
      // Those that have not come are not waited for again, unless they come.
      this.#host.node.writeSlaves([...this.#seen]);
      this.#deps.onHandedOver();
    };
    this.#wait = new HandOverWait(awaited, limits, { onTheWay, onOver });
  }

  /** A listener is open: slaves can come. It may have taken long. */
  served(): void {
    this.#wait?.begin();
  }

  /** What slaves have of groups is still waited for: resolves once it is not. null: it is not. */
  get waited(): Promise<void> | null {
    return this.#wait?.isOver === false ? this.#wait.over : null;
  }

  close(): void {
    this.#wait?.close();
  }

  /** Of a master: this slave follows it. */
  slaveCame(name: string): void {
    this.#seen.add(name);
    this.#wait?.came(name);
    const { node } = this.#host;
    if (!node.facts.slaves.includes(name)) {
      node.writeSlaves([...node.facts.slaves, name]);
    }
  }

  /** What was committed here while this was a slave goes into the log that is this one's now. */
  takeHeld(): void {
    const { held, control } = this.#deps;
    for (const { group, topicId, pairs } of held.forMaster()) {
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const queueId = pairs[i] as number;
        // The old master may have known of more.
        const offset = Math.max(pairs[i + 1] as number, control.state.offsets.get(group, topicId, queueId));
        control.appendNumber('offsets', group, topicId, queueId, offset);
      }
    }
  }

  /** Forgets it once the log has it; what a full disk, or too few slaves, hold up is tried again. */
  async #ownHeld(): Promise<void> {
    const { held, control } = this.#deps;
    this.#isOwning = true;
    try {
      await control.settled();
      held.clear();
    } catch {
      // It is still there.
    } finally {
      this.#isOwning = false;
    }
  }
}
