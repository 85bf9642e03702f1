/**
 * How long groups have been without members, and the end of those that have been for too long. Only time in
 * which a broker ran counts: neither a step of the clock nor a broker that stood still for weeks ends a
 * group.
 */
import type { GroupOffsets } from './offsets.js';

/** How long it is kept where a group began that has never committed and has lost its last member. */
export const START_GRACE_MS = 600_000;
/** Ages are written down again after this long; so much a restart may take off them. */
const STORE_EVERY_MS = 3_600_000;
const MIN_STEP_MS = 250;
const MAX_STEP_MS = 60_000;

export interface AgeStore {
  readonly state: {
    readonly idleMs: ReadonlyMap<string, number>;
    readonly createdGroups: ReadonlyMap<string, number>;
  };
  appendLater(record: { type: 'groupIdle'; group: string; idleMs: number }): void;
}

export interface GroupAgesOptions {
  store: AgeStore;
  offsets: GroupOffsets;
  /** A group that lasts and has been without members for this long goes; 0: never. */
  groupRetentionMs: number;
  hasMembers(group: string): boolean;
  /** Groups that were deleted for their age, in the order of their names. */
  onDeleted(groups: string[]): void;
}

export class GroupAges {
  readonly #options: GroupAgesOptions;
  readonly #stepMs: number;
  /** Since the stored age, of groups without members. */
  readonly #idleMs = new Map<string, number>();
  #last: number;

  /** `now`: milliseconds; only differences count. */
  constructor(options: GroupAgesOptions, now: number) {
    this.#options = options;
    this.#last = now;
    const { groupRetentionMs } = options;
    const least = groupRetentionMs === 0 ? START_GRACE_MS : Math.min(groupRetentionMs, START_GRACE_MS);
    this.#stepMs = Math.min(Math.max(least / 8, MIN_STEP_MS), MAX_STEP_MS);
  }

  /** Adds the time since the last step to the age of each group without members. To be called often; mostly it does nothing. */
  step(now: number): void {
    // Whole milliseconds, as they are written down; the rest counts at the next step.
    const elapsedMs = Math.floor(now - this.#last);
    if (elapsedMs < this.#stepMs) {
      return;
    }
    this.#last += elapsedMs;
    const { offsets, hasMembers } = this.#options;
    const groups = offsets.groups();
    const deleted: string[] = [];
    for (const group of groups) {
      if (hasMembers(group)) {
        this.used(group);
      } else if (this.#grow(group, elapsedMs)) {
        if (offsets.lasts(group)) {
          deleted.push(group);
        }
        this.#idleMs.delete(group);
        offsets.drop(group);
      }
    }
    for (const group of this.#idleMs.keys()) {
      if (!groups.has(group)) {
        this.#idleMs.delete(group);
      }
    }
    if (deleted.length > 0) {
      this.#options.onDeleted(deleted.sort());
    }
  }

  /** The group has members, or an operator has to do with it: its age begins anew. */
  used(group: string): void {
    this.#idleMs.delete(group);
    if (this.#options.store.state.idleMs.has(group)) {
      this.#options.store.appendLater({ type: 'groupIdle', group, idleMs: 0 });
    }
  }

  /** True if the group has become too old. */
  #grow(group: string, elapsedMs: number): boolean {
    const { store, offsets, groupRetentionMs } = this.#options;
    const lasts = offsets.lasts(group);
    const limitMs = lasts ? groupRetentionMs : START_GRACE_MS;
    if (limitMs === 0 || store.state.createdGroups.has(group)) {
      return false;
    }
    const sinceMs = (this.#idleMs.get(group) ?? 0) + elapsedMs;
    const idleMs = (store.state.idleMs.get(group) ?? 0) + sinceMs;
    if (idleMs >= limitMs) {
      return true;
    }
    if (lasts && sinceMs >= STORE_EVERY_MS) {
      store.appendLater({ type: 'groupIdle', group, idleMs });
      this.#idleMs.delete(group);
    } else {
      this.#idleMs.set(group, sinceMs);
    }
    return false;
  }

  /** Writes down what has grown since the ages were stored; the broker is about to stop. */
  close(): void {
    const { store, offsets } = this.#options;
    for (const [group, sinceMs] of this.#idleMs) {
      if (offsets.lasts(group)) {
        store.appendLater({
          type: 'groupIdle',
          group,
          idleMs: (store.state.idleMs.get(group) ?? 0) + sinceMs,
        });
      }
    }
    this.#idleMs.clear();
  }
}
