/**
 * Topics with a retention of their own: what is older is not given out any more, as each queue's first offset
 * moves up. The bytes go with their segments, by the broker's retention. Ages are judged as retention judges
 * them: a clock that is set ahead counts only after it has lasted. Some queues at a time, so that it never
 * takes long, and nothing of it is done per message.
 *
 * The master alone judges, and says in the log where queues begin; it goes by that itself once it is
 * committed, and so does a slave. So no reader comes upon a message again that was taken, over a failover or
 * a restart, however the clocks of a set differ. While the log takes nothing, nothing is taken.
 */
import { RetentionClock } from '../log/index.js';
import type { QueueBeginsRecord } from '../meta/control-records.js';
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
  /** The log is another broker's, which judges. */
  isFollower(): boolean;
  /** Where the queue begins without what it stored before `before`; null: where it does. `latest`: no later time is believed. */
  beginAfter(topic: CatalogTopic, queueId: number, before: number, latest: number): number | null;
  /** Resolves once it is committed in the log; rejects where the log does not take it. */
  say(records: QueueBeginsRecord[]): Promise<void>;
  /** Queues begin where the log says, as far as it is committed. */
  follow(): void;
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
  /** What the last step found is on its way into the log. */
  #isSaying = false;

  constructor(options: TopicRetentionOptions) {
    this.#options = options;
    this.#clock = this.#newClock(options.lastStoreTime, PATIENCE_MS);
  }

  /** `nowMs`: only differences count. */
  step(nowMs: number): void {
    const { isFollower, follow, monotonicMs } = this.#options;
    if (this.#isSaying && !isFollower()) {
      return;
    }
    if (this.#round === null) {
      if (nowMs < this.#nextRoundMs) {
        return;
      }
      this.#nextRoundMs = nowMs + ROUND_EVERY_MS;
      follow();
      this.#round = this.#due(this.#retained());
    }
    if (isFollower()) {
      this.#round = null;
      return;
    }
    const found = new Map<number, QueueBeginsRecord>();
    const begun = monotonicMs();
    for (let i = 0; i < QUEUES_PER_STEP && monotonicMs() - begun < STEP_MS; i++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = null;
        break;
      }
      this.#look(next.value, found);
    }
    if (found.size > 0) {
      this.#say([...found.values()]);
    }
  }

  #look({ topic, queueId, before, latest }: Due, found: Map<number, QueueBeginsRecord>): void {
    const begin = this.#options.beginAfter(topic, queueId, before, latest);
    if (begin === null) {
      return;
    }
    const { topicId } = topic;
    const record = found.get(topicId) ?? { type: 'queueBegins', topicId, pairs: [] };
    record.pairs.push(queueId, begin);
    found.set(topicId, record);
  }

  #say(records: QueueBeginsRecord[]): void {
    this.#isSaying = true;
    const done = (): void => {
      this.#isSaying = false;
    };
    // What was not taken is found again by the next round.
    this.#options
      .say(records)
      .then(
        () => this.#options.follow(),
        () => {},
      )
      .then(done, done);
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
