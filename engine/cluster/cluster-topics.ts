/**
 * The topics of one cluster, put together from what its sets have, in the order of their last change: whoever
 * looks after topics asks for what has changed since it last asked.
 */
import type {
  ClusterTopic,
  NameServerMethods,
  RegisteredTopic,
  TopicSetRoute,
} from '../../native-free/wire/index.js';
import type { ChangedNames, TopicSet } from './registered-broker.js';

interface Entry {
  readonly sets: Map<string, RegisteredTopic>;
  readonly tombstones: Map<string, number>;
  version: number;
}

/** Topics that are nowhere any more are told of for as long as there are not more of them than this. */
const MAX_GONE_COUNT = 16_384;
/** About what an answer may have; far below what a frame may. */
const MAX_CHANGES_BYTES = 512 * 1024;
/** What the numbers and keys of one set take in an answer. */
const SET_BYTES = 96;

export class ClusterTopics {
  /** In the order of `version`: what changes goes to the end. */
  readonly #entries = new Map<string, Entry>();
  readonly #gone = new Set<string>();
  #version = 0;

  /** How many changes there were: each topic has that of its last one. */
  get version(): number {
    return this.#version;
  }

  /** The set has these topics now, where there may have been others before. `names`: which of them may differ. */
  update(set: string, from: TopicSet | null, names: ChangedNames): void {
    for (const name of names ?? this.#namesOf(set, from)) {
      this.#change(name, set, from?.topics.get(name), from?.tombstones.get(name));
    }
    this.#forgetGone();
  }

  /** Where a topic is; one that is deleted elsewhere, which its set has not heard of yet, is not there. */
  setsOf(topic: string): TopicSetRoute[] {
    const entry = this.#entries.get(topic);
    if (entry === undefined) {
      return [];
    }
    const deletedUpTo = deletedUpToOf(entry) ?? -1;
    return routesOf(entry).filter(({ createdTime }) => createdTime > deletedUpTo);
  }

  changes(since: number, limit: number): NameServerMethods['topicChanges']['result'] {
    const topics: ClusterTopic[] = [];
    let version = since;
    let bytes = 0;
    for (const [topic, entry] of this.#entries) {
      if (entry.version <= since) {
        continue;
      }
      if (topics.length >= limit || bytes >= MAX_CHANGES_BYTES) {
        return { version, complete: false, topics };
      }
      topics.push(clusterTopic(topic, entry));
      version = entry.version;
      bytes += (entry.sets.size + 1) * SET_BYTES + topic.length;
    }
    // A version from elsewhere is not believed: whoever comes with it would miss what changes next.
    return { version: this.#version, complete: true, topics };
  }

  #namesOf(set: string, from: TopicSet | null): Set<string> {
    const names = new Set([...(from?.topics.keys() ?? []), ...(from?.tombstones.keys() ?? [])]);
    for (const [name, entry] of this.#entries) {
      if (entry.sets.has(set) || entry.tombstones.has(set)) {
        names.add(name);
      }
    }
    return names;
  }

  #change(
    name: string,
    set: string,
    topic: RegisteredTopic | undefined,
    tombstone: number | undefined,
  ): void {
    const known = this.#entries.get(name);
    if (isSame(known?.sets.get(set), topic) && known?.tombstones.get(set) === tombstone) {
      return;
    }
    const entry = known ?? { sets: new Map(), tombstones: new Map(), version: 0 };
    put(entry.sets, set, topic);
    put(entry.tombstones, set, tombstone);
    entry.version = ++this.#version;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (entry.sets.size === 0 && entry.tombstones.size === 0) {
      this.#gone.add(name);
    } else {
      this.#gone.delete(name);
    }
  }

  #forgetGone(): void {
    for (const name of this.#gone) {
      if (this.#gone.size <= MAX_GONE_COUNT) {
        break;
      }
      this.#gone.delete(name);
      this.#entries.delete(name);
    }
  }
}

function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
  if (value === undefined) {
    map.delete(key);
  } else {
    map.set(key, value);
  }
}

function isSame(a: RegisteredTopic | undefined, b: RegisteredTopic | undefined): boolean {
  return (
    a === b ||
    (a !== undefined &&
      b !== undefined &&
      a.topicId === b.topicId &&
      a.queues === b.queues &&
      a.memory === b.memory &&
      a.createdTime === b.createdTime &&
      a.retentionMs === b.retentionMs &&
      a.retentionSetTime === b.retentionSetTime &&
      a.sets?.join() === b.sets?.join())
  );
}

function clusterTopic(topic: string, entry: Entry): ClusterTopic {
  let newest: RegisteredTopic | undefined;
  for (const each of entry.sets.values()) {
    newest = newest === undefined || each.createdTime > newest.createdTime ? each : newest;
  }
  return { topic, sets: routesOf(entry), belongsTo: newest?.sets ?? null, deletedUpTo: deletedUpToOf(entry) };
}

function routesOf({ sets }: Entry): TopicSetRoute[] {
  return [...sets]
    .map(([set, { topicId, queues, memory, createdTime, retentionMs, retentionSetTime }]) => ({
      ...{ set, topicId, queues, memory, createdTime },
      ...(retentionMs === undefined ? {} : { retentionMs }),
      ...(retentionSetTime === undefined ? {} : { retentionSetTime }),
    }))
    .sort((a, b) => (a.set < b.set ? -1 : 1));
}

function deletedUpToOf({ tombstones }: Entry): number | null {
  return tombstones.size === 0 ? null : Math.max(...tombstones.values());
}
