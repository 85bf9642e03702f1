/**
 * A broker set whose members are the real leader loops over a simulated etcd, with a log that is a list of
 * values, on clocks that run apart, through pauses, crashes, cuts and lost answers: a schedule from a seed.
 * Says whether an ack was broken.
 */
import { LeaderLoop, type LoopClock, type SetMember } from '../../engine/cluster/leader-loop.js';
import type { Follower, InSyncSet, Leader } from '../../engine/cluster/leadership.js';
import type { SetStore } from '../../engine/cluster/set-store.js';
import { SeededRandom } from '../crash/random.js';
import { EventLine } from './event-line.js';
import { SimulatedEtcd, SimulatedSetStore } from './simulated-set-store.js';

interface Entry {
  epoch: number;
  value: number;
}

export interface LeaderRun {
  acked: number;
  terms: number;
  faults: string[];
}

/** What a mutant does otherwise: each has to be found. */
export interface Mutation {
  /** Between a loop and its member, or its store. */
  member?: (member: SetMember, node: SimulatedMember) => SetMember;
  store?: (store: SetStore, node: SimulatedMember) => SetStore;
}

const NAMES = ['a', 'a-slave-1', 'a-slave-2'];
const RUN_MS = 30_000;
const HEAL_MS = 12_000;

export class SimulatedMember implements SetMember {
  readonly name: string;
  readonly url = '';
  readonly mayFound: boolean;
  readonly minInSync: number;
  readonly mayDegrade = false;
  log: Entry[] = [];
  leads: number | null = null;
  isStill = true;
  follows: string | null = null;
  untilMs = Number.NEGATIVE_INFINITY;
  rule: InSyncSet = { members: [], required: Number.POSITIVE_INFINITY };
  /** What each slave has said that it has, in this term. */
  received = new Map<string, { length: number; heardAt: number }>();
  ackedLength = 0;
  isDown = false;
  isPaused = false;
  /** What came while it was paused. */
  readonly waiting: (() => void)[] = [];
  /** Its clock against true time. */
  readonly rate: number;
  readonly offset: number;
  life = 0;

  constructor(name: string, minInSync: number, random: SeededRandom) {
    this.name = name;
    this.mayFound = name === 'a';
    this.minInSync = minInSync;
    this.rate = 1 + (random.next() - 0.5) * 0.02;
    this.offset = random.between(0, 1_000_000);
  }

  state(): ReturnType<SetMember['state']> {
    const end = { epoch: this.log.at(-1)?.epoch ?? 0, position: this.log.length };
    return { leads: this.leads, isStill: this.isStill, end, knows: end.epoch };
  }
  async standStill(): Promise<void> {
    this.leads = null;
    this.follows = null;
    this.isStill = true;
  }
  async follow(leader: Leader): Promise<void> {
    this.leads = null;
    this.isStill = false;
    this.follows = leader.name;
  }
  async lead(epoch: number): Promise<void> {
    this.follows = null;
    this.isStill = false;
    if (this.leads !== epoch) {
      this.leads = epoch;
      this.received = new Map();
      this.log.push({ epoch, value: -epoch });
      this.ackedLength = 0;
    }
  }
  mayAckUntil(untilMs: number): void {
    this.untilMs = untilMs;
  }
  countAcksBy(rule: InSyncSet): void {
    this.rule = rule;
  }
  followers(): { followers: readonly Follower[]; acked: number } {
    const followers = [...this.received].map(([name, { length }]) => ({
      name,
      received: length,
      isInSync: this.log.length - length < 50,
    }));
    return { followers, acked: this.ackedLength };
  }
  tell(): void {}
}

export class LeaderMachine {
  readonly #random: SeededRandom;
  readonly #line = new EventLine();
  readonly #etcd: SimulatedEtcd;
  readonly #members: SimulatedMember[];
  readonly #mutation: Mutation;
  readonly #loops = new Map<string, LeaderLoop>();
  readonly #stores = new Map<string, SimulatedSetStore>();
  /** Links between members that are cut, as `a b`. */
  readonly #cut = new Set<string>();
  /** Values in the order they were acked, with the epoch of their entry. */
  readonly #acked = new Map<number, number>();
  readonly #faults: string[] = [];
  readonly #terms = new Map<number, string>();
  #nextValue = 1;
  #isHealing = false;

