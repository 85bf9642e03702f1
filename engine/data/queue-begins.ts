/** Where queues begin because their topics' retentions have taken what lies before: the log says it, and the queue table goes by it. */
import type { MetaState, TopicCatalog } from '../meta/index.js';
import type { QueueTable } from '../queue/index.js';

export interface QueueBeginsDeps {
  readonly state: MetaState;
  readonly catalog: TopicCatalog;
  readonly table: QueueTable;
  /** Log position up to which messages may be read, in bytes. */
  committed(): number;
}

/**
 * Queues begin where the state says, or at their end where that lies before: a slave's state may be ahead of
 * its log, of which the rest is still to come.
 */
export function beginQueues({ begins }: MetaState, catalog: TopicCatalog, table: QueueTable): void {
  for (const topicId of begins.topicIds()) {
    for (const [queueId, slot] of catalog.byId(topicId)?.slots.entries() ?? []) {
      table.setMinOffset(slot, Math.min(begins.get(topicId, queueId), table.nextOffset(slot)));
    }
  }
}

export class QueueBegins {
  readonly #deps: QueueBeginsDeps;
  /** Position of the last control batch of a master that said so. */
  #saidAt = -1;

  constructor(deps: QueueBeginsDeps) {
    this.#deps = deps;
  }

  /** On a slave: its master has said so there. */
  said(position: number): void {
    this.#saidAt = position;
  }

  /** To be called once a second or so. What may be cut off again with a master is not gone by: a reader would see it undone. */
  follow(): void {
    const { state, catalog, table, committed } = this.#deps;
    if (committed() > this.#saidAt) {
      beginQueues(state, catalog, table);
    }
  }
}
