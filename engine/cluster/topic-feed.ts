/**
 * A broker's own topics, in the order of their last change, for telling name servers what has changed since
 * they were last told.
 */
import type { NameServerMethods, RegisteredTopic } from '../../native-free/wire/index.js';

export type TopicsPage = NameServerMethods['registerTopics']['params'];

/** What the broker has under a name. */
export interface OwnTopic {
  readonly topic: RegisteredTopic | null;
  /** The `createdTime` up to which topics of the name are deleted. */
  readonly tombstone: number | null;
}

interface Entry extends OwnTopic {
  readonly revision: number;
}

const NOTHING: OwnTopic = { topic: null, tombstone: null };

/** In one page; far below what a name server takes, whose thread others wait for meanwhile. */
const MAX_PAGE_COUNT = 1_024;
const MAX_PAGE_BYTES = 192 * 1024;
/** What the numbers and keys of a topic take. */
const TOPIC_BYTES = 80;
/** Names that are nothing any more are told of; past so many, whoever has not heard of the oldest is told everything. */
const MAX_GONE_COUNT = 16_384;

export class TopicFeed {
  readonly #entries = new Map<string, Entry>();
  readonly #gone = new Set<string>();
  #revision = 0;
  /** Up to here something was forgotten that had changed. */
  #floor = 0;

  get revision(): number {
    return this.#revision;
  }

  get(name: string): OwnTopic {
    return this.#entries.get(name) ?? NOTHING;
  }

  /** Names with a topic or a tombstone, or that had one. */
  names(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** False: it was so before. */
  set(name: string, now: OwnTopic): boolean {
    const before = this.get(name);
    if (before.tombstone === now.tombstone && JSON.stringify(before.topic) === JSON.stringify(now.topic)) {
      return false;
    }
    this.#entries.delete(name);
    this.#entries.set(name, { ...now, revision: ++this.#revision });
    this.#gone.delete(name);
    if (now.topic === null && now.tombstone === null) {
      this.#gone.add(name);
      this.#forgetGone();
    }
    return true;
  }

  /** What to tell one that has heard everything up to `from`, null: nothing. Returns null when there is nothing to tell. */
  page(from: number | null): TopicsPage | null {
    const since = from !== null && from >= this.#floor && from <= this.#revision ? from : null;
    if (since === this.#revision) {
      return null;
    }
    const page: TopicsPage = {
      from: since,
      revision: this.#revision,
      topics: [],
      gone: [],
      tombstones: [],
      forgotten: [],
      more: false,
    };
    let count = 0;
    let bytes = 0;
    let last = 0;
    for (const [name, entry] of this.#entries) {
      if (entry.revision <= (since ?? 0)) {
        continue;
      }
      if (count >= MAX_PAGE_COUNT || bytes >= MAX_PAGE_BYTES) {
        return { ...page, revision: last, more: true };
      }
      add(page, name, entry);
      count += 2;
      bytes += TOPIC_BYTES + 2 * name.length + (entry.topic?.sets?.join(' ').length ?? 0);
      last = entry.revision;
    }
    return page;
  }

  #forgetGone(): void {
    const [oldest] = this.#gone;
    if (this.#gone.size <= MAX_GONE_COUNT || oldest === undefined) {
      return;
    }
    this.#gone.delete(oldest);
    this.#floor = this.#entries.get(oldest)?.revision ?? this.#floor;
    this.#entries.delete(oldest);
  }
}

function add(page: TopicsPage, name: string, { topic, tombstone }: OwnTopic): void {
  const isWhole = page.from === null;
  if (topic !== null) {
    page.topics.push(topic);
  } else if (!isWhole) {
    page.gone.push(name);
  }
  if (tombstone !== null) {
    page.tombstones.push({ topic: name, createdTime: tombstone });
  } else if (!isWhole) {
    page.forgotten.push(name);
  }
}
