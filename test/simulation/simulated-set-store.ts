/** etcd, simulated: one order of all changes, leases by true time, answers that are late or never come. */
import type { Candidate, InSyncSet, Leader, SetView } from '../../engine/cluster/leadership.js';
import type { LeaseAnswer, SetStore } from '../../engine/cluster/set-store.js';
import type { SeededRandom } from '../crash/random.js';
import type { EventLine } from './event-line.js';

interface Key<T> {
  value: T;
  revision: number;
  lease: string;
}

/** What etcd keeps, and its leases. */
export class SimulatedEtcd {
  readonly #line: EventLine;
  readonly #leases = new Map<string, number>();
  readonly #watchers = new Set<() => void>();
  #revision = 1;
  #nextLease = 1;
  leader: Key<Leader> | null = null;
  term: Key<number> | null = null;
  inSync: Key<InSyncSet> | null = null;
  readonly candidates = new Map<string, Key<Candidate>>();

  constructor(line: EventLine) {
    this.#line = line;
  }

  view(): SetView {
    this.#expire();
    return {
      leader: this.leader?.value ?? null,
      leaderRevision: this.leader?.revision ?? 0,
      leaderLease: this.leader?.lease ?? '0',
      term: this.term?.value ?? 0,
      termRevision: this.term?.revision ?? 0,
      inSync: this.inSync?.value ?? null,
      inSyncRevision: this.inSync?.revision ?? 0,
      candidates: [...this.candidates.values()].map(({ value }) => value),
    };
  }

  grant(ttlMs: number): string {
    const lease = String(this.#nextLease++);
    this.#leases.set(lease, this.#line.now + ttlMs);
    // etcd looks for ended leases twice a second.
    this.#line.after(ttlMs + 250, () => this.#expire());
    return lease;
  }

  /** False: it has ended. */
  keep(lease: string, ttlMs: number): boolean {
    this.#expire();
    if (!this.#leases.has(lease)) {
      return false;
    }
    this.#leases.set(lease, this.#line.now + ttlMs);
    this.#line.after(ttlMs + 250, () => this.#expire());
    return true;
  }

  revoke(lease: string): void {
    this.#leases.delete(lease);
    this.#dropOf(lease);
  }

  announce(candidate: Candidate, lease: string): void {
    this.#needLease(lease);
    this.candidates.set(candidate.name, this.#key(candidate, lease));
    this.#changed();
  }

  take(view: SetView, leader: Leader, inSync: InSyncSet, lease: string): boolean {
    this.#needLease(lease);
    const is =
      this.leader === null &&
      (this.term?.revision ?? 0) === view.termRevision &&
      (this.inSync?.revision ?? 0) === view.inSyncRevision;
    if (is) {
      this.leader = this.#key(leader, lease);
      this.term = this.#key(leader.epoch, '0');
      this.inSync = this.#key(inSync, '0');
      this.#changed();
    }
    return is;
  }

  writeInSync(view: SetView, inSync: InSyncSet): boolean {
    this.#expire();
    const is =
      (this.leader?.revision ?? 0) === view.leaderRevision &&
      (this.inSync?.revision ?? 0) === view.inSyncRevision;
    if (is) {
      this.inSync = this.#key(inSync, '0');
      this.#changed();
    }
    return is;
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }

  #key<T>(value: T, lease: string): Key<T> {
    return { value, revision: ++this.#revision, lease };
  }

  #needLease(lease: string): void {
    this.#expire();
    if (!this.#leases.has(lease)) {
      throw new Error('requested lease not found');
    }
  }

  #expire(): void {
    for (const [lease, endsAt] of this.#leases) {
      if (endsAt <= this.#line.now) {
        this.revoke(lease);
      }
    }
  }

  #dropOf(lease: string): void {
    let dropped = this.leader?.lease === lease;
    if (dropped) {
      this.leader = null;
    }
    for (const [name, key] of this.candidates) {
      if (key.lease === lease) {
        this.candidates.delete(name);
        dropped = true;
      }
    }
    if (dropped) {
      this.#changed();
    }
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) {
      watcher();
    }
  }
}

/** What of the way between a node and etcd the schedule sets. */
export interface Way {
  /** Requests are lost. */
  isCut: boolean;
  /** Requests arrive, answers are lost. */
  losesAnswers: boolean;
  delayMs: number;
}

/** A node's way to etcd. `atNode` runs what happens at the node, once that is not paused. */
export class SimulatedSetStore implements SetStore {
  static readonly TIMEOUT_MS = 500;
  readonly way: Way = { isCut: false, losesAnswers: false, delayMs: 2 };
  readonly #etcd: SimulatedEtcd;
  readonly #line: EventLine;
  readonly #random: SeededRandom;
  readonly #atNode: (work: () => void) => void;
  readonly #now: () => number;
  #unwatch: () => void = () => {};
  #isClosed = false;

  constructor(
    etcd: SimulatedEtcd,
    line: EventLine,
    random: SeededRandom,
    now: () => number,
    atNode: (work: () => void) => void,
  ) {
    this.#etcd = etcd;
    this.#line = line;
    this.#random = random;
    this.#now = now;
    this.#atNode = atNode;
  }

  read(): Promise<SetView> {
    return this.#call(() => this.#etcd.view());
  }

  async grantLease(ttlSeconds: number): Promise<LeaseAnswer & { lease: string }> {
    const sentAtMs = this.#now();
    const lease = await this.#call(() => this.#etcd.grant(ttlSeconds * 1_000));
    return { lease, ttlSeconds, sentAtMs };
  }

  async keepAlive(lease: string): Promise<LeaseAnswer> {
    const sentAtMs = this.#now();
    const is = await this.#call(() => this.#etcd.keep(lease, 2_000));
    return { ttlSeconds: is ? 2 : 0, sentAtMs };
  }

  revokeLease(lease: string): Promise<void> {
    return this.#call(() => this.#etcd.revoke(lease));
  }

  announce(candidate: Candidate, lease: string): Promise<void> {
    return this.#call(() => this.#etcd.announce(candidate, lease));
  }

  take(view: SetView, leader: Leader, inSync: InSyncSet, lease: string): Promise<boolean> {
    return this.#call(() => this.#etcd.take(view, leader, inSync, lease));
  }

  writeInSync(view: SetView, _leader: Leader, inSync: InSyncSet): Promise<boolean> {
    return this.#call(() => this.#etcd.writeInSync(view, inSync));
  }

  watch(onChange: () => void): { close: () => void } {
    this.#unwatch = this.#etcd.watch(() =>
      this.#line.after(this.#delay(), () => {
        if (!this.way.isCut && !this.way.losesAnswers && !this.#isClosed) {
          this.#atNode(onChange);
        }
      }),
    );
    return { close: () => this.#unwatch() };
  }

  close(): void {
    this.#isClosed = true;
    this.#unwatch();
  }

  #delay(): number {
    return this.#random.between(1, 2 + this.way.delayMs);
  }

  #call<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (settle: () => void): void =>
        this.#atNode(() => {
          if (!isOver) {
            isOver = true;
            settle();
          }
        });
      this.#line.after(SimulatedSetStore.TIMEOUT_MS, () => over(() => reject(new Error('no answer'))));
      if (this.way.isCut) {
        return;
      }
      this.#line.after(this.#delay(), () => {
        let settle: () => void;
        try {
          const value = work();
          settle = () => resolve(value);
        } catch (error) {
          settle = () => reject(error);
        }
        if (!this.way.losesAnswers) {
          this.#line.after(this.#delay(), () => over(settle));
        }
      });
    });
  }
}
