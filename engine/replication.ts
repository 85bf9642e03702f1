/**
 * Replication as the thread that opened the broker takes part in it: as a master it lets slaves in, as a slave it applies what the master's control
 * batches say, and it makes a slave the master.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../native-free/time/index.js';
import {
  BATCH_HEADER_BYTES,
  FACT_FLAG,
  type ReplicaFacts,
  type ReplicaStanding,
  RingMQError,
  type SetStanding,
} from '../native-free/wire/index.js';
import type { ControlLog } from './control/control-log.js';
import type { ControlReplay } from './data/control-replay.js';
import type { HeldKeeper, HeldPiece } from './data/held-keeper.js';
import { asMaster, continueQueues } from './data/open-data.js';
import { type Rejoin, rejoinOf, writeRejoin } from './data/rejoin.js';
import type { RepairKeeper } from './data/repair-keeper.js';
import { OwnedDisk } from './disk/index.js';
import type { ReplicaGreeting } from './engine-thread.js';
import type { BrokerHandle } from './handle.js';
import { decodeHeld } from './meta/held-codec.js';
import type { HeldEntry } from './meta/held-offsets.js';
import {
  decodeState,
  MAX_NODE_SLAVES,
  NEVER_OWN,
  type NodeFacts,
  type TopicCatalog,
  writeNode,
} from './meta/index.js';
import type { ResolvedEngineOptions } from './options.js';
import { type QueueTable, queueEndsOf } from './queue/index.js';
import { HandOverWait } from './replica/hand-over-wait.js';
import type { RepairRange } from './replica/repair-run.js';
import { ReplicaDesk } from './replica/replica-desk.js';
import type { Ring } from './ring/index.js';
import { REPLICAS_WORD } from './term/replica-layout.js';
import type { ReplicaMarks } from './term/replica-marks.js';
import { SharedText } from './term/shared-text.js';
import { ROLE } from './term/shared-words.js';
import type { Term } from './term/term.js';
import type { ProveParams } from './thread/replica-door.js';

export interface ReplicationDeps {
  readonly options: ResolvedEngineOptions;
  readonly handle: BrokerHandle;
  readonly node: NodeFacts;
  readonly secret: Uint8Array | null;
  readonly term: Term;
  readonly marks: ReplicaMarks;
  readonly ring: Ring;
  readonly control: ControlLog;
  readonly replay: ControlReplay;
  readonly catalog: TopicCatalog;
  readonly table: QueueTable;
  /** What was committed here while this was a slave. */
  readonly held: HeldKeeper;
  readonly repair: RepairKeeper;
  /** Of a master: takes in what was committed at a slave. */
  takeOver(entries: readonly HeldEntry[]): Promise<void>;
  /** Where the oldest segment begins. */
  oldestPosition(): number;
  /** `meta/node` was replaced. */
  onNode(): void;
  /** This slave has become the master: what only a master does begins. */
  onMaster(): void;
  /** A slave knows a later master. */
  onFenced(epoch: number): void;
  /** Slaves have come or gone: whoever waits for them is to look. */
  wakeAll(): void;
  /** Groups may go on: what slaves had of them is here, or was not waited for any longer. */
  onHandedOver(): void;
  warn(message: string, details: Record<string, unknown>): void;
}

/** A master that comes back waits so long at most for its slaves' hand-over. */
const HAND_OVER_MS = 5_000;

/** Another slave of the set may have log that this one lacks. */
export interface Lack {
  readonly message: string;
  /** Its name. */
  readonly furthest: string;
}

/** Offsets that were committed at the slave of this row; none: it has handed over all that it had. */
export interface HandOver {
  row: number;
  offsets: Uint8Array;
}

/** A promotion waits so long at most for what has been taken from the old master to be indexed. */
const PROMOTE_MS = 5_000;

/**
 * A promotion takes the next multiple of this as its epoch. A master that is started again raises its own by one; one that has not heard of the promotion
 * must not come to the same.
 */
const LEAP = 1_024;

export class Replication {
  readonly #deps: ReplicationDeps;
  readonly #desk: ReplicaDesk;
  #isOwning = false;
  /** Slaves that have followed since this directory was opened. */
  readonly #seen = new Set<string>();
  #handOver: HandOverWait | null = null;
  /** Which slaves there were, which of them in sync, and how much was damaged, when others were told last. */
  #toldOfStanding = '0';
  #node: NodeFacts;
  /** Set by who follows the master: resolves once nothing more is taken from it. */
  stopFollowing: () => Promise<void> = () => Promise.resolve();
  /** On a slave, once a second or so: something may be there to hand over, or to ask for; set by who follows the master. */
  onTick: () => void = () => {};
  /** On a master: slaves have come into sync or fallen out of it. On any broker: damage was found or repaired. Set by whoever tells others of it. */
  onStandingChanged: () => void = () => {};
  /** Before a promotion by hand: what other slaves have that this one lacks, in a sentence; null: nothing, as far as is known. Set by who knows them. */
  lacks: () => Promise<Lack | null> = () => Promise.resolve(null);
  /** It has become the master; set by whoever tells others of it. */
  onPromoted: () => void = () => {};

