/**
 * A master's topics follow its cluster's: what other sets have and it lacks is made, what others have a
 * tombstone of is deleted. One at a time, each looked at anew when its turn comes; what fails is told, and
 * tried again when the cluster's topics are told again.
 */

import { type TopicDuty, topicDuty } from '../engine/cluster/topic-duty.js';
import type { OwnTopic } from '../engine/cluster/topic-feed.js';
import { type ClusterTopic, isRingMQError, MAX_REGISTERED_TOPICS } from '../native-free/wire/index.js';

/** What was to be done, as a warning has it. */
const DUTIES = {
  create: 'made, as other broker sets have it',
  grow: 'given as many queues as other broker sets have',
  retain: 'given the retention that other broker sets have',
  delete: 'deleted, as it was elsewhere',
} as const;

export interface TopicKeeperHooks {
  /** The set's name. */
  readonly set: string;
  /** This broker may change topics: it is a master, and nobody has taken over. */
  isMaster(): boolean;
  own(topic: string): OwnTopic;
  /** Rejects where it cannot be made. One that is there already is no error. */
  create(duty: TopicDuty & { do: 'create' }): Promise<void>;
  /** Rejects where there is no room. One that has so many queues, or more, is no error. */
  grow(duty: TopicDuty & { do: 'grow' }): Promise<void>;
  retain(duty: TopicDuty & { do: 'retain' }): Promise<void>;
  /** Deletes it if it is not newer than `upTo`. */
  delete(duty: TopicDuty & { do: 'delete' }): Promise<void>;
  onWarning(message: string, details: Record<string, unknown>): void;
}

export class TopicKeeper {
  readonly #hooks: TopicKeeperHooks;
  /** What is to be looked at, the newest word of each. */
  readonly #waiting = new Map<string, ClusterTopic>();
  /** Something could not be done since {@link takeFailed}. */
  #hasFailed = false;
  /** Of what failed, what was told; at its limit it is forgotten, and told again. */
  readonly #told = new Set<string>();
  #isWorking = false;
  #isClosed = false;

  constructor(hooks: TopicKeeperHooks) {
    this.#hooks = hooks;
  }

  /** What the cluster has of a topic now. */
  hear(topic: ClusterTopic): void {
    if (this.#isClosed || this.#dutyOf(topic) === null) {
      this.#waiting.delete(topic.topic);
      return;
    }
    if (this.#waiting.size >= MAX_REGISTERED_TOPICS) {
      this.#hasFailed = true;
      return;
    }
    this.#waiting.set(topic.topic, topic);
    void this.#work();
  }

  /** True if something could not be done since this was asked last. */
  takeFailed(): boolean {
    const hasFailed = this.#hasFailed;
    this.#hasFailed = false;
    return hasFailed;
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting.clear();
  }

  #dutyOf(topic: ClusterTopic): TopicDuty | null {
    return this.#hooks.isMaster() ? topicDuty(topic, this.#hooks.own(topic.topic), this.#hooks.set) : null;
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    if (this.#isWorking) {
      return;
    }
    this.#isWorking = true;
    for (const [name, topic] of this.#waiting) {
      this.#waiting.delete(name);
      const duty = this.#dutyOf(topic);
      if (duty !== null) {
        await this.#do(duty);
      }
    }
    this.#isWorking = false;
  }

  async #do(duty: TopicDuty): Promise<void> {
    const { topic } = duty;
    try {
      if (duty.do === 'create') {
        await this.#hooks.create(duty);
      } else if (duty.do === 'retain') {
        await this.#hooks.retain(duty);
      } else if (duty.do === 'grow') {
        await this.#hooks.grow(duty);
      } else {
        await this.#hooks.delete(duty);
      }
      this.#told.delete(topic);
    } catch (error) {
      this.#hasFailed = true;
      if (this.#told.size >= MAX_REGISTERED_TOPICS) {
        this.#told.clear();
      }
      if (!this.#told.has(topic) && !this.#isClosed) {
        this.#told.add(topic);
        const why = isRingMQError(error) ? `${error.code}: ${error.message}` : String(error);
        this.#hooks.onWarning(
          `the topic '${topic}' cannot be ${DUTIES[duty.do]}: ${why}; tried again every 30 s`,
          {
            topic,
          },
        );
      }
    }
  }
}
