/**
 * Carries out what `decide` says, for one member of one broker set: keeps its lease, reads the set at every
 * change and some times a second, and has the broker lead, follow or stand still. What it may still ack is
 * the lease's time, told at every answer.
 */
import { clearInterval, monotonicMs, setInterval, setTimeout } from '../../native-free/time/index.js';
import {
  type Decision,
  decide,
  type Follower,
  type InSyncSet,
  type Leader,
  nextInSync,
  type SetView,
  type Standing,
} from './leadership.js';
import { LeaseJudge } from './lease-judge.js';
import type { SetStore } from './set-store.js';

/** A set's member as the loop moves it: a broker, or a test's. */
export interface SetMember {
  readonly name: string;
  readonly url: string;
  readonly mayFound: boolean;
  /** Slaves that an ack waits for; 0 under async replication. */
  readonly minInSync: number;
  readonly mayDegrade: boolean;
  /** The term it leads, whether its log stands still, where that ends, and the highest epoch that it has heard of. */
  state(): Pick<Standing, 'leads' | 'isStill' | 'end' | 'knows' | 'log'>;
  /** Resolves once it follows nobody and its log does not grow. */
  standStill(): Promise<void>;
  follow(leader: Leader): Promise<void>;
  /** Opens as master of this term, above every other that it knows; of one that it leads already: goes on. */
  lead(epoch: number): Promise<void>;
  /** It may ack until then, by the monotonic clock of the process. -Infinity: not at all. */
  mayAckUntil(untilMs: number): void;
  /** Acks count these members only, and wait for so many of them, itself included. */
  countAcksBy(rule: InSyncSet): void;
  followers(): { followers: readonly Follower[]; acked: number };
  /** For the log: what has changed and why. */
  tell(message: string, details: object): void;
}

/** What the loop knows of time. The simulator has another. */
export interface LoopClock {
  /** Monotonic, ms; never the wall clock. */
  now(): number;
  every(ms: number, work: () => void): { stop: () => void };
  wait(ms: number): Promise<void>;
}

