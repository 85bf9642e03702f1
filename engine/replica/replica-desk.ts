/**
 * A master's slaves as the thread that opened the broker knows them: who may connect, which row is whose,
 * where each begins. Connections come and go on other threads; this one decides.
 */
import {
  FACT_FLAG,
  type ReplicaFacts,
  type ReplicaStanding,
  RingMQError,
} from '../../native-free/wire/index.js';
import { isLoopback } from '../../native-free/wire/loopback.js';
import type { ReplicaGreeting } from '../engine-thread.js';
import { MAX_REPLICAS, REPLICA_WORD, replicaRow } from '../term/replica-layout.js';
import type { ReplicaMarks } from '../term/replica-marks.js';
import { decide, isProof, proofOf } from './handshake.js';

export interface ReplicaDeskDeps {
  readonly marks: ReplicaMarks;
  /** Shared with the slaves; null: there are none, and only loopback is trusted. */
  readonly secrets: { readonly all: readonly Uint8Array[] } | null;
  /** A slave that was silent for so long is not in sync. */
  readonly maxLagMs: number;
  /** What this broker says of itself now; `begin` is of no account. */
  facts(): ReplicaFacts;
  /** Whether it is the master. */
  isMaster(): boolean;
  /** A snapshot of what control batches add up to: at least of all below `position`. */
  state(position: number): Uint8Array;
  /** A row's position in bytes. */
  toBytes(slots: number): number;
  /** A slave knows of a later master. */
  onFenced(epoch: number, slave: string): void;
  /** It follows this master from now on. */
  onSlave(name: string): void;
  now(): number;
}

/** Whom acks count, and for how many of them they wait. */
export interface CountRule {
  readonly members: readonly string[];
  readonly required: number;
  /** By name: one that has connected with another opening of its directory does not count. Who is not named counts with any. */
  readonly openings?: Readonly<Record<string, string>> | undefined;
}

/** Slaves' proofs are made and looked at under this, where there is no secret. */
const NO_SECRET = new Uint8Array(0);

export class ReplicaDesk {
  readonly #deps: ReplicaDeskDeps;
  /** Whose each row is. */
  readonly #names: (string | null)[] = new Array<string | null>(MAX_REPLICAS).fill(null);
  /** Of the directory of the slave that spoke for the row last; undefined: it does not say. */
  readonly #openings: (string | undefined)[] = [];
  /** Whom acks count, where a controller keeps that. */
  #rule: CountRule | null = null;

  constructor(deps: ReplicaDeskDeps) {
    this.#deps = deps;
  }

  /** The slave whose row it is; null: nobody's. */
  nameOf(row: number): string | null {
    return this.#names[row] ?? null;
  }

  /** The master's proof for a slave that gave the right one; null for any other. */
  prove(
    slaveNonce: Uint8Array,
    masterNonce: Uint8Array,
    proof: Uint8Array,
    remote: string,
  ): Uint8Array | null {
    const { secrets } = this.#deps;
    if (secrets === null && !isLoopback(remote.replace(/^::ffff:/, ''))) {
      return null;
    }
    const key = (secrets?.all ?? [NO_SECRET]).find((secret) =>
      isProof(proof, proofOf(secret, 'slave', slaveNonce, masterNonce)),
    );
    return key === undefined ? null : proofOf(key, 'master', slaveNonce, masterNonce);
  }

