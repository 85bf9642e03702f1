/** What the broker's role, master or slave, lets a thread do, as of now: any thread may have moved it. */
import { ERRORS } from '../../native-free/wire/index.js';
import type { ClusterPlace } from '../engine-thread.js';
import type { Lane } from '../lane/lane.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { ROLE } from '../term/shared-words.js';
import type { Term } from '../term/term.js';
import type { ThreadParts } from './thread-parts.js';

export class BrokerRole {
  readonly #term: Term;
  readonly #place: ThreadParts['place'];
  readonly #replicas: ReplicaMarks;
  readonly #waitsForSlaves: boolean;
  readonly #isLeased: boolean;

  constructor({ term, place, replicas }: Pick<ThreadParts, 'term' | 'place' | 'replicas'>) {
    this.#term = term;
    this.#place = place;
    this.#replicas = replicas;
    this.#waitsForSlaves = replicas.isSync;
    this.#isLeased = term.isLeased;
  }

  /** With a controller: the time that it has given this broker as master is over. It may get more. */
  get isOverdue(): boolean {
    return this.#isLeased && !this.#term.isHeld;
  }

  /**
   * Why a batch is refused; 0: it is not. A slave takes nothing but its master's log; a master under sync
   * replication nothing that no slave would get.
   */
  refusal(lane: Lane): number {
    if (this.#term.role !== ROLE.master || this.isOverdue) {
      return ERRORS.NOT_MASTER.wire;
    }
    return this.#waitsForSlaves && lane.persisted && this.#replicas.refuses()
      ? ERRORS.NOT_ENOUGH_REPLICAS.wire
      : 0;
  }

  /** Where the broker stands among others, as clients are told. */
  get place(): ClusterPlace {
    const { cluster, brokerSet, master } = this.#place;
    const isMaster = this.#term.role === ROLE.master;
    return {
      role: isMaster ? 'master' : 'slave',
      cluster,
      brokerSet,
      epoch: this.#term.epoch,
      master: isMaster ? null : master.get(),
    };
  }
}
