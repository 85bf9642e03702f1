/**
 * The rule by which the acks of a set's master count: which members, and how many of them. The master writes
 * the in-sync set to etcd and counts by what is there.
 */
import { type InSyncSet, type Leader, nextInSync, openingIn, type SetView } from './leadership.js';
import type { SetMember } from './set-member.js';
import type { SetStore } from './set-store.js';

/** After so long every thread of the broker counts by a rule that was set before. */
const RULE_SEEN_MS = 20;

/** What it asks of the loop. */
export interface AckRuleHost {
  wait(ms: number): Promise<void>;
  /** The broker ends, and the set stays as it is. */
  isResting(): boolean;
}

export class AckRule {
  readonly #store: SetStore;
  readonly #member: SetMember;
  readonly #host: AckRuleHost;
  /** What acks are counted by now; null before it leads. */
  #rule: InSyncSet | null = null;

  constructor(store: SetStore, member: SetMember, host: AckRuleHost) {
    this.#store = store;
    this.#member = member;
    this.#host = host;
  }

  /** The member leads, and acks are counted. */
  get isSet(): boolean {
    return this.#rule !== null;
  }

  /** The member leads from now on, and counts by this rule already. */
  begin(rule: InSyncSet): void {
    this.#rule = rule;
  }

  /** The member does not lead any more, or not by the lease that it has now. */
  end(): void {
    this.#rule = null;
  }

  /**
   * Writes the in-sync set when it has changed. True: the set in etcd may be another one now and is to be read.
   * While etcd may have the one or the other, acks satisfy both.
   */
  async lookAfter(view: SetView, leader: Leader): Promise<boolean> {
    const now = view.inSync;
    if (now === null) {
      return false;
    }
    this.#count(now);
    const { minInSync, mayDegrade, name } = this.#member;
    const wanted = (): InSyncSet | null => {
      const { followers, acked } = this.#member.followers();
      const { log, opening } = this.#member.state();
      const next = nextInSync({ name, opening }, now, followers, acked, minInSync, mayDegrade);
      // An earlier version wrote it without.
      return next === null && log === now.log ? null : { ...(next ?? now), log };
    };
    const first = wanted();
    if (first === null) {
      return false;
    }
    this.#count(bothRules(now, first));
    // Other threads ack; whatever they had decided before they saw the rule is acked now, and looked at here.
    await this.#host.wait(RULE_SEEN_MS);
    const next = this.#host.isResting() ? null : wanted();
    if (next === null || !isSameSet(next, first)) {
      this.#count(now);
      return false;
    }
    // Without an answer nobody knows which it is: both rules hold until it was read.
    if (await this.#store.writeInSync(view, leader, next)) {
      this.#count(next);
      this.#member.tell('the in-sync set has changed', next);
    }
    return true;
  }

  #count(rule: InSyncSet): void {
    if (this.#rule === null || !isSameSet(this.#rule, rule)) {
      this.#rule = rule;
      this.#member.countAcksBy(rule);
    }
  }
}

/** Acks that satisfy both: only members of both count, with the same directory, and the larger number is waited for. */
export function bothRules(a: InSyncSet, b: InSyncSet): InSyncSet {
  return {
    members: a.members.filter((member) => b.members.includes(member) && isSameDirectory(member, a, b)),
    required: Math.max(a.required, b.required),
    ...(a.openings === undefined ? {} : { openings: a.openings }),
  };
}

function isSameDirectory(member: string, a: InSyncSet, b: InSyncSet): boolean {
  return openingIn(a.openings, member) === openingIn(b.openings, member);
}

function isSameSet(a: InSyncSet, b: InSyncSet): boolean {
  return (
    a.required === b.required &&
    a.members.length === b.members.length &&
    a.members.every((member) => b.members.includes(member) && isSameDirectory(member, a, b))
  );
}
