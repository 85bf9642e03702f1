/** Makes a slave its set's master, in place, by hand or by a controller's word; and begins the term of a master that is opened again. */
import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../native-free/time/index.js';
import { FACT_FLAG, RingMQError } from '../../native-free/wire/index.js';
import type { ControlLog } from '../control/control-log.js';
import { asMaster, continueQueues } from '../data/open-data.js';
import type { BrokerHandle } from '../handle.js';
import type { TopicCatalog } from '../meta/index.js';
import type { ResolvedEngineOptions } from '../options.js';
import type { QueueTable } from '../queue/index.js';
import type { Ring } from '../ring/index.js';
import { REPLICAS_WORD } from '../term/replica-layout.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { SharedText } from '../term/shared-text.js';
import { BROKER_WORD, ROLE } from '../term/shared-words.js';
import type { Term } from '../term/term.js';
import type { GroupHandOver } from './group-hand-over.js';
import type { NodeKeeper } from './node-keeper.js';
import type { Standing } from './standing.js';

export interface PromotionDeps {
  readonly options: ResolvedEngineOptions;
  readonly handle: BrokerHandle;
  readonly term: Term;
  readonly marks: ReplicaMarks;
  readonly ring: Ring;
  readonly control: ControlLog;
  readonly catalog: TopicCatalog;
  readonly table: QueueTable;
  /** This slave has become the master: what only a master does begins. */
  onMaster(): void;
}

/** What else of the broker's part in its set a promotion moves. */
export interface PromotionParts {
  readonly node: NodeKeeper;
  readonly standing: Standing;
  readonly handOver: GroupHandOver;
}

/** Another broker of the set may have log that this one lacks. */
export interface Lack {
  readonly message: string;
  /** Its name; null: it is the master that has it, or had. */
  readonly furthest: string | null;
}

const NOTHING_YET: Lack = {
  message:
    'this slave has taken no log from a master yet: it would begin an empty one, and a master that has the log of the set could not come back to it',
  furthest: null,
};

/** A promotion waits so long at most for what has been taken from the old master to be indexed. */
const PROMOTE_MS = 5_000;

/**
 * A promotion takes the next multiple of this as its epoch. A master that is started again raises its own by one; one that has not heard of the promotion
 * must not come to the same.
 */
const LEAP = 1_024;

export class Promotion {
  readonly #deps: PromotionDeps;
  readonly #parts: PromotionParts;
  /** Set by who follows the master: resolves once nothing more is taken from it. */
  stopFollowing: () => Promise<void> = () => Promise.resolve();
  /** A promotion by hand has failed, and the slave is one: set by who follows the master, whom it follows again. */
  goOnFollowing: () => void = () => {};
  /** Before a promotion by hand: what other slaves have that this one lacks, in a sentence; null: nothing, as far as is known. Set by who knows them. */
  lacks: () => Promise<Lack | null> = () => Promise.resolve(null);
  /** It has become the master; set by whoever tells others of it. */
  onPromoted: () => void = () => {};
  /** One promotion after the other: a second one under way would begin another term, and one that fails follows the old master again. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: PromotionDeps, parts: PromotionParts) {
    this.#deps = deps;
    this.#parts = parts;
  }

  /**
   * The slave becomes the master. Nothing may be taken from the old one any more. `atLeast`: the new epoch is not below it. `force`: also where
   * another slave has log that this one lacks, which the answer then says. Resolves with the epoch.
   * @throws RingMQError BAD_ARGUMENT (it is no slave), NOT_FURTHEST, BROKER_BUSY (what was taken is not indexed in time), BROKER_CLOSED, disk errors
   */
  promote(atLeast: number, force: boolean): Promise<{ epoch: number; lacks: string | null }> {
    return this.#inTurn(() => this.#promote(atLeast, force));
  }

