/**
 * Offsets that were committed at a slave and are not in the log yet: they are its master's to put there. A
 * master that takes them in goes by the same rule as a slave that serves its consumers by them:
 *
 * - of what a group has committed on a queue, the higher counts;
 * - but what was committed without knowing of a reset, or of the deletion of the group or the topic, counts for nothing: an operator's word that was
 *   given meanwhile, wherever, is not undone by what a consumer did before it heard of it.
 *
 * So each one says what its slave knew: the topic's `createdTime`, whether the group was there, and the last
 * reset of that group on that queue.
 */
import type { ControlRecord, OffsetsRecord } from './control-records.js';
import type { MetaState } from './meta-state.js';

/** Queues of groups, at most; the default of what groups may share of queues at all. */
export const MAX_HELD = 1_048_576;

/** One queue's. */
export interface HeldOffset {
  readonly offset: number;
  /** The last reset that was known; -1: none. */
  readonly reset: number;
  /** In the master's log below this position, if it counts at all; `null`: no master has said so. */
  takenBelow: number | null;
}

/** A group's on a topic, as they are in a file or a frame. */
export interface HeldEntry {
  group: string;
  topicId: number;
  createdTime: number;
  /** The group had committed, or had been asked for, before. */
  known: boolean;
  /** queue id, offset, reset + 1, … */
  queues: number[];
}

interface HeldTopic {
  readonly createdTime: number;
  readonly isKnown: boolean;
  readonly queues: Map<number, HeldOffset>;
}

/** Whether a group has committed, or somebody asked for it. */
function lasts(state: MetaState, group: string): boolean {
  return state.createdGroups.has(group) || state.offsets.hasGroup(group);
}

/** Of an entry, what counts against `state`, as queue id, offset, … It may be lower than what is committed. */
export function countingPairs(state: MetaState, entry: HeldEntry): number[] {
  const { group, topicId, createdTime, known, queues } = entry;
  const topic = state.topics.get(topicId);
  if (
    topic === undefined ||
    topic.createdTime !== createdTime ||
    topic.memory ||
    (known && !lasts(state, group))
  ) {
    return [];
  }
  const pairs: number[] = [];
  for (let i = 0; i + 2 < queues.length; i += 3) {
    const [queueId, offset, reset] = [
      queues[i] as number,
      queues[i + 1] as number,
      (queues[i + 2] as number) - 1,
    ];
    if (queueId < topic.queues && reset >= state.resets.get(group, topicId, queueId)) {
      pairs.push(queueId, offset);
    }
  }
  return pairs;
}

export class HeldOffsets {
  readonly #state: MetaState;
  readonly #groups = new Map<string, Map<number, HeldTopic>>();
  #count = 0;

  constructor(state: MetaState) {
    this.#state = state;
  }

  get count(): number {
    return this.#count;
  }

  /** Committed here, now. What is to be kept of it; null: there are too many, or it is of a topic that is not there. */
  add(group: string, topicId: number, queueId: number, offset: number): HeldEntry | null {
    const state = this.#state;
    const topic = state.topics.get(topicId);
    if (topic === undefined) {
      return null;
    }
    const { createdTime } = topic;
    const known = this.#groups.get(group)?.get(topicId)?.isKnown ?? lasts(state, group);
    const reset = state.resets.get(group, topicId, queueId);
    const entry = { group, topicId, createdTime, known, queues: [queueId, offset, reset + 1] };
    return this.load(entry) ? entry : null;
  }

  /** As it was kept. False: there are too many. */
  load({ group, topicId, createdTime, known, queues }: HeldEntry): boolean {
    let topics = this.#groups.get(group);
    if (topics === undefined) {
      topics = new Map();
      this.#groups.set(group, topics);
    }
    let held = topics.get(topicId);
    if (held === undefined || held.createdTime !== createdTime) {
      this.#count -= held?.queues.size ?? 0;
      held = { createdTime, isKnown: known, queues: new Map() };
      topics.set(topicId, held);
    }
    for (let i = 0; i + 2 < queues.length; i += 3) {
      const queueId = queues[i] as number;
      if (!held.queues.has(queueId)) {
        if (this.#count >= MAX_HELD) {
          return false;
        }
        this.#count++;
      }
      const [offset, reset] = [queues[i + 1] as number, (queues[i + 2] as number) - 1];
      held.queues.set(queueId, { offset, reset, takenBelow: null });
    }
    return true;
  }

  /** All of it that counts goes into the state, where consumers are served from. What does not count is forgotten. */
  raiseAll(): void {
    for (const [group, topics] of this.#groups) {
      for (const topicId of topics.keys()) {
        this.#raise(group, topicId, null);
      }
    }
  }

