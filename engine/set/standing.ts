/** Says of this broker's log what its set has to know: to its master or its slaves, and to a controller. */
import { FACT_FLAG, type ReplicaFacts } from '../../native-free/wire/index.js';
import type { ControlLog } from '../control/control-log.js';
import type { BrokerHandle } from '../handle.js';
import type { ResolvedEngineOptions } from '../options.js';
import type { Ring } from '../ring/index.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { ROLE } from '../term/shared-words.js';
import type { Term } from '../term/term.js';
import type { NodeKeeper } from './node-keeper.js';

export interface StandingDeps {
  readonly options: ResolvedEngineOptions;
  readonly handle: BrokerHandle;
  readonly term: Term;
  readonly marks: ReplicaMarks;
  readonly ring: Ring;
  readonly control: ControlLog;
  /** Where the oldest segment begins. */
  oldestPosition(): number;
}

/** Where a log ends. */
export interface LogEnd {
  /** All of it is indexed, and what it says of topics and groups applied. */
  isSettled: boolean;
  /** Whose term the end is of. */
  epoch: number;
  position: number;
  /** The highest epoch that this broker knows of. */
  knows: number;
}

export class Standing {
  readonly #deps: StandingDeps;
  readonly #node: NodeKeeper;

  constructor(deps: StandingDeps, node: NodeKeeper) {
    this.#deps = deps;
    this.#node = node;
  }

  /**
   * Of a master under sync replication: nothing behind this place in the log was acked. What it took over counts
   * as acked, all of it: the masters before it have told nobody how far exactly they were.
   */
  get ackedPosition(): number {
    const { ring, marks, term, control } = this.#deps;
    const begun = control.state.epochs.starts.findLast(({ epoch }) => epoch === term.epoch);
    return Math.max(ring.toBytes(marks.reached), begun?.position ?? this.end.position);
  }

  get end(): LogEnd {
    const { term, ring, marks, control } = this.#deps;
    const position = ring.toBytes(ring.head());
    const { starts } = control.state.epochs;
    return {
      isSettled: ring.indexed() === ring.head() && marks.controlIsApplied,
      // The state may be newer than the log, where it came from a master as a whole.
      epoch: starts.findLast((start) => start.position < position)?.epoch ?? 0,
      position,
      knows: Math.max(term.epoch, control.state.epochs.last, this.#node.facts.epoch),
    };
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
      epoch: Math.max(term.epoch, this.#node.facts.epoch),
      // The state may be newer than the log, where it came from a master as a whole.
      epochs: starts.filter(({ position }) => position <= end),
      begin: 0,
      committed: 0,
      name: handle.brokerName,
      set: handle.brokerSet,
      cluster: handle.cluster,
    };
  }

  /** Of a log that began with a master's oldest segment the files may reach further down. */
  #start(): number {
    return Math.max(this.#deps.oldestPosition(), this.#node.facts.start);
  }
}