  async #promote(atLeast: number, force: boolean): Promise<{ epoch: number; lacks: string | null }> {
    if (this.#deps.options.controller !== undefined) {
      throw new RingMQError(
        'BAD_ARGUMENT',
        "this broker has a controller, which decides who is the set's master: stop the master, and the slave that is furthest follows it within seconds",
      );
    }
    this.#checkSlave();
    const isNew = (this.#parts.standing.facts().flags & FACT_FLAG.isNew) !== 0;
    const lack = isNew ? NOTHING_YET : await this.lacks();
    if (lack !== null && !force) {
      throw new RingMQError('NOT_FURTHEST', lack.message, { details: { furthest: lack.furthest } });
    }
    const { epoch: before } = this.#parts.node.facts;
    try {
      const epoch = await this.#lead((known) => Math.max((Math.floor(known / LEAP) + 1) * LEAP, atLeast));
      return { epoch, lacks: lack?.message ?? null };
    } catch (error) {
      // Not once its directory is a master's, nor once nobody would end it.
      const isSlave = this.#deps.term.role === ROLE.slave && this.#parts.node.facts.epoch === before;
      if (isSlave && !this.#isClosing) {
        this.goOnFollowing();
      }
      throw error;
    }
  }

  /**
   * The slave becomes the master of this very epoch, which a controller has given to it alone. A second try after one that failed
   * half way is as good.
   * @throws RingMQError BAD_ARGUMENT (it is no slave, or knows a later epoch), BROKER_BUSY (what was taken is not indexed in time), BROKER_CLOSED, disk errors
   */
  async lead(epoch: number): Promise<void> {
    await this.#inTurn(() =>
      this.#lead((known) => {
        const { term, control } = this.#deps;
        if (epoch < known || epoch <= Math.max(term.epoch, control.state.epochs.last)) {
          throw new RingMQError(
            'BAD_ARGUMENT',
            `it knows of epoch ${known}, and cannot be master of ${epoch}`,
          );
        }
        return epoch;
      }),
    );
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** The directory was opened as the master's that it was: its term of this epoch begins behind `end`. Slaves may have commits that it has not. */
  wasMaster(epoch: number, end: number): void {
    const { control, handle } = this.#deps;
    const { handOver } = this.#parts;
    control.beginEpoch(epoch, end, handle.brokerName);
    handOver.takeHeld();
    handOver.awaitHandOver();
    this.#deps.onMaster();
  }

  async #lead(epochAbove: (known: number) => number): Promise<number> {
    const { term, ring, marks, control, handle } = this.#deps;
    const { node } = this.#parts;
    this.#checkSlave();
    await this.stopFollowing();
    const until = monotonicMs() + PROMOTE_MS;
    while (ring.indexed() !== ring.head() || !marks.controlIsApplied) {
      if (monotonicMs() > until) {
        throw new RingMQError('BROKER_BUSY', 'what came from the old master is not indexed yet; try again');
      }
      await delay(2);
    }
    if (this.#isClosing) {
      // The directory may be another process's soon.
      throw new RingMQError('BROKER_CLOSED');
    }
    continueQueues(control.state, this.#deps.catalog, this.#deps.table);
    const epoch = epochAbove(this.#parts.standing.end.knows);
    // Durable before anything says so: no epoch is given out twice.
    const isLed = this.#deps.options.controller !== undefined;
    node.write({ ...asMaster(node.facts, epoch), isLed, slaves: [] });
    this.#commitWhatCame(isLed);
    term.setEpoch(epoch);
    // Nobody else may append before the log says whose term it is.
    term.setRole(ROLE.fenced);
    control.beginEpoch(epoch, ring.toBytes(ring.head()), handle.brokerName);
    term.setRole(ROLE.master);
    new SharedText(handle.masterUrl).set(null);
    this.#parts.handOver.takeHeld();
    this.#deps.onMaster();
    this.onPromoted();
    return epoch;
  }

  /**
   * What came from the old master lies at one slave at least: this one. Where acks waited for no more than that it is committed, so all that was acked is
   * delivered while no slave is there yet, what is not written or not on the disk yet once it is. Otherwise it waits for slaves like what comes now, above what
   * the old master was heard to have committed. Under a controller it waits as well: another slave that is in sync may be the next master, and what consumers
   * saw has to be there. A master that is opened again knows it by its node file (engine/data/committed-keeper.ts).
   */
  #commitWhatCame(isLed: boolean): void {
    const { marks, ring, options } = this.#deps;
    marks.beginAt(Atomics.load(marks.words, REPLICAS_WORD.committed));
    if (!isLed && options.minInSync <= 1) {
      marks.inherit(ring.head());
    }
  }

  get #isClosing(): boolean {
    return Atomics.load(new Int32Array(this.#deps.handle.brokerWords), BROKER_WORD.closing) === 1;
  }

  #checkSlave(): void {
    if (this.#deps.term.role !== ROLE.slave) {
      throw new RingMQError('BAD_ARGUMENT', 'only a slave can be made the master');
    }
  }
}