  /** @throws RingMQError NOT_MASTER, BAD_ARGUMENT for one that is no slave of this master, BROKER_BUSY with too many slaves */
  greet(slave: ReplicaFacts): ReplicaGreeting {
    if (!this.#deps.isMaster()) {
      throw new RingMQError('NOT_MASTER');
    }
    const master = this.#deps.facts();
    const decision = decide(master, slave);
    if (decision.kind === 'refused') {
      throw new RingMQError('BAD_ARGUMENT', decision.why);
    }
    if (decision.kind === 'fenced') {
      this.#deps.onFenced(decision.epoch, slave.name);
      throw new RingMQError('NOT_MASTER', `there is a later master: epoch ${decision.epoch}`);
    }
    const row = this.#rowOf(slave.name);
    this.#openings[row] = slave.opening;
    this.#tellRule();
    this.#deps.onSlave(slave.name);
    const at = replicaRow(row);
    const { words } = this.#deps.marks;
    // An older connection of this slave is deaf and dumb from here on, so it cannot say of this one that it
    // is in sync.
    const link = (Atomics.add(words, at + REPLICA_WORD.link, 1) + 1) | 0;
    Atomics.store(words, at + REPLICA_WORD.connected, 0);
    Atomics.store(words, at + REPLICA_WORD.inSync, 0);
    Atomics.store(words, at + REPLICA_WORD.heardAt, this.#deps.now() | 0);
    Atomics.store(words, at + REPLICA_WORD.state, 1);
    this.#deps.marks.changed();
    // What it had beyond that, topics say, may be in its own state: it takes the master's instead.
    const wantsState = decision.kind === 'anew' || decision.isParted;
    const flags = master.flags | (wantsState ? FACT_FLAG.hasState : 0);
    return {
      facts: { ...master, flags, begin: decision.position },
      row,
      link,
      state: wantsState ? this.#deps.state(decision.position) : null,
    };
  }

  /** How the slaves are. In sync is who counts; with a controller it has to have it in the set, too. */
  list(): ReplicaStanding[] {
    return this.#standings((row) => this.#deps.marks.counts(row));
  }

  /** The same, where `inSync` says that a slave is near enough to be counted. */
  near(): ReplicaStanding[] {
    return this.#standings((row) => this.#deps.marks.isNear(row));
  }

  /** Which opening of its directory that slave has connected with last; undefined: it does not say. */
  openingOf(name: string): string | undefined {
    return this.#openings[this.#names.indexOf(name)];
  }

  #standings(isInSync: (row: number) => boolean): ReplicaStanding[] {
    const { marks, now } = this.#deps;
    return this.#names.flatMap((name, row) => {
      if (name === null) {
        return [];
      }
      const at = replicaRow(row);
      const word = (which: keyof typeof REPLICA_WORD): number =>
        Atomics.load(marks.words, at + REPLICA_WORD[which]);
      return [
        {
          name,
          inSync: isInSync(row),
          connected: word('connected') === 1,
          received: this.#deps.toBytes(word('received')),
          flushed: this.#deps.toBytes(word('flushed')),
          lagBytes: word('lagKiB') * 1024,
          lagMs: word('lagMs') + Math.max(0, ((now() | 0) - word('heardAt')) | 0),
        },
      ];
    });
  }

  /** A slave whose connection's thread has died does not count for ever. True when one fell out. */
  sweep(): boolean {
    const { marks, maxLagMs, now } = this.#deps;
    let changed = false;
    for (let row = 0; row < MAX_REPLICAS; row++) {
      const at = replicaRow(row);
      const silentMs = ((now() | 0) - Atomics.load(marks.words, at + REPLICA_WORD.heardAt)) | 0;
      if (silentMs > maxLagMs) {
        Atomics.store(marks.words, at + REPLICA_WORD.connected, 0);
      }
      if (Atomics.load(marks.words, at + REPLICA_WORD.inSync) === 1 && silentMs > maxLagMs) {
        Atomics.store(marks.words, at + REPLICA_WORD.inSync, 0);
        changed = true;
      }
    }
    if (changed) {
      marks.changed();
    }
    return changed;
  }

  /** Acks count these slaves only, and wait for so many of them. For a set with a controller. */
  countBy(rule: CountRule): void {
    this.#rule = rule;
    this.#tellRule();
  }

  #tellRule(): void {
    if (this.#rule !== null) {
      const { members, required, openings } = this.#rule;
      let rows = 0;
      for (const [row, name] of this.#names.entries()) {
        if (name === null || !members.includes(name)) {
          continue;
        }
        const isNamed = openings !== undefined && Object.hasOwn(openings, name);
        rows |= !isNamed || openings[name] === this.#openings[row] ? 1 << row : 0;
      }
      this.#deps.marks.setRule(rows, required);
    }
  }

  #rowOf(name: string): number {
    const known = this.#names.indexOf(name);
    if (known >= 0) {
      return known;
    }
    const free = this.#names.indexOf(null);
    const row = free >= 0 ? free : this.#longestGone();
    if (row < 0) {
      throw new RingMQError('BROKER_BUSY', `there are ${MAX_REPLICAS} slaves, which is the limit`);
    }
    this.#names[row] = name;
    // The row may have been another's, who counted; nobody in it is in sync now.
    this.#tellRule();
    const { words } = this.#deps.marks;
    for (const word of [
      REPLICA_WORD.received,
      REPLICA_WORD.flushed,
      REPLICA_WORD.lagMs,
      REPLICA_WORD.lagKiB,
    ]) {
      Atomics.store(words, replicaRow(row) + word, 0);
    }
    return row;
  }

  /** Of the rows whose slaves are not in sync, the one that was not heard of for longest; -1: all are in sync. */
  #longestGone(): number {
    const { words } = this.#deps.marks;
    const now = this.#deps.now() | 0;
    let found = -1;
    let longest = -1;
    for (let row = 0; row < MAX_REPLICAS; row++) {
      const at = replicaRow(row);
      const silentMs = (now - Atomics.load(words, at + REPLICA_WORD.heardAt)) >>> 0;
      if (Atomics.load(words, at + REPLICA_WORD.inSync) === 0 && silentMs > longest) {
        found = row;
        longest = silentMs;
      }
    }
    return found;
  }
}
