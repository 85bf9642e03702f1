/** A group's committed offsets: forward only, except where an operator resets them. */
import { NOT_COMMITTED, type OffsetTable } from '../meta/offset-table.js';

/** Where committed offsets are kept; the meta store is one. */
export interface OffsetStore {
  readonly state: { readonly offsets: OffsetTable };
  appendOffset(group: string, topicId: number, queueId: number, offset: number): void;
}

export class GroupOffsets {
  readonly #store: OffsetStore;

  constructor(store: OffsetStore) {
    this.#store = store;
  }

  get groupCount(): number {
    return this.#store.state.offsets.groupCount;
  }

  groups(): string[] {
    return [...this.#store.state.offsets.groups()];
  }

  hasGroup(group: string): boolean {
    return this.#store.state.offsets.hasGroup(group);
  }

  /** Ids of the topics that the group has committed on. */
  topicsOf(group: string): number[] {
    return this.#store.state.offsets.topicsOf(group);
  }

  /** The next offset to read; null where nothing is committed. */
  committed(group: string, topicId: number, queueId: number): number | null {
    const offset = this.#store.state.offsets.get(group, topicId, queueId);
    return offset === NOT_COMMITTED ? null : offset;
  }

  /** Commits unless as much or more is committed. */
  advance(group: string, topicId: number, queueId: number, offset: number): void {
    if (offset > this.#store.state.offsets.get(group, topicId, queueId)) {
      this.#store.appendOffset(group, topicId, queueId, offset);
    }
  }

  /** Sets it, backwards too. */
  reset(group: string, topicId: number, queueId: number, offset: number): void {
    if (offset !== this.#store.state.offsets.get(group, topicId, queueId)) {
      this.#store.appendOffset(group, topicId, queueId, offset);
    }
  }

  /**
   * Takes back what is committed beyond a queue's end. After a power cut under async flush a queue may be shorter than what its
   * groups have read; its next messages get the lost ones' offsets, and a group that stood beyond
   * them would never see them. To be called before anything is appended.
   * @returns how many were taken back.
   */
  cutToEnds(maxOffset: (topicId: number, queueId: number) => number): number {
    let cut = 0;
    for (const { group, topicId, pairs } of [...this.#store.state.offsets.entries()]) {
      for (let i = 0; i + 1 < pairs.length; i += 2) {
        const end = maxOffset(topicId, pairs[i] as number);
        if ((pairs[i + 1] as number) > end) {
          this.#store.appendOffset(group, topicId, pairs[i] as number, end);
          cut++;
        }
      }
    }
    return cut;
  }
}
