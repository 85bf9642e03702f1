/**
 * Puts together what the thread that opened the broker does about replication: as a master it lets slaves in, as a slave it applies what the master's
 * control batches say, and either asks the other for what is damaged here.
 */
import { monotonicMs } from '../../native-free/time/index.js';
import {
  BATCH_HEADER_BYTES,
  FACT_FLAG,
  type ReplicaFacts,
  type ReplicaStanding,
  RingMQError,
  type SetStanding,
} from '../../native-free/wire/index.js';
import type { ClusterSecrets } from '../access/cluster-secrets.js';
import type { ControlReplay } from '../data/control-replay.js';
import { type Rejoin, rejoinOf, writeRejoin } from '../data/rejoin.js';
import type { RepairKeeper } from '../data/repair-keeper.js';
import { OwnedDisk } from '../disk/index.js';
import type { ReplicaGreeting } from '../engine-thread.js';
import { decodeState, type NodeFacts } from '../meta/index.js';
import { queueEndsOf } from '../queue/index.js';
import type { RepairRange } from '../replica/repair-run.js';
import { type CountRule, ReplicaDesk } from '../replica/replica-desk.js';
import { REPLICAS_WORD } from '../term/replica-layout.js';
import { ROLE } from '../term/shared-words.js';
import type { ProveParams } from '../thread/replica-door.js';
import { GroupHandOver, type GroupHandOverDeps } from './group-hand-over.js';
import { NodeKeeper } from './node-keeper.js';
import { Promotion, type PromotionDeps } from './promotion.js';
import { Standing, type StandingDeps } from './standing.js';

export interface ReplicationDeps extends StandingDeps, GroupHandOverDeps, PromotionDeps {
  readonly node: NodeFacts;
  readonly secrets: ClusterSecrets | null;
  readonly replay: ControlReplay;
  readonly repair: RepairKeeper;
  /** `meta/node` was replaced. */
  onNode(): void;
  /** A slave knows a later master. */
  onFenced(epoch: number): void;
  /** Slaves have come or gone: whoever waits for them is to look. */
  wakeAll(): void;
}

export class Replication {
  /** What a controller has this broker wait for; null: nothing. */
  waitsFor: string | null = null;
  readonly standing: Standing;
  readonly handOver: GroupHandOver;
  readonly promotion: Promotion;
  readonly #deps: ReplicationDeps;
  readonly #desk: ReplicaDesk;
  readonly #node: NodeKeeper;
  /** Which slaves there were, which of them in sync, and how much was damaged, when others were told last. */
  #toldOfStanding = '0';
  /** On a slave, once a second or so: something may be there to hand over, or to ask for; set by who follows the master. */
  onTick: () => void = () => {};
  /** On a master: slaves have come into sync or fallen out of it. On any broker: damage was found or repaired. Set by whoever tells others of it. */
  onStandingChanged: () => void = () => {};

  constructor(deps: ReplicationDeps) {
    this.#deps = deps;
    const { marks, secrets, options, ring, term } = deps;
    const node = new NodeKeeper(deps.node, deps.handle.dir, () => deps.onNode());
    const standing = new Standing(deps, node);
    const handOver = new GroupHandOver(deps, {
      node,
      nameOf: (row) => this.#desk.nameOf(row),
      onTick: () => this.onTick(),
    });
    this.#node = node;
    this.standing = standing;
    this.handOver = handOver;
    this.promotion = new Promotion(deps, { node, standing, handOver });
    this.#desk = new ReplicaDesk({
      marks,
      secrets,
      maxLagMs: options.inSyncMaxLagMs,
      facts: () => standing.facts(),
      isMaster: () => term.role === ROLE.master,
      state: (position) => deps.control.snapshot(position, queueEndsOf(deps.table)).bytes,
      toBytes: (slots) => ring.toBytes(slots),
      onFenced: (epoch) => deps.onFenced(epoch),
      onSlave: (name) => handOver.slaveCame(name),
      now: monotonicMs,
    });
  }

  prove({ slaveNonce, masterNonce, proof, remote }: ProveParams): Uint8Array | null {
    return this.#desk.prove(slaveNonce, masterNonce, proof, remote);
  }

  greet(slave: ReplicaFacts): ReplicaGreeting {
    return this.#desk.greet(slave);
  }

  /** Of a master: its slaves. In sync are those that acks count. */
  list(): ReplicaStanding[] {
    return this.#desk.list();
  }

  /** For a controller: the same, where `inSync` says of each whether it could be counted. */
  near(): ReplicaStanding[] {
    return this.#desk.near();
  }

  /** Which opening of its directory that slave has connected with last; undefined: it does not say. */
  openingOf(slave: string): string | undefined {
    return this.#desk.openingOf(slave);
  }

  /** For a controller: acks count these slaves only, and wait for so many of them. */
  countBy(rule: CountRule): void {
    this.#desk.countBy(rule);
    this.#deps.wakeAll();
    this.#tellOfStanding();
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
    const { epoch, position, knows } = this.standing.end;
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
      ...(this.waitsFor === null ? {} : { waitsFor: this.waitsFor }),
      replicas: isMaster ? this.list() : [],
    };
  }

  /** To be called once a second or so. */
  sweep(): void {
    if (this.#desk.sweep()) {
      this.#deps.wakeAll();
    }
    this.handOver.sweep();
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

  /** A controller has said already who is the master of this log's set. */
  get isLed(): boolean {
    return this.#node.facts.isLed;
  }

  /** What this broker says of itself to its master. */
  asSlave(): ReplicaFacts {
    const opening = this.#node.takesPart ? { opening: this.#deps.handle.openingId } : {};
    return { ...this.standing.facts(), ...opening };
  }

  /** The openings of this directory in which it took part in its set under a controller. */
  get openings(): readonly string[] {
    return this.#node.facts.openings;
  }

  /** Under a controller it takes part in its set in this opening from now on. @throws RingMQError disk errors */
  takePart(): void {
    this.#node.takePart();
  }

  /** It takes another's log from now on: the directory is a slave's until it is made the master. @throws RingMQError disk errors */
  becomeSlave(): void {
    this.#node.becomeSlave();
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
    const { start, end, brokerId, flags } = this.standing.facts();
    const isNew = (flags & FACT_FLAG.isNew) !== 0;
    const rejoin = rejoinOf(master, { start, end, brokerId, isNew });
    const { handle } = this.#deps;
    writeRejoin(new OwnedDisk(handle.dir), handle.dir.path, rejoin, state);
    return rejoin;
  }
}