  constructor(seed: number, minInSync = 1, mutation: Mutation = {}) {
    this.#random = new SeededRandom(seed);
    this.#etcd = new SimulatedEtcd(this.#line);
    this.#mutation = mutation;
    this.#members = NAMES.map((name) => new SimulatedMember(name, minInSync, this.#random));
  }

  async run(): Promise<LeaderRun> {
    for (const member of this.#members) {
      this.#boot(member);
      this.#repeat(
        () => this.#random.between(20, 60),
        () => this.#at(member, () => this.#replicate(member)),
      );
      this.#repeat(
        () => this.#random.between(10, 40),
        () => this.#at(member, () => this.#append(member)),
      );
    }
    this.#repeat(
      () => this.#random.between(100, 1_500),
      () => this.#trouble(),
    );
    await this.#line.runUntil(RUN_MS);
    this.#isHealing = true;
    this.#heal();
    await this.#line.runUntil(RUN_MS + HEAL_MS);
    this.#checkEnd();
    return { acked: this.#acked.size, terms: this.#terms.size, faults: this.#faults };
  }

  #clockOf(member: SimulatedMember): LoopClock {
    const { life } = member;
    const isAlive = (): boolean => member.life === life && !member.isDown;
    return {
      now: () => member.offset + this.#line.now * member.rate,
      every: (ms, work) => {
        let isStopped = false;
        this.#repeat(
          () => ms / member.rate,
          () => {
            if (!isStopped && isAlive()) {
              this.#at(member, () => isAlive() && work());
            }
          },
          () => !isStopped && member.life === life,
        );
        return {
          stop: () => {
            isStopped = true;
          },
        };
      },
      wait: (ms) =>
        new Promise((resolve) =>
          this.#line.after(ms / member.rate, () => this.#at(member, () => isAlive() && resolve())),
        ),
    };
  }

  #boot(member: SimulatedMember): void {
    member.isDown = false;
    member.life++;
    const { life } = member;
    const clock = this.#clockOf(member);
    const atNode = (work: () => void): void =>
      this.#at(member, () => {
        if (member.life === life && !member.isDown) {
          work();
        }
      });
    const store = new SimulatedSetStore(this.#etcd, this.#line, this.#random, clock.now, atNode);
    this.#stores.set(member.name, store);
    const { member: asMember, store: asStore } = this.#mutation;
    this.#loops.set(
      member.name,
      new LeaderLoop(asStore?.(store, member) ?? store, asMember?.(member, member) ?? member, { clock }),
    );
  }

  /** What happens at a node: at once, or when it goes on. */
  #at(member: SimulatedMember, work: () => void): void {
    if (member.isPaused) {
      member.waiting.push(work);
    } else {
      work();
    }
  }

  #repeat(everyMs: () => number, work: () => void, goesOn: () => boolean = () => true): void {
    const next = (): void =>
      this.#line.after(everyMs(), () => {
        if (goesOn()) {
          work();
          next();
        }
      });
    next();
  }

  #append(member: SimulatedMember): void {
    if (member.isDown || member.leads === null) {
      return;
    }
    this.#noteTerm(member);
    member.log.push({ epoch: member.leads, value: this.#nextValue++ });
    this.#ack(member);
  }

  /** A slave fetches from the master that it follows, which hears of it later. */
  #replicate(slave: SimulatedMember): void {
    const master = this.#members.find(({ name }) => name === slave.follows);
    if (slave.isDown || master === undefined || master.isDown || master.isPaused || master.leads === null) {
      return;
    }
    const epoch = master.leads;
    if (this.#cut.has(link(slave, master)) || epoch < (slave.log.at(-1)?.epoch ?? 0)) {
      return;
    }
    let common = 0;
    while (common < slave.log.length && slave.log[common]?.value === master.log[common]?.value) {
      common++;
    }
    slave.log = [...slave.log.slice(0, common), ...master.log.slice(common, common + 40)];
    const { length } = slave.log;
    this.#line.after(this.#random.between(1, 30), () =>
      this.#at(master, () => {
        if (!master.isDown && master.leads === epoch && !this.#cut.has(link(slave, master))) {
          const before = master.received.get(slave.name)?.length ?? 0;
          master.received.set(slave.name, {
            length: Math.max(before, length),
            heardAt: this.#line.now,
          });
          this.#ack(master);
        }
      }),
    );
  }

  #ack(master: SimulatedMember): void {
    const now = master.offset + this.#line.now * master.rate;
    if (master.leads === null || now >= master.untilMs || !master.rule.members.includes(master.name)) {
      return;
    }
    const have = master.rule.members
      .map((name) => (name === master.name ? master.log.length : (master.received.get(name)?.length ?? 0)))
      .sort((a, b) => b - a);
    const length = Math.min(have[master.rule.required - 1] ?? 0, master.log.length);
    const needed = 1 + master.minInSync;
    for (let at = master.ackedLength; at < length; at++) {
      const { value, epoch } = master.log[at] as Entry;
      // A new master alone acks nothing under sync replication: its rule names fewer than an ack waits for.
      if (master.rule.required < needed) {
        return;
      }
      this.#acked.set(value, epoch);
      master.ackedLength = at + 1;
      const rival = this.#members.find(
        (other) => other !== master && other.leads !== null && other.leads > (master.leads as number),
      );
      if (rival !== undefined && value > 0) {
        this.#fault(
          `${master.name} acked ${value} in epoch ${master.leads} while ${rival.name} led epoch ${rival.leads}`,
        );
      }
    }
  }

  #noteTerm(member: SimulatedMember): void {
    const epoch = member.leads as number;
    const before = this.#terms.get(epoch);
    if (before !== undefined) {
      if (before !== member.name) {
        this.#fault(`${before} and ${member.name} led epoch ${epoch}`);
      }
      return;
    }
    this.#terms.set(epoch, member.name);
    const values = new Set(member.log.map(({ value }) => value));
    for (const [value, ackedIn] of this.#acked) {
      if (ackedIn < epoch && !values.has(value)) {
        this.#fault(`${member.name} leads epoch ${epoch} without ${value}, acked in epoch ${ackedIn}`);
      }
    }
  }

  #trouble(): void {
    if (this.#isHealing) {
      return;
    }
    const member = this.#members[this.#random.between(0, this.#members.length)] as SimulatedMember;
    const forMs = this.#random.between(100, 6_000);
    const store = this.#stores.get(member.name) as SimulatedSetStore;
    switch (this.#random.between(0, 6)) {
      case 0:
        this.#pause(member, forMs);
        break;
      case 1:
        this.#crash(member, forMs);
        break;
      case 2:
        store.way.isCut = true;
        this.#line.after(forMs, () => {
          store.way.isCut = false;
        });
        break;
      case 3:
        store.way.losesAnswers = true;
        this.#line.after(forMs, () => {
          store.way.losesAnswers = false;
        });
        break;
      case 4:
        store.way.delayMs = this.#random.between(1, 400);
        break;
      default: {
        const other = this.#members[this.#random.between(0, this.#members.length)] as SimulatedMember;
        const name = link(member, other);
        this.#cut.add(name);
        this.#line.after(forMs, () => this.#cut.delete(name));
      }
    }
  }

  #pause(member: SimulatedMember, forMs: number): void {
    if (member.isPaused || member.isDown) {
      return;
    }
    member.isPaused = true;
    this.#line.after(forMs, () => this.#goOn(member));
  }

  #goOn(member: SimulatedMember): void {
    member.isPaused = false;
    for (const work of member.waiting.splice(0)) {
      work();
    }
  }

  #crash(member: SimulatedMember, forMs: number): void {
    if (member.isDown || member.isPaused) {
      return;
    }
    member.isDown = true;
    member.leads = null;
    member.isStill = true;
    member.follows = null;
    member.untilMs = Number.NEGATIVE_INFINITY;
    member.received = new Map();
    this.#stores.get(member.name)?.close();
    this.#line.after(forMs, () => this.#boot(member));
  }

  #heal(): void {
    this.#cut.clear();
    for (const store of this.#stores.values()) {
      Object.assign(store.way, { isCut: false, losesAnswers: false, delayMs: 2 });
    }
  }

  #checkEnd(): void {
    const masters = this.#members.filter(({ leads, isDown }) => leads !== null && !isDown);
    const [master] = masters;
    if (masters.length !== 1 || master === undefined) {
      this.#fault(`${masters.length} masters after healing`);
      return;
    }
    const values = new Set(master.log.map(({ value }) => value));
    for (const value of this.#acked.keys()) {
      if (!values.has(value)) {
        this.#fault(`${value} was acked and is gone`);
      }
    }
  }

  #fault(text: string): void {
    if (this.#faults.length < 5) {
      this.#faults.push(text);
    }
  }
}

function link(a: SimulatedMember, b: SimulatedMember): string {
  return [a.name, b.name].sort().join(' ');
}
