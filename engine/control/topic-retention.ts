/**
 * Topics with a retention of their own: what is older is not given out any more, as each queue's first offset
 * moves up. The bytes go with their segments, by the broker's retention. Ages are judged as retention judges
 * them: a clock that is set ahead counts only after it has lasted. Some queues at a time, so that it never
 * takes long, and nothing of it is done per message.
 */
import { RetentionClock } from '../log/index.js';
import type { CatalogTopic } from '../meta/topic-catalog.js';
import { HELD_MS } from '../queue/index.js';

export interface TopicRetentionOptions {
  topics(): readonly CatalogTopic[];
  /** As it is now. */
  topic(topicId: number): CatalogTopic | undefined;
  /** When the last batch was stored before this opening, ms since 1970; 0: there is none. */
  lastStoreTime: number;
  /** Milliseconds since 1970. */
  wallMs(): number;
  /** Moved by no step of that. */
  monotonicMs(): number;
  /** What the queue stored before `before` is not given out any more. `latest`: no later time is believed. */
  expire(topic: CatalogTopic, queueId: number, before: number, latest: number): void;
}

/** Between two rounds over all queues. */
const ROUND_EVERY_MS = 1_000;
const QUEUES_PER_STEP = 256;
/** A step goes on for so long at most, but for one queue. */
const STEP_MS = 5;
/** What the clock of the whole broker needs to believe a step. */
const PATIENCE_MS = 3_600_000;

interface TopicClock {
  readonly retentionMs: number;
  readonly clock: RetentionClock;
}

interface Due {
  readonly topic: CatalogTopic;
  readonly queueId: number;
  readonly before: number;
  readonly latest: number;
}

export class TopicRetention {
  readonly #options: TopicRetentionOptions;
  readonly #clock: RetentionClock;
  /** By topic id, of topics that have a retention: a short one is patient for as long as it is. */
  #clocks = new Map<number, TopicClock>();
  #round: Iterator<Due> | null = null;
  #nextRoundMs = Number.NEGATIVE_INFINITY;

  constructor(options: TopicRetentionOptions) {
    this.#options = options;
    this.#clock = this.#newClock(options.lastStoreTime, PATIENCE_MS);
  }

  /** `nowMs`: only differences count. */
  step(nowMs: number): void {
    if (this.#round === null) {
      if (nowMs < this.#nextRoundMs) {
        return;
      }
      this.#nextRoundMs = nowMs + ROUND_EVERY_MS;
      this.#round = this.#due(this.#retained());
    }
    const { monotonicMs, expire } = this.#options;
    const begun = monotonicMs();
    for (let i = 0; i < QUEUES_PER_STEP && monotonicMs() - begun < STEP_MS; i++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = null;
        return;
      }
      const { topic, queueId, before, latest } = next.value;
      expire(topic, queueId, before, latest);
    }
  }

  #retained(): CatalogTopic[] {
    const now = this.#clock.now();
    const retained = this.#options.topics().filter(({ retentionMs }) => retentionMs !== null);
    const clocks = new Map<number, TopicClock>();
    for (const { topicId, retentionMs } of retained) {
      const known = this.#clocks.get(topicId);
      const ms = retentionMs as number;
      clocks.set(
        topicId,
        known?.retentionMs === ms ? known : { retentionMs: ms, clock: this.#newClock(now, ms) },
      );
    }
    this.#clocks = clocks;
    return retained;
  }

  *#due(topics: readonly CatalogTopic[]): Generator<Due> {
    for (const topic of topics) {
      const { retentionMs, clock } = this.#clocks.get(topic.topicId) as TopicClock;
      const now = clock.now();
      // A round lasts: what was said meanwhile counts at once.
      const isSaid = (): boolean => this.#options.topic(topic.topicId)?.retentionMs === retentionMs;
      for (let queueId = 0; queueId < topic.queues && isSaid(); queueId++) {
        yield { topic, queueId, before: now - retentionMs, latest: now + HELD_MS };
      }
    }
  }

  #newClock(lastStoreTime: number, retentionMs: number): RetentionClock {
    const { wallMs, monotonicMs } = this.#options;
    return new RetentionClock({
      wall: () => wallMs(),
      monotonic: () => monotonicMs(),
      lastStoreTime,
      retentionMs,
    });
  }
}
