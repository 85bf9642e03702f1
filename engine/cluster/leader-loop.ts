/**
 * Carries out what `decide` says, for one member of one broker set: keeps its lease, reads the set at every
 * change and some times a second, and has the broker lead, follow or stand still. What it may still ack is
 * the lease's time, told at every answer.
 */
import { clearInterval, monotonicMs, setInterval, setTimeout } from '../../native-free/time/index.js';
import { AckRule } from './ack-rule.js';
import { type Decision, decide, type InSyncSet, type SetView } from './leadership.js';
import { LeaseJudge } from './lease-judge.js';
import type { SetMember } from './set-member.js';
import type { SetStore } from './set-store.js';

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
  readonly #rule: AckRule;
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
    this.#rule = new AckRule(store, member, {
      wait: (ms) => this.#clock.wait(ms),
      isResting: () => this.#isResting,
    });
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
    const isWaiting = decision.act === 'stand-aside' || decision.act === 'stay';
    member.waitsFor(isWaiting && member.state().leads === null ? decision.why : null);
    switch (decision.act) {
      case 'stay':
        if (view.leader?.name === member.name && member.state().leads === view.leader.epoch) {
          if (await this.#rule.lookAfter(view, view.leader)) {
            this.#isAskedAgain = true;
          }
        } else {
          this.#tellOnce(`waiting: ${decision.why}`, {});
        }
        return;
      case 'follow':
        this.#rule.end();
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
        this.#rule.end();
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
    this.#rule.end();
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
    this.#member.takePart();
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
      this.#rule.begin(inSync);
      this.#tellLease();
      this.#tellOnce('leading', { epoch });
    }
    this.#isAskedAgain = true;
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
      this.#rule.end();
      this.#wake();
    } finally {
      this.#isGranting = false;
    }
  }

  #tellLease(): void {
    const isLeading = this.#rule.isSet && this.#member.state().leads !== null;
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
