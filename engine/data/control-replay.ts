/**
 * What the control batches of a log do when it is read: to the state, and to what follows from it, the
 * catalog and the rows of the queue table. A recovery applies the log behind its snapshot by this, and so
 * does a broker that follows another one's log.
 */
import { BATCH, isRingMQError, MAX_QUEUES_PER_TOPIC, readUint32 } from '../../native-free/wire/index.js';
import type { ControlRecord } from '../meta/control-records.js';
import { type CatalogTopic, type MetaState, recordsOf, type TopicCatalog } from '../meta/index.js';
import { AppliedAgain } from './applied-again.js';
import { IdRanges } from './id-ranges.js';

export interface ControlReplayDeps {
  state: MetaState;
  catalog: TopicCatalog;
  /**
   * Makes the queue table ready for a topic's queues, from the one with the number `from` on: 0, it is new.
   * What comes behind that in the log may be indexed when this returns.
   */
  openQueues(topic: CatalogTopic, from: number): void;
  /** The topic has another retention. */
  retained?(topic: CatalogTopic): void;
  /** Queues begin further up, as a control batch at `position` says. */
  begun?(position: number): void;
  /** Ends a deleted topic's queues. Who says so must free its slots in the catalog, once no thread uses them. */
  closeQueues(topic: CatalogTopic): void;
}

/** Of what is damaged or missing, at most so many are named. */
const MAX_NAMED = 16;

export class ControlReplay {
  readonly #deps: ControlReplayDeps;
  #damaged: number[] = [];
  #damagedCount = 0;
  /** Topics with ids from here on are not in the state that it began with. */
  readonly #firstNewId: number;
  /** Of those. Ids are given out in order, so they are few ranges, however many topics a slave sees come and go. */
  readonly #created = new IdRanges();
  readonly #unknownTopics = new Set<number>();
  /** Names of topics with queues that no record has made. */
  readonly #shortTopics = new Set<string>();
  /** While what it applies lies below the state's place. */
  #again: AppliedAgain | null = null;

  constructor(deps: ControlReplayDeps) {
    this.#deps = deps;
    this.#firstNewId = deps.state.nextTopicId;
  }

  /** Entries that are kept of what it has seen: bounded. */
  get keptCount(): number {
    return this.#created.count + this.#unknownTopics.size + this.#shortTopics.size + this.#damaged.length;
  }

  /** A topic that the state had from the beginning. */
  open(topic: CatalogTopic): void {
    this.#deps.openQueues(topic, 0);
  }

  /** One control batch. @throws RingMQError LOG_CORRUPT (records that cannot be), BAD_CONFIG (more queues than the broker may have) */
  apply(header: Uint8Array, position: number, body: Uint8Array): void {
    try {
      for (const record of recordsOf(header, body)) {
        if (this.#again?.isPast(record) !== true) {
          this.#applyOne(record);
          if (record.type === 'queueBegins') {
            this.#deps.begun?.(position);
          }
        }
      }
    } catch (error) {
      if (isRingMQError(error) && error.code === 'LOG_CORRUPT') {
        error.message = `${error.message} (control batch at log position ${position})`;
      }
      throw error;
    }
  }

  /** The state has all below `position` already, and it is applied once more. */
  applyAgain(position: number): AppliedAgain {
    const { state, catalog } = this.#deps;
    const apply = (record: ControlRecord): void => this.#applyOne(record);
    this.#again = new AppliedAgain({ state, catalog, position, apply });
    return this.#again;
  }

  /** A control batch whose records cannot be read. */
  isDamaged(position: number): void {
    this.#damagedCount++;
    if (this.#damaged.length < MAX_NAMED) {
      this.#damaged.push(position);
    }
  }

  /** Messages of a topic. One that was never created was created by a record that is lost: its id is not given out again. */
  sees(header: Uint8Array): void {
    const topicId = readUint32(header, BATCH.topicId);
    const known = this.#deps.catalog.byId(topicId);
    if (known !== undefined) {
      this.#seesQueue(known, readUint32(header, BATCH.queueId));
      return;
    }
    if (topicId < this.#firstNewId || this.#created.has(topicId)) {
      return;
    }
    if (this.#unknownTopics.size < MAX_NAMED) {
      this.#unknownTopics.add(topicId);
    }
    const { state } = this.#deps;
    if (topicId >= state.nextTopicId) {
      state.apply({ type: 'topicIds', nextTopicId: topicId + 1 });
    }
  }

  /** A topic's queue that was never made was made by a record that is lost: its messages show that it is there. */
  #seesQueue(known: CatalogTopic, queueId: number): void {
    const { state } = this.#deps;
    const stored = state.topics.get(known.topicId);
    if (queueId < known.queues || queueId >= MAX_QUEUES_PER_TOPIC || stored === undefined) {
      return;
    }
    if (this.#shortTopics.size < MAX_NAMED) {
      this.#shortTopics.add(known.topic);
    }
    state.apply({ type: 'topicCreated', ...stored, queues: queueId + 1 });
    this.#grow(known, queueId + 1);
  }

  /** What an operator should know of it; null: all is well. */
  get warning(): string | null {
    const parts: string[] = [];
    if (this.#damagedCount > 0) {
      const places = this.#damaged.join(', ') + (this.#damagedCount > this.#damaged.length ? ', …' : '');
      const batches = this.#damagedCount === 1 ? 'a control batch' : `${this.#damagedCount} control batches`;
      parts.push(
        `${batches} in the log cannot be read (position ${places}): topics and groups that were created or deleted there, and offsets that were committed there, are as they were before`,
      );
    }
    if (this.#unknownTopics.size > 0) {
      parts.push(
        `the creation of topics with the ids ${[...this.#unknownTopics].join(', ')} is missing from the log; their messages are in it and can be reached by no name`,
      );
    }
    if (this.#shortTopics.size > 0) {
      parts.push(
        `that the topics ${[...this.#shortTopics].join(', ')} got more queues is missing from the log; those that have messages are there, others may be missing: have the topics grow again`,
      );
    }
    return parts.length === 0 ? null : parts.join('; ');
  }

  #applyOne(record: ControlRecord): void {
    const { state, catalog } = this.#deps;
    state.apply(record);
    if (record.type === 'topicCreated' && record.topicId >= this.#firstNewId) {
      this.#created.add(record.topicId);
    }
    if (record.type === 'topicDeleted') {
      this.#close(catalog.byId(record.topicId));
    } else if (record.type === 'topicCreated') {
      const known = catalog.byId(record.topicId);
      if (known === undefined) {
        // Its deletion may be among what is damaged.
        this.#close(catalog.byName(record.topic));
        this.#deps.openQueues(catalog.restore(record), 0);
      } else {
        this.#grow(known, record.queues);
        this.#retain(record.topicId);
      }
    }
  }

  /** As the state has it, which knows what was said last. */
  #retain(topicId: number): void {
    const { state, catalog } = this.#deps;
    const known = catalog.byId(topicId);
    const { retentionMs = null, retentionSetTime = 0 } = state.topics.get(topicId) ?? {};
    if (known !== undefined && known.retentionSetTime !== retentionSetTime) {
      catalog.retain(known, retentionMs, retentionSetTime);
      this.#deps.retained?.(known);
    }
  }

  #grow(known: CatalogTopic, queues: number): void {
    if (queues > known.queues) {
      this.#deps.openQueues(this.#deps.catalog.restoreGrown(known, queues), known.queues);
    }
  }

  #close(topic: CatalogTopic | undefined): void {
    if (topic !== undefined) {
      this.#deps.catalog.remove(topic);
      this.#deps.closeQueues(topic);
    }
  }
}
