/**
 * How far groups have come: committed offsets, forward only except where an operator resets them, and where a
 * group began.
 *
 * A group *lasts* once it has committed something, or when somebody asked for it. Before that only its starts
 * are kept: where it began on each queue, so that nothing stored since is passed over when a connection or
 * the broker is lost. They go when the last member leaves by its own will, and some time after it was lost.
 */
import { NOT_COMMITTED, type OffsetTable } from '../meta/offset-table.js';

/** Where the numbers are kept; the control log is one. */
export interface OffsetStore {
  readonly state: {
    readonly offsets: OffsetTable;
    readonly starts: OffsetTable;
    readonly expired: OffsetTable;
    readonly resets: OffsetTable;
    readonly createdGroups: ReadonlyMap<string, number>;
    hasGroup(group: string): boolean;
  };
  appendNumber(
    kind: 'offsets' | 'starts' | 'expired' | 'resets',
    group: string,
    topicId: number,
    queueId: number,
    value: number,
  ): void;
  appendLater(
    record:
      | { type: 'startsDropped'; group: string; topicId: number }
      | { type: 'groupDeleted'; group: string },
  ): void;
}

export class GroupOffsets {
  readonly #store: OffsetStore;

  constructor(store: OffsetStore) {
    this.#store = store;
  }

  /** At least as many as there are groups here: one that is in two tables counts twice. */
  get groupCountAtMost(): number {
    const { offsets, starts, createdGroups } = this.#store.state;
    return offsets.groupCount + starts.groupCount + createdGroups.size;
  }

  groups(): Set<string> {
    const { offsets, starts, createdGroups } = this.#store.state;
    return new Set([...offsets.groups(), ...starts.groups(), ...createdGroups.keys()]);
  }

  /** True for a group that lasts, or has begun somewhere. */
  hasGroup(group: string): boolean {
    return this.#store.state.hasGroup(group);
  }

  /** True once the group has committed something, or was asked for. */
  lasts(group: string): boolean {
    const { offsets, createdGroups } = this.#store.state;
    return createdGroups.has(group) || offsets.hasGroup(group);
  }

  /** Ids of the topics that the group has committed on, or has begun on. */
  topicsOf(group: string): number[] {
    const { offsets, starts } = this.#store.state;
    return [...new Set([...offsets.topicsOf(group), ...starts.topicsOf(group)])];
  }

  /** The next offset to read; null where nothing is committed. */
  committed(group: string, topicId: number, queueId: number): number | null {
    return orNull(this.#store.state.offsets.get(group, topicId, queueId));
  }

  /** Where the group goes on: what is committed, or where it began; null where it has not begun. */
  position(group: string, topicId: number, queueId: number): number | null {
    return (
      this.committed(group, topicId, queueId) ?? orNull(this.#store.state.starts.get(group, topicId, queueId))
    );
  }

  /** Messages of the queue that retention deleted before the group read them. */
  expired(group: string, topicId: number, queueId: number): number {
    return Math.max(0, this.#store.state.expired.get(group, topicId, queueId));
  }

  addExpired(group: string, topicId: number, queueId: number, count: number): void {
    const before = this.expired(group, topicId, queueId);
    this.#store.appendNumber('expired', group, topicId, queueId, before + count);
  }

  /** The group's position on a queue moves up to `offset` without a commit of its own: it begins there, or all before is gone. */
  begin(group: string, topicId: number, queueId: number, offset: number): void {
    if (this.lasts(group)) {
      this.#advance(group, topicId, queueId, offset);
    } else if (offset > this.#store.state.starts.get(group, topicId, queueId)) {
      this.#store.appendNumber('starts', group, topicId, queueId, offset);
    }
  }

  /** Commits unless as much or more is committed. With its first commit a group lasts. */
  commit(group: string, topicId: number, queueId: number, offset: number): void {
    this.promote(group);
    this.#advance(group, topicId, queueId, offset);
  }

  /** Where the group began, on whatever queue, counts as committed from now on. */
  promote(group: string): void {
    const { starts } = this.#store.state;
    if (!starts.hasGroup(group)) {
      return;
    }
    for (const { topicId, pairs } of [...starts.entriesOf(group)]) {
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        this.#advance(group, topicId, pairs[i] as number, pairs[i + 1] as number);
      }
      this.#store.appendLater({ type: 'startsDropped', group, topicId });
    }
  }

  /** The last member on the topic has left by its own will. */
  dropStarts(group: string, topicId: number): void {
    if (this.#store.state.starts.topicsOf(group).includes(topicId)) {
      this.#store.appendLater({ type: 'startsDropped', group, topicId });
    }
  }

  /** Forgets the group; written with what is written next. */
  drop(group: string): void {
    this.#store.appendLater({ type: 'groupDeleted', group });
  }

  /** Sets it, backwards too. The group lasts from then on. */
  reset(group: string, topicId: number, queueId: number, offset: number): void {
    this.promote(group);
    // What is handed over of before, by who does not know of this, is told apart by it.
    const last = this.#store.state.resets.get(group, topicId, queueId);
    this.#store.appendNumber('resets', group, topicId, queueId, Math.max(Date.now(), last + 1));
    // Said even where nothing changes here: a slave may stand elsewhere, by what was committed there.
    this.#store.appendNumber('offsets', group, topicId, queueId, offset);
  }

  /**
   * Takes back positions beyond a queue's end. After a power cut under async flush a queue may be shorter
   * than what its groups have read; its next messages get the lost ones' offsets, and a group that stood
   * beyond them would never see them. To be called before anything is appended.
   * @returns how many were taken back.
   */
  cutToEnds(maxOffset: (topicId: number, queueId: number) => number): number {
    let cut = 0;
    for (const kind of ['offsets', 'starts'] as const) {
      for (const { group, topicId, pairs } of [...this.#store.state[kind].entries()]) {
        for (let i = 0; i + 1 < pairs.length; i += 2) {
          const end = maxOffset(topicId, pairs[i] as number);
          if ((pairs[i + 1] as number) > end) {
            this.#store.appendNumber(kind, group, topicId, pairs[i] as number, end);
            cut++;
          }
        }
      }
    }
    return cut;
  }

  #advance(group: string, topicId: number, queueId: number, offset: number): void {
    if (offset > this.#store.state.offsets.get(group, topicId, queueId)) {
      this.#store.appendNumber('offsets', group, topicId, queueId, offset);
    }
  }
}

function orNull(offset: number): number | null {
  return offset === NOT_COMMITTED ? null : offset;
}
