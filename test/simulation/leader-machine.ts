/**
 * A broker set whose members are the real leader loops over a simulated etcd, with a log that is a list of
 * values, on clocks that run apart, through pauses, crashes, cuts and lost answers: a schedule from a seed.
 * Says whether an ack was broken.
 */
import { LeaderLoop, type LoopClock } from '../../engine/cluster/leader-loop.js';
import type { SetMember } from '../../engine/cluster/set-member.js';
import type { SetStore } from '../../engine/cluster/set-store.js';
import { SeededRandom } from '../crash/random.js';
import { EventLine } from './event-line.js';
import { type Entry, SimulatedMember } from './simulated-member.js';
import { SimulatedEtcd, SimulatedSetStore } from './simulated-set-store.js';

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
  /** It is to come yet. */
  #losesDisk: boolean;
  #hasLostDisk = false;

  /** `losesDisk`: once, one of them comes back with an empty disk, or an older copy of it. */
  constructor(seed: number, minInSync = 1, mutation: Mutation = {}, losesDisk = false) {
    this.#losesDisk = losesDisk;
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
        () => member.at(() => this.#replicate(member)),
      );
      this.#repeat(
        () => this.#random.between(10, 40),
        () => member.at(() => this.#append(member)),
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
      now: () => member.clockAt(this.#line.now),
      every: (ms, work) => {
        let isStopped = false;
        this.#repeat(
          () => ms / member.rate,
          () => {
            if (!isStopped && isAlive()) {
              member.at(() => isAlive() && work());
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
          this.#line.after(ms / member.rate, () => member.at(() => isAlive() && resolve())),
        ),
    };
  }

  #boot(member: SimulatedMember): void {
    member.isDown = false;
    member.life++;
    member.opening = `${member.name} ${member.life}`;
    const { life } = member;
    const clock = this.#clockOf(member);
    const atNode = (work: () => void): void =>
      member.at(() => {
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
    slave.copyFrom(master);
    const { opening } = slave;
    const { length } = slave.log;
    this.#line.after(this.#random.between(1, 30), () =>
      master.at(() => {
        if (!master.isDown && master.leads === epoch && !this.#cut.has(link(slave, master))) {
          const before = master.received.get(slave.name);
          const isSame = before?.opening === opening;
          master.received.set(slave.name, {
            opening,
            length: isSame ? Math.max(before.length, length) : length,
            heardAt: this.#line.now,
          });
          this.#ack(master);
        }
      }),
    );
  }

  #ack(master: SimulatedMember): void {
    const now = master.clockAt(this.#line.now);
    if (master.leads === null || now >= master.untilMs || !master.rule.members.includes(master.name)) {
      return;
    }
    const length = master.ackable();
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
    this.#line.after(forMs, () => member.goOn());
  }

  #crash(member: SimulatedMember, forMs: number): void {
    if (member.isDown || member.isPaused) {
      return;
    }
    member.crash();
    this.#stores.get(member.name)?.close();
    const isLost = this.#losesDisk && this.#random.next() < 0.3;
    this.#losesDisk &&= !isLost;
    this.#line.after(forMs, () => {
      if (isLost) {
        this.#hasLostDisk = true;
        member.loseDisk(this.#random);
      }
      this.#boot(member);
    });
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
    // What a disk had that is gone is waited for: for a person to say that nobody has it any more.
    if (master === undefined && this.#hasLostDisk) {
      return;
    }
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
