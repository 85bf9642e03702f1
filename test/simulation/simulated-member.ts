/** A member of a simulated broker set: a list of values for a log, a clock of its own, pauses and crashes. */

import type { Follower, InSyncSet, Leader } from '../../engine/cluster/leadership.js';
import type { SetMember } from '../../engine/cluster/set-member.js';
import type { SeededRandom } from '../crash/random.js';

export interface Entry {
  epoch: number;
  value: number;
}

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
  readonly #waiting: (() => void)[] = [];
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

  /** What its clock says at this true time. */
  clockAt(trueMs: number): number {
    return this.offset + trueMs * this.rate;
  }

  /** What happens here: at once, or when it goes on. */
  at(work: () => void): void {
    if (this.isPaused) {
      this.#waiting.push(work);
    } else {
      work();
    }
  }

  /** After a pause. */
  goOn(): void {
    this.isPaused = false;
    for (const work of this.#waiting.splice(0)) {
      work();
    }
  }

  /** The log alone is left. */
  crash(): void {
    this.isDown = true;
    this.leads = null;
    this.isStill = true;
    this.follows = null;
    this.untilMs = Number.NEGATIVE_INFINITY;
    this.received = new Map();
  }

  /** Has its log end as the master's does, and takes some more of that. */
  copyFrom(master: SimulatedMember): void {
    let common = 0;
    while (common < this.log.length && this.log[common]?.value === master.log[common]?.value) {
      common++;
    }
    this.log = [...this.log.slice(0, common), ...master.log.slice(common, common + 40)];
  }

  /** So much of its log is on as many members as its rule asks for. */
  ackable(): number {
    const have = this.rule.members
      .map((name) => (name === this.name ? this.log.length : (this.received.get(name)?.length ?? 0)))
      .sort((a, b) => b - a);
    return Math.min(have[this.rule.required - 1] ?? 0, this.log.length);
  }
}
