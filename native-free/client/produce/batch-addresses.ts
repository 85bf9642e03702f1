/**
 * Which opening of which broker a producer's batches are addressed to. Topics have other numbers at another
 * one, so they are looked up anew, and batches go to the topic of the same name.
 */
import { isRingMQError, type RingMQError, type TopicInfo } from '../../wire/index.js';
import type { Origin } from '../link/frame-sender.js';
import type { SendLine } from '../link/send-line.js';
import type { BatchOwner } from './batch-owner.js';
import { addressProblem } from './batch-problems.js';
import type { SendWindow } from './send-window.js';

export class BatchAddresses {
  readonly #line: SendLine;
  readonly #window: SendWindow;
  readonly #owner: BatchOwner;
  /** What the topic numbers of batches were learnt from. */
  #origin: Origin;

  constructor(line: SendLine, window: SendWindow, owner: BatchOwner) {
    this.#line = line;
    this.#window = window;
    this.#owner = owner;
    this.#origin = line.origin;
  }

  /** The link is to another opening, or to another broker. */
  get areOld(): boolean {
    const { brokerId, opening } = this.#line.origin;
    return brokerId !== this.#origin.brokerId || opening !== this.#origin.opening;
  }

  /** Has the topics of all batches looked up, for {@link renew}. False: there are no batches, and what comes next is addressed as it must be. */
  lookUp(): boolean {
    const topics = new Set<string>();
    for (const batch of this.#window.unsettled()) {
      topics.add(batch.topic);
    }
    if (topics.size === 0) {
      this.#origin = this.#line.origin;
      return false;
    }
    this.#owner.onOtherOpening(topics);
    return true;
  }

  /**
   * Addresses all batches to the topics as they are where the link goes now; those that cannot go there fail.
   * True: that is another broker.
   */
  renew(topics: ReadonlyMap<string, TopicInfo | RingMQError>): boolean {
    const { origin } = this.#line;
    const isOtherBroker = origin.brokerId !== this.#origin.brokerId;
    for (const batch of this.#window.unsettled()) {
      const info = topics.get(batch.topic);
      const problem = isRingMQError(info) ? info : addressProblem(batch, info, isOtherBroker);
      if (problem === null) {
        batch.topicId = (info as TopicInfo).topicId;
        batch.memory = (info as TopicInfo).memory;
      } else {
        this.#window.takeOut(batch);
        this.#owner.onFailedBatch(batch, problem, true);
      }
    }
    this.#origin = origin;
    return isOtherBroker;
  }
}