  /** The master's log has said this, and the state has it. */
  applied(record: ControlRecord): void {
    if (this.#count === 0) {
      return;
    }
    if (record.type === 'offsets' || record.type === 'resets') {
      this.#raise(record.group, record.topicId, record);
    } else if (record.type === 'groupDeleted') {
      for (const [topicId, { isKnown }] of this.#groups.get(record.group) ?? []) {
        if (isKnown) {
          this.#drop(record.group, topicId);
        } else {
          this.#raise(record.group, topicId, null);
        }
      }
    } else if (record.type === 'topicDeleted') {
      for (const group of [...this.#groups.keys()]) {
        this.#drop(group, record.topicId);
      }
    }
  }

  /** `record`: what it names, else all. */
  #raise(group: string, topicId: number, record: OffsetsRecord | null): void {
    const held = this.#groups.get(group)?.get(topicId);
    if (held === undefined) {
      return;
    }
    const state = this.#state;
    const topic = state.topics.get(topicId);
    if (topic?.createdTime !== held.createdTime) {
      this.#drop(group, topicId);
      return;
    }
    const raise = (queueId: number): void => {
      const own = held.queues.get(queueId);
      if (own === undefined) {
        return;
      }
      if (own.reset < state.resets.get(group, topicId, queueId)) {
        this.#forget(group, topicId, queueId);
      } else if (own.offset > state.offsets.get(group, topicId, queueId)) {
        state.offsets.set(group, topicId, topic.queues, queueId, own.offset);
      }
    };
    if (record === null) {
      [...held.queues.keys()].forEach(raise);
    } else {
      for (let i = 0; i < record.pairs.length; i += 2) {
        raise(record.pairs[i] as number);
      }
    }
  }

  /** Some of what no master has taken, `maxQueues` at most; empty: there is none. */
  untaken(maxQueues: number): HeldEntry[] {
    const entries: HeldEntry[] = [];
    let left = maxQueues;
    for (const [group, topics] of this.#groups) {
      for (const [topicId, { createdTime, isKnown, queues: held }] of topics) {
        const queues: number[] = [];
        for (const [queueId, { offset, reset, takenBelow }] of held) {
          if (takenBelow === null && left > 0) {
            left--;
            queues.push(queueId, offset, reset + 1);
          }
        }
        if (queues.length > 0) {
          entries.push({ group, topicId, createdTime, known: isKnown, queues });
        }
        if (left === 0) {
          return entries;
        }
      }
    }
    return entries;
  }

  /** A master has these in its log below `position`, unless they were committed anew meanwhile. */
  taken(entries: readonly HeldEntry[], position: number): void {
    for (const { group, topicId, queues } of entries) {
      for (let i = 0; i + 2 < queues.length; i += 3) {
        const held = this.#groups
          .get(group)
          ?.get(topicId)
          ?.queues.get(queues[i] as number);
        if (
          held !== undefined &&
          held.offset === queues[i + 1] &&
          held.reset === (queues[i + 2] as number) - 1
        ) {
          held.takenBelow = position;
        }
      }
    }
  }

  /** Another link, perhaps to another master. */
  takenByNobody(): void {
    this.#each((held) => {
      held.takenBelow = null;
    });
  }

  /** This log has all below `position`, applied: what masters have in it is forgotten. */
  reached(position: number): void {
    this.#each(({ takenBelow }, group, topicId, queueId) => {
      if (takenBelow !== null && takenBelow <= position) {
        this.#forget(group, topicId, queueId);
      }
    });
  }

  *entries(): Generator<HeldEntry> {
    for (const [group, topics] of this.#groups) {
      for (const [topicId, { createdTime, isKnown, queues: held }] of topics) {
        const queues = [...held].flatMap(([queueId, { offset, reset }]) => [queueId, offset, reset + 1]);
        yield { group, topicId, createdTime, known: isKnown, queues };
      }
    }
  }

  clear(): void {
    this.#groups.clear();
    this.#count = 0;
  }

  #each(visit: (held: HeldOffset, group: string, topicId: number, queueId: number) => void): void {
    for (const [group, topics] of this.#groups) {
      for (const [topicId, { queues }] of topics) {
        for (const [queueId, held] of queues) {
          visit(held, group, topicId, queueId);
        }
      }
    }
  }

  #forget(group: string, topicId: number, queueId: number): void {
    const queues = this.#groups.get(group)?.get(topicId)?.queues;
    if (queues === undefined || !queues.delete(queueId)) {
      return;
    }
    this.#count--;
    if (queues.size === 0) {
      this.#drop(group, topicId);
    }
  }

  #drop(group: string, topicId: number): void {
    const topics = this.#groups.get(group);
    this.#count -= topics?.get(topicId)?.queues.size ?? 0;
    topics?.delete(topicId);
    if (topics?.size === 0) {
      this.#groups.delete(group);
    }
  }
}