const REAL_CLOCK: LoopClock = {
  now: monotonicMs,
  every: (ms, work) => {
    const timer = setInterval(work, ms);
    return { stop: () => clearInterval(timer) };
  },
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

export interface LeaderLoopOptions {
  /** Seconds; etcd gives no less than 2 under its usual settings. Default 2. */
  leaseSeconds?: number;
  /** How often the lease is kept alive, in ms. Default 400. */
  keepAliveMs?: number;
  /** How often the set is read although nothing was heard, in ms. Default 400. */
  readMs?: number;
  /** See `Standing.patienceMs`; counts under async replication only. Default 1000. */
  patienceMs?: number;
  clock?: LoopClock;
}

export class LeaderLoop {
  readonly #store: SetStore;
  readonly #member: SetMember;
  readonly #judge = new LeaseJudge();
  readonly #leaseSeconds: number;
  readonly #patienceMs: number;
  readonly #timers: { stop: () => void }[];
  readonly #clock: LoopClock;
  readonly #watch: { close: () => void };
  #lease: string | null = null;
  #isGranting = false;
  #leaderlessSinceMs: number | null = null;
  /** What acks are counted by now; null before it leads. */
  #rule: InSyncSet | null = null;
  #running: Promise<void> | null = null;
  #isAskedAgain = false;
  #isResting = false;
  #isClosed = false;
  #lastTold = '';
  /** What has failed, was told, and has not worked since. */
  readonly #failing = new Set<string>();

  constructor(store: SetStore, member: SetMember, options: LeaderLoopOptions = {}) {
    this.#store = store;
    this.#member = member;
    this.#leaseSeconds = options.leaseSeconds ?? 2;
    this.#patienceMs = options.patienceMs ?? 1_000;
    this.#clock = options.clock ?? REAL_CLOCK;
    this.#timers = [
      this.#clock.every(options.keepAliveMs ?? 400, () => void this.#keepLease()),
      this.#clock.every(options.readMs ?? 400, () => this.#wake()),
    ];
    this.#watch = store.watch(() => this.#wake());
    void this.#keepLease();
    this.#wake();
  }

  /**
   * Decides nothing more, and keeps its lease: what has been taken may be acked while the broker ends. That
   * its slaves lose it meanwhile puts none of them out of the set, as one of them is to lead next.
   */
  rest(): void {
    this.#isResting = true;
  }

  /** Stops acking, gives the lease back so that others need not wait for its end, and ends. */
  async close(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    for (const timer of this.#timers) {
      timer.stop();
    }
    this.#watch.close();
    this.#judge.lose();
    this.#member.mayAckUntil(this.#judge.untilMs);
    await this.#running;
    if (this.#lease !== null) {
      await this.#store.revokeLease(this.#lease).catch(() => {});
    }
    this.#store.close();
  }

  /** One step at a time; whatever happens meanwhile brings another. */
  #wake(): void {
    if (this.#isClosed || this.#isResting) {
      return;
    }
    if (this.#running !== null) {
      this.#isAskedAgain = true;
      return;
    }
    this.#running = this.#step()
      .catch((error: unknown) => this.#fails(NO_ANSWER, error))
      .finally(() => {
        this.#running = null;
        if (this.#isAskedAgain) {
          this.#isAskedAgain = false;
          this.#wake();
        }
      });
  }

  async #step(): Promise<void> {
    const view = await this.#store.read();
    this.#works(NO_ANSWER);
    if (this.#isResting) {
      return;
    }
    const now = this.#clock.now();
    this.#leaderlessSinceMs = view.leader === null ? (this.#leaderlessSinceMs ?? now) : null;
    const decision = decide(view, {
      name: this.#member.name,
      url: this.#member.url,
      lease: this.#lease,
      mayFound: this.#member.mayFound,
      leaderlessMs: this.#leaderlessSinceMs === null ? 0 : now - this.#leaderlessSinceMs,
      patienceMs: this.#member.minInSync === 0 ? this.#patienceMs : null,
      ...this.#member.state(),
    });
    try {
      await this.#carryOut(view, decision);
    } catch (error) {
      this.#tellOnce('what was decided could not be done, and is tried again', {
        ...decision,
        error: String(error),
      });
    }
  }

  async #carryOut(view: SetView, decision: Decision): Promise<void> {
    const member = this.#member;
    switch (decision.act) {
      case 'stay':
        if (view.leader?.name === member.name && member.state().leads === view.leader.epoch) {
          await this.#lookAfterSet(view, view.leader);
        } else {
          this.#tellOnce(`waiting: ${decision.why}`, {});
        }
        return;
      case 'follow':
        this.#rule = null;
        member.mayAckUntil(Number.NEGATIVE_INFINITY);
        this.#tellOnce(`following ${decision.leader.name}`, decision.leader);
        await member.follow(decision.leader);
        return;
      case 'stand-still':
        this.#tellOnce('the set has no master', { term: view.term });
        await member.standStill();
        this.#isAskedAgain = true;
        return;
      case 'stand-aside':
        this.#rule = null;
        member.mayAckUntil(Number.NEGATIVE_INFINITY);
        this.#tellOnce('this broker takes no part in its set', { error: decision.why });
        return;
      case 'announce':
        if (this.#lease !== null) {
          await this.#store.announce(decision.candidate, this.#lease);
          this.#isAskedAgain = true;
        }
        return;
      case 'resign':
        this.#tellOnce(decision.why, {});
        await this.#resign();
        return;
      case 'take':
        await this.#take(view, decision);
        return;
      case 'lead':
        await this.#lead(decision.epoch, decision.inSync);
    }
  }

  /** Another lease comes with the next keep-alive. */
  async #resign(): Promise<void> {
    const lease = this.#lease;
    this.#lease = null;
    this.#rule = null;
    this.#judge.lose();
    this.#tellLease();
    if (lease !== null) {
      await this.#store.revokeLease(lease);
    }
  }

  async #take(view: SetView, { epoch, inSync }: Extract<Decision, { act: 'take' }>): Promise<void> {
    const lease = this.#lease;
    if (lease === null || !this.#judge.isHeld(this.#clock.now())) {
      await this.#keepLease();
      return;
    }
    const leader = { name: this.#member.name, url: this.#member.url, epoch };
    if (!(await this.#store.take(view, leader, inSync, lease))) {
      this.#isAskedAgain = true;
      return;
    }
    await this.#lead(epoch, inSync);
  }

  async #lead(epoch: number, inSync: InSyncSet): Promise<void> {
    const lease = this.#lease;
    this.#member.countAcksBy(inSync);
    await this.#member.lead(epoch);
    if (lease === this.#lease) {
      this.#rule = inSync;
      this.#tellLease();
      this.#tellOnce('leading', { epoch });
    }
    this.#isAskedAgain = true;
  }

  /** Writes the in-sync set when it has changed. While etcd may have the one or the other, acks satisfy both. */
  async #lookAfterSet(view: SetView, leader: Leader): Promise<void> {
    const now = view.inSync;
    if (now === null) {
      return;
    }
    this.#count(now);
    const { minInSync, mayDegrade, name } = this.#member;
    const wanted = (): InSyncSet | null => {
      const { followers, acked } = this.#member.followers();
      const next = nextInSync(name, now, followers, acked, minInSync, mayDegrade);
      const { log } = this.#member.state();
      // An earlier version wrote it without.
      return next === null && log === now.log ? null : { ...(next ?? now), log };
    };
    const first = wanted();
    if (first === null) {
      return;
    }
    this.#count(bothRules(now, first));
    // Other threads ack; whatever they had decided before they saw the rule is acked now, and looked at here.
    await this.#clock.wait(RULE_SEEN_MS);
    const next = this.#isResting ? null : wanted();
    if (next === null || !isSameSet(next, first)) {
      this.#count(now);
      return;
    }
    // Without an answer nobody knows which it is: both rules hold until it was read.
    if (await this.#store.writeInSync(view, leader, next)) {
      this.#count(next);
      this.#member.tell('the in-sync set has changed', next);
    }
    this.#isAskedAgain = true;
  }

  #count(rule: InSyncSet): void {
    if (this.#rule === null || !isSameSet(this.#rule, rule)) {
      this.#rule = rule;
      this.#member.countAcksBy(rule);
    }
  }

  async #keepLease(): Promise<void> {
    try {
      if (this.#lease === null) {
        await this.#grant();
        return;
      }
      const lease = this.#lease;
      const { ttlSeconds, sentAtMs } = await this.#store.keepAlive(lease);
      this.#works(NOT_KEPT);
      if (lease !== this.#lease || this.#isClosed) {
        return;
      }
      if (ttlSeconds <= 0) {
        this.#lease = null;
        this.#judge.lose();
        this.#tellOnce('its lease has ended', {});
        await this.#grant();
      } else {
        this.#judge.answered(sentAtMs, ttlSeconds);
      }
      this.#tellLease();
    } catch (error) {
      this.#fails(NOT_KEPT, error);
    }
  }

  async #grant(): Promise<void> {
    if (this.#isGranting || this.#isClosed) {
      return;
    }
    this.#isGranting = true;
    try {
      const { lease, ttlSeconds, sentAtMs } = await this.#store.grantLease(this.#leaseSeconds);
      this.#works(NOT_KEPT);
      if (this.#isClosed) {
        await this.#store.revokeLease(lease);
        return;
      }
      this.#lease = lease;
      this.#judge.lose();
      this.#judge.answered(sentAtMs, ttlSeconds);
      // The leader's key hangs on the old lease: nothing may be acked by the new one before the set was taken
      // with it.
      this.#rule = null;
      this.#wake();
    } finally {
      this.#isGranting = false;
    }
  }

  #tellLease(): void {
    const isLeading = this.#rule !== null && this.#member.state().leads !== null;
    this.#member.mayAckUntil(isLeading ? this.#judge.untilMs : Number.NEGATIVE_INFINITY);
  }

  /** Told once, however often it is tried and whatever else fails meanwhile. */
  #fails(what: string, error: unknown): void {
    if (!this.#failing.has(what)) {
      this.#failing.add(what);
      this.#member.tell(what, { error: String(error) });
    }
  }

  /** Who reads that it failed reads next how things are. */
  #works(what: string): void {
    if (this.#failing.delete(what)) {
      this.#lastTold = '';
    }
  }

  /** The same state is told once, not with every step. */
  #tellOnce(message: string, details: object): void {
    const line = `${message} ${JSON.stringify(details)}`;
    if (line !== this.#lastTold) {
      this.#lastTold = line;
      this.#member.tell(message, details);
    }
  }
}

const NO_ANSWER = 'the controller does not answer';
const NOT_KEPT = 'its lease could not be kept';

/** After so long every thread of the broker counts by a rule that was set before. */
const RULE_SEEN_MS = 20;

/** Acks that satisfy both: only members of both count, and the larger number is waited for. */
export function bothRules(a: InSyncSet, b: InSyncSet): InSyncSet {
  return {
    members: a.members.filter((member) => b.members.includes(member)),
    required: Math.max(a.required, b.required),
  };
}

function isSameSet(a: InSyncSet, b: InSyncSet): boolean {
  return (
    a.required === b.required &&
    a.members.length === b.members.length &&
    a.members.every((member) => b.members.includes(member))
  );
}
