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
  /** Of its directory: this one, and those in which it took part in the set. */
  opening = '';
  openings: readonly string[] = [];
  leads: number | null = null;
  isStill = true;
  follows: string | null = null;
  untilMs = Number.NEGATIVE_INFINITY;
  rule: InSyncSet = { members: [], required: Number.POSITIVE_INFINITY };
  /** What each slave has said that it has, in this term. */
  received = new Map<string, { length: number; heardAt: number; opening: string }>();
  ackedLength = 0;
  /** Its log before it led. */
  termStart = 0;
  isDown = false;
  isPaused = false;
  /** What came while it was paused. */
  readonly #waiting: (() => void)[] = [];
  readonly #copies: { log: Entry[]; openings: readonly string[] }[] = [];
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
    const { leads, isStill, opening, openings } = this;
    return { leads, isStill, end, knows: end.epoch, opening, openings };
  }
  takePart(): void {
    if (this.openings.at(-1) !== this.opening) {
      this.openings = [...this.openings, this.opening];
    }
  }
  waitsFor(): void {}
  async standStill(): Promise<void> {
    this.leads = null;
    this.follows = null;
    this.isStill = true;
  }
  async follow(leader: Leader): Promise<void> {
    this.leads = null;
    this.isStill = false;
    this.takePart();
    this.follows = leader.name;
  }
  async lead(epoch: number): Promise<void> {
    this.follows = null;
    this.isStill = false;
    if (this.leads !== epoch) {
      this.leads = epoch;
      this.received = new Map();
      this.termStart = this.log.length;
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
    const followers = [...this.received].map(([name, { length, opening }]) => ({
      name,
      opening,
      received: length,
      isInSync: this.log.length - length < 50,
    }));
    return { followers, acked: Math.max(this.ackedLength, this.termStart) };
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
    this.#copies.push({ log: [...this.log], openings: this.openings });
    this.leads = null;
    this.isStill = true;
    this.follows = null;
    this.untilMs = Number.NEGATIVE_INFINITY;
    this.received = new Map();
  }

  /** Its disk is as it was after one of its crashes, or empty. */
  loseDisk(random: SeededRandom): void {
    const copy = this.#copies[random.between(0, this.#copies.length + 1)];
    this.log = copy?.log ?? [];
    this.openings = copy?.openings ?? [];
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
      .map((name) => (name === this.name ? this.log.length : this.#lengthAt(name)))
      .sort((a, b) => b - a);
    return Math.min(have[this.rule.required - 1] ?? 0, this.log.length);
  }

  /** It counts with the directory that the rule names. */
  #lengthAt(name: string): number {
    const has = this.received.get(name);
    const wanted = this.rule.openings?.[name];
    return has !== undefined && (wanted === undefined || wanted === has.opening) ? has.length : 0;
  }
}
