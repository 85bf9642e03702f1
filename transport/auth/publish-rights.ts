/** What a connection's user may publish to, looked up once for each topic and change of its rights. */
import type { TopicEntry } from '../../engine/engine-thread.js';
import { ERRORS } from '../../native-free/wire/index.js';
import type { Principal } from './principal.js';

/** More topics than that begin anew. */
const MAX_TOPICS = 4_096;

export class PublishRights {
  #principal: Principal | null = null;
  #last: TopicEntry | null = null;
  #lastRefusal = 0;
  readonly #refusals = new Map<TopicEntry, number>();

  /** 0, or the wire number of why not. */
  of(topic: TopicEntry, principal: Principal): number {
    if (principal === this.#principal && topic === this.#last) {
      return this.#lastRefusal;
    }
    if (principal !== this.#principal || this.#refusals.size >= MAX_TOPICS) {
      this.#principal = principal;
      this.#refusals.clear();
    }
    let refusal = this.#refusals.get(topic);
    if (refusal === undefined) {
      refusal = refusalOf(topic, principal);
      this.#refusals.set(topic, refusal);
    }
    this.#last = topic;
    this.#lastRefusal = refusal;
    return refusal;
  }
}

/** A topic that the user does not see is one that is not there. */
function refusalOf({ topic }: TopicEntry, { rights }: Principal): number {
  const resource = `topic:${topic}`;
  if (rights.may('publish', resource)) {
    return 0;
  }
  return rights.sees(resource) ? ERRORS.NOT_ALLOWED.wire : ERRORS.TOPIC_NOT_FOUND.wire;
}