  constructor(deps: ReplicationDeps) {
    this.#deps = deps;
    this.#node = deps.node;
    const { marks, secret, options, ring, term } = deps;
    this.#desk = new ReplicaDesk({
      marks,
      secret,
      maxLagMs: options.inSyncMaxLagMs,
      facts: () => this.facts(),
      isMaster: () => term.role === ROLE.master,
      state: (position) => deps.control.snapshot(position, queueEndsOf(deps.table)).bytes,
      toBytes: (slots) => ring.toBytes(slots),
      onFenced: (epoch) => deps.onFenced(epoch),
      onSlave: (name) => this.#onSlave(name),
      now: monotonicMs,
    });
  }

  prove({ slaveNonce, masterNonce, proof, remote }: ProveParams): Uint8Array | null {
    return this.#desk.prove(slaveNonce, masterNonce, proof, remote);
  }

  greet(slave: ReplicaFacts): ReplicaGreeting {
    return this.#desk.greet(slave);
  }

  /** Of a master: its slaves. */
  list(): ReplicaStanding[] {
    return this.#desk.list();
  }

  /** For a controller: acks count these slaves only, and wait for so many of them. */
  countBy(members: readonly string[], required: number): void {
    this.#desk.countBy(members, required);
    this.#deps.wakeAll();
  }

  /** In-sync slaves that have the log up to `position`. */
  holders(position: number): string[] {
    return this.list()
      .filter(({ inSync, received }) => inSync && received >= position)
      .map(({ name }) => name);
  }

  /** How this broker stands in its set, for whoever asks. */
  describe(): SetStanding {
    const { handle, term, marks } = this.#deps;
    const { epoch, position, knows } = this.standing;
    const isMaster = term.role === ROLE.master;
    const takesMessages = isMaster && term.isHeld && !(marks.isSync && marks.refuses());
    return {
      name: handle.brokerName,
      cluster: handle.cluster,
      brokerSet: handle.brokerSet,
      brokerId: handle.brokerId,
      role: isMaster ? 'master' : 'slave',
      epoch: knows,
      end: position,
      endEpoch: epoch,
      takesMessages,
      replicas: isMaster ? this.list() : [],
    };
  }

  /** Of a master under sync replication: nothing behind this place in the log was acked. */
  get ackedPosition(): number {
    const { ring, marks } = this.#deps;
    return ring.toBytes(marks.reached);
  }

  /** Where the log ends and whose term that is of; and the highest epoch that this broker knows of. */
  get standing(): { isSettled: boolean; epoch: number; position: number; knows: number } {
    const { term, ring, marks, control } = this.#deps;
    const position = ring.toBytes(ring.head());
    const { starts } = control.state.epochs;
    return {
      isSettled: ring.indexed() === ring.head() && marks.controlIsApplied,
      // The state may be newer than the log, where it came from a master as a whole.
      epoch: starts.findLast((start) => start.position < position)?.epoch ?? 0,
      position,
      knows: Math.max(term.epoch, control.state.epochs.last, this.#node.epoch),
    };
  }

  /** It takes another's log from now on: the directory is a slave's until it is made the master. @throws RingMQError disk errors */
  becomeSlave(): void {
    if (this.#node.ownFrom !== NEVER_OWN || !this.#node.isLed) {
      this.#write({ ...this.#node, ownFrom: NEVER_OWN, isLed: true });
    }
  }

  /** A controller has said already who is the master of this log's set. */
  get isLed(): boolean {
    return this.#node.isLed;
  }

  /** To be called once a second or so. */
  sweep(): void {
    if (this.#desk.sweep()) {
      this.#deps.wakeAll();
    }
    this.#sweepHeld();
    this.#tellOfStanding();
    this.#deps.repair.note();
    this.repairSoon();
  }

  /** The next stretch of damage that another one may make good: a slave that has the log up to `received`, or on a slave its master; null: none. */
  repairWanted(from: string, received = Number.POSITIVE_INFINITY): RepairRange | null {
    return this.#deps.repair.next(from, received);
  }

  /** What another one has in the place of damage; null: it could not be asked. */
  repairFound(position: number, run: Uint8Array | null, from: string): void {
    if (run === null) {
      this.#deps.repair.notAsked(position, from);
    } else {
      this.#deps.repair.take(position, run, from);
    }
  }

  /** Damage was found: whoever can ask for it is to look. */
  repairSoon(): void {
    this.#tellDamage();
    if (this.#deps.term.role === ROLE.slave) {
      this.onTick();
    }
  }

  #tellDamage(): void {
    const { repair, marks, term } = this.#deps;
    Atomics.store(marks.words, REPLICAS_WORD.damaged, term.role === ROLE.master ? repair.count : 0);
  }

  /** A slave's name, by its row. */
  nameOf(row: number): string {
    return this.#desk.nameOf(row) ?? 'a slave';
  }

  #tellOfStanding(): void {
    const now = this.#desk
      .list()
      .map(({ name, inSync }) => `${name} ${inSync}`)
      .concat(String(this.#deps.repair.count))
      .join();
    if (now !== this.#toldOfStanding) {
      this.#toldOfStanding = now;
      this.onStandingChanged();
    }
  }

  #sweepHeld(): void {
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
    this.#deps.held.onAdded = () => this.onTick();
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
      this.#handOver?.done(this.#desk.nameOf(row) ?? '');
    } else {
      await this.#deps.takeOver(entries);
    }
    return ring.toBytes(ring.head());
  }

  /** Of a master that was opened: slaves that followed it before may have commits that it has not. */
  awaitHandOver(): void {
    const { slaves } = this.#node;
    if (slaves.length === 0) {
      return;
    }
    this.#handOver = new HandOverWait(slaves, HAND_OVER_MS, (missing) => {
      if (missing.length > 0) {
        this.#deps.warn(
          `${missing.join(', ')} did not say within ${HAND_OVER_MS / 1_000} s what was committed there while this master was away: groups go on from what is known here`,
          { slaves: missing },
        );
      }
      // Those that have not come are not waited for again, unless they come.
      this.#writeSlaves([...this.#seen]);
      this.#deps.onHandedOver();
    });
  }

  /** What slaves have of groups is still waited for: resolves once it is not. null: it is not. */
  get handOver(): Promise<void> | null {
    return this.#handOver?.isOver === false ? this.#handOver.over : null;
  }

  close(): void {
    this.#handOver?.close();
  }

  #onSlave(name: string): void {
    this.#seen.add(name);
    if (!this.#node.slaves.includes(name)) {
      this.#writeSlaves([...this.#node.slaves, name]);
    }
  }

  /** What cannot be written now is not waited for when this is opened again. */
  #writeSlaves(slaves: readonly string[]): void {
    try {
      this.#write({ ...this.#node, slaves: slaves.slice(-MAX_NODE_SLAVES) });
    } catch {
      // The disk has its own ways to be told of.
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

  /** What this broker says of itself and its log, to its master or its slaves. */
  facts(): ReplicaFacts {
    const { options, handle, ring, term, control } = this.#deps;
    const end = ring.toBytes(ring.head());
    const { starts } = control.state.epochs;
    // One that has taken a master's state is that master's slave, though its log is empty yet.
    const isEmpty = end === 0 && starts.length === 0 && term.role === ROLE.slave;
    return {
      start: this.#start(),
      end,
      spanBytes: isEmpty ? 0 : ring.spanBytes,
      flags:
        (options.flush === 'sync' ? FACT_FLAG.syncFlush : 0) |
        (options.replication === 'sync' ? FACT_FLAG.syncReplication : 0) |
        (isEmpty ? FACT_FLAG.isNew : 0),
      brokerId: handle.brokerId,
      epoch: Math.max(term.epoch, this.#node.epoch),
      // The state may be newer than the log, where it came from a master as a whole.
      epochs: starts.filter(({ position }) => position <= end),
      begin: 0,
      committed: 0,
      name: handle.brokerName,
      set: handle.brokerSet,
      cluster: handle.cluster,
    };
  }

  /** On a slave: a control batch of the master is in the log. @throws RingMQError LOG_CORRUPT, BAD_CONFIG (more queues than this broker may have) */
  applyControl(batch: Uint8Array, position: number): void {
    this.#deps.replay.apply(batch, position, batch.subarray(BATCH_HEADER_BYTES));
    Atomics.add(this.#deps.marks.words, REPLICAS_WORD.controlApplied, 1);
  }

  /**
   * Notes that the log is to be as `master` said when this directory is opened the next time. `state`: the master's; it comes with every
   * welcome to a slave that has to cut or to begin anew.
   * @throws RingMQError BAD_FRAME, disk errors
   */
  prepareRejoin(master: ReplicaFacts, state: Uint8Array | null): Rejoin {
    if (state === null) {
      throw new RingMQError(
        'BAD_FRAME',
        'the master named another place to begin at, and sent no state for it',
      );
    }
    decodeState(state, 'the state of the master');
    const { start, end, brokerId, flags } = this.facts();
    const isNew = (flags & FACT_FLAG.isNew) !== 0;
    const rejoin = rejoinOf(master, { start, end, brokerId, isNew });
    const { handle } = this.#deps;
    writeRejoin(new OwnedDisk(handle.dir), handle.dir.path, rejoin, state);
    return rejoin;
  }

  /**
   * The slave becomes the master. Nothing may be taken from the old one any more. `atLeast`: the new epoch is not below it. `force`: also where
   * another slave has log that this one lacks, which the answer then says. Resolves with the epoch.
   * @throws RingMQError BAD_ARGUMENT (it is no slave), NOT_FURTHEST, BROKER_BUSY (what was taken is not indexed in time), disk errors
   */
  async promote(atLeast: number, force: boolean): Promise<{ epoch: number; lacks: string | null }> {
    if (this.#deps.options.controller !== undefined) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        "this broker has a controller, which decides who is the set's master: stop the master, and the slave that is furthest follows it within seconds",
      );
    }
    this.#checkSlave();
    const lack = await this.lacks();
    if (lack !== null && !force) {
      throw new RingMQError('NOT_FURTHEST', lack.message, { details: { furthest: lack.furthest } });
    }
    const epoch = await this.#lead((known) => Math.max((Math.floor(known / LEAP) + 1) * LEAP, atLeast));
    return { epoch, lacks: lack?.message ?? null };
  }

  /**
   * The slave becomes the master of this very epoch, which a controller has given to it alone. A second try after one that failed
   * half way is as good.
   * @throws RingMQError BAD_ARGUMENT (it is no slave, or knows a later epoch), BROKER_BUSY (what was taken is not indexed in time), disk errors
   */
  async lead(epoch: number): Promise<void> {
    await this.#lead((known) => {
      const { term, control } = this.#deps;
      if (epoch < known || epoch <= Math.max(term.epoch, control.state.epochs.last)) {
        throw new RingMQError('BAD_ARGUMENT', `it knows of epoch ${known}, and cannot be master of ${epoch}`);
      }
      return epoch;
    });
  }

  async #lead(epochAbove: (known: number) => number): Promise<number> {
    const { term, ring, marks, control, handle } = this.#deps;
    this.#checkSlave();
    await this.stopFollowing();
    const until = monotonicMs() + PROMOTE_MS;
    while (ring.indexed() !== ring.head() || !marks.controlIsApplied) {
      if (monotonicMs() > until) {
        throw new RingMQError('BROKER_BUSY', 'what came from the old master is not indexed yet; try again');
      }
      await delay(2);
    }
    continueQueues(control.state, this.#deps.catalog, this.#deps.table);
    const epoch = epochAbove(this.standing.knows);
    // Durable before anything says so: no epoch is given out twice.
    const isLed = this.#deps.options.controller !== undefined;
    this.#write({ ...asMaster(this.#node, epoch), isLed, slaves: [] });
    // What the old master had not committed, as far as this one heard, waits for slaves like what comes now.
    marks.beginAt(Atomics.load(marks.words, REPLICAS_WORD.committed));
    term.setEpoch(epoch);
    // Nobody else may append before the log says whose term it is.
    term.setRole(ROLE.fenced);
    control.beginEpoch(epoch, ring.toBytes(ring.head()), handle.brokerName);
    term.setRole(ROLE.master);
    new SharedText(handle.masterUrl).set(null);
    this.takeHeld();
    this.#deps.onMaster();
    this.onPromoted();
    return epoch;
  }

  #checkSlave(): void {
    if (this.#deps.term.role !== ROLE.slave) {
      throw new RingMQError('BAD_ARGUMENT', 'only a slave can be made the master');
    }
  }

  #write(node: NodeFacts): void {
    const { dir } = this.#deps.handle;
    writeNode(new OwnedDisk(dir), `${dir.path}/meta`, node);
    this.#node = node;
    this.#deps.onNode();
  }

  /** Of a log that began with a master's oldest segment the files may reach further down. */
  #start(): number {
    return Math.max(this.#deps.oldestPosition(), this.#node.start);
  }
}
