/** What the broker said of topics, asked once for each and link. Shared by the producers of a client. */

import { NAME_PATTERN, RingMQError, type TopicInfo } from '../../wire/index.js';
import type { Requests } from '../link/requests.js';
import { kindOf } from '../options.js';

/** Topics remembered at most; the one asked for longest ago is forgotten first. */
const MAX_TOPICS = 65_536;

interface Known {
  readonly answer: Promise<TopicInfo>;
  /** The topic has changed since it was asked for: an answer that is still to come is of before. */
  isOutdated: boolean;
}

export class TopicCache {
  readonly #requests: Requests;
  readonly #known = new Map<string, Known>();
  /** The link that what is known comes from. */
  #link = 0;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /**
   * Rejects with `TOPIC_NOT_FOUND`, `BAD_ARGUMENT` for an impossible name, or what a request may fail with.
   * Failures are not remembered. A topic that is forgotten while it is asked for is asked for again.
   */
  lookUp(topic: string): Promise<TopicInfo> {
    if (this.#link !== this.#requests.link) {
      // What changed while there was no link was not told.
      this.#link = this.#requests.link;
      this.#known.clear();
    }
    const known = this.#known.get(topic);
    if (known !== undefined) {
      return known.answer;
    }
    if (!isTopicName(topic)) {
      return Promise.reject(
        new RingMQError(
          'BAD_ARGUMENT',
          `topic is no topic's name (1–127 of A–Z a–z 0–9 . _ / -), but ${kindOf(topic)}`,
          {
            details: { option: 'topic', value: kindOf(topic) },
          },
        ),
      );
    }
    const asked: Known = {
      answer: this.#requests
        .call('topicMetadata', { topic })
        .then((info) => (asked.isOutdated ? this.lookUp(topic) : checkedInfo(info))),
      isOutdated: false,
    };
    this.#known.set(topic, asked);
    if (this.#known.size > MAX_TOPICS) {
      this.#known.delete(this.#known.keys().next().value as string);
    }
    asked.answer.catch(() => {
      if (this.#known.get(topic) === asked) {
        this.#known.delete(topic);
      }
    });
    return asked.answer;
  }

  /** It has changed. */
  forget(topic: string): void {
    const known = this.#known.get(topic);
    if (known !== undefined) {
      known.isOutdated = true;
      this.#known.delete(topic);
    }
  }
}

/** `%` begins the broker's own topics, which may be written to by name. */
function isTopicName(topic: string): boolean {
  return NAME_PATTERN.test(topic.startsWith('%') ? topic.slice(1) : topic);
}

function checkedInfo(info: TopicInfo): TopicInfo {
  if (Number.isInteger(info.topicId) && Number.isInteger(info.queues) && info.queues > 0) {
    return info;
  }
  throw new RingMQError('BAD_FRAME', 'the broker described a topic without id or queues');
}
