/**
 * Control batches that lie below the state's place, applied to it once more: the log has been repaired, and
 * may say there what the state never heard. Records are absolute, so the state is what it was, and has what
 * it lacked, once its place is reached; on the way it goes through what was long ago. What is still damaged
 * there must not make the state older than it is: then the snapshot is applied over it at its place.
 */
import type { ControlRecord } from '../meta/control-records.js';
import type { MetaState, TopicCatalog } from '../meta/index.js';

export interface AppliedAgainDeps {
  /** As the snapshot has it: nothing was applied to it yet. */
  readonly state: MetaState;
  readonly catalog: TopicCatalog;
  /** The snapshot's place: log position in bytes. */
  readonly position: number;
  apply(record: ControlRecord): void;
}

export class AppliedAgain {
  readonly #deps: AppliedAgainDeps;
  readonly #snapshot: readonly ControlRecord[];
  /** Of the snapshot's topics, by name. */
  readonly #ids = new Map<string, number>();
  /** Names that the snapshot has a deletion of, with the newest topic's id. */
  readonly #deleted = new Map<string, number>();
  #hasDamage = false;
  #isOver = false;

  constructor(deps: AppliedAgainDeps) {
    this.#deps = deps;
    this.#snapshot = [...deps.state.records()];
    for (const { topic, topicId } of deps.state.topics.values()) {
      this.#ids.set(topic, topicId);
    }
    for (const { topic, topicId } of deps.state.tombstones.values()) {
      this.#deleted.set(topic, topicId);
    }
  }

  /** Something below the snapshot's place cannot be read. */
  isDamaged(position: number): void {
    this.#hasDamage ||= position < this.#deps.position;
  }

  /** The log has been read up to `position`; infinite: to its end. */
  reaches(position: number): void {
    if (this.#isOver || position < this.#deps.position) {
      return;
    }
    this.#isOver = true;
    for (const record of this.#hasDamage ? this.#snapshot : []) {
      this.#deps.apply(record);
    }
  }

  /**
   * Whether a record of below the place makes a topic that is no more: its queues would be another's that
   * took their name, or their room. That there is no room for it says so, too, as there was when it was made.
   */
  isPast(record: ControlRecord): boolean {
    if (this.#isOver || record.type !== 'topicCreated') {
      return false;
    }
    const { topic, topicId, queues } = record;
    const known = this.#ids.get(topic) ?? 0;
    return (
      known > topicId ||
      (this.#deleted.get(topic) ?? 0) >= topicId ||
      (known !== topicId && this.#deps.catalog.freeQueues < queues)
    );
  }
}
