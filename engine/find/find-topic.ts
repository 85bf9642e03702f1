/** Goes through the queues of a topic and picks what is looked for. */
import { BatchHeader } from '../../native-free/batch/batch-reader.js';
import { messageId, messageIdPrefix } from '../../native-free/wire/index.js';
import { throwUnlessDamage } from '../lane/damage.js';
import { BatchMatch, batchFault } from './batch-match.js';
import { headerAt } from './batch-source.js';
import { FindPage, type PageIdentity } from './find-page.js';
import { type FindAnswer, type FindCursor, type TopicRequest, WHOLE_BATCH } from './find-request.js';
import { QueueWalk, type WalkDeps } from './queue-walk.js';

/** So many queues are gone through in one order, that of the log; of more one after the other. */
export const MAX_MERGED_QUEUES = 1_024;

/** The first batch of a log is the broker's own. */
const BEGINNING: FindCursor = { queueId: null, position: 0, index: WHOLE_BATCH };

/** `maxMs`: after so long it is left to the next call. @throws RingMQError TOPIC_NOT_FOUND (meanwhile), disk errors */
export function findInTopic(
  deps: WalkDeps,
  request: TopicRequest,
  brokerId: string,
  maxMs?: number,
): FindAnswer {
  const identity = { brokerId, memory: request.memory };
  return new TopicSearch(deps, request, identity, maxMs).run();
}

class TopicSearch {
  readonly #deps: WalkDeps;
  readonly #request: TopicRequest;
  readonly #identity: PageIdentity;
  readonly #page: FindPage;
  readonly #match: BatchMatch;
  readonly #header = new BatchHeader();
  /** Behind what was looked at last. */
  #cursor: FindCursor;

  constructor(deps: WalkDeps, request: TopicRequest, identity: PageIdentity, maxMs: number | undefined) {
    this.#deps = deps;
    this.#request = request;
    this.#identity = identity;
    this.#page = new FindPage(identity, request, maxMs);
    this.#match = new BatchMatch(request);
    this.#cursor = request.cursor ?? BEGINNING;
  }

  run(): FindAnswer {
    const isComplete = this.#request.slots.length > MAX_MERGED_QUEUES ? this.#oneByOne() : this.#merged();
    const { messages, damage } = this.#page;
    return {
      topicId: this.#request.topicId,
      messages,
      damage,
      cursor: isComplete ? null : cursorText(this.#cursor, this.#identity),
      complete: isComplete,
    };
  }

  /** True: all has been looked at. */
  #merged(): boolean {
    const walks: QueueWalk[] = [];
    for (let number = 0; number < this.#request.slots.length; number++) {
      const walk = new QueueWalk(this.#deps, this.#request, this.#page, number);
      if (walk.begin(this.#request.cursor)) {
        walks.push(walk);
      }
    }
    while (walks.length > 0) {
      if (this.#page.isFull) {
        return false;
      }
      let first = 0;
      for (let i = 1; i < walks.length; i++) {
        if ((walks[i] as QueueWalk).position < (walks[first] as QueueWalk).position) {
          first = i;
        }
      }
      const hasMore = this.#look(walks[first] as QueueWalk, null);
      if (!hasMore) {
        walks.splice(first, 1);
      }
      if (this.#page.isOver && walks.length > 0) {
        return false;
      }
    }
    return true;
  }

  #oneByOne(): boolean {
    const { slots, firstQueueId, cursor } = this.#request;
    const begin = cursor?.queueId ?? firstQueueId;
    for (let number = begin - firstQueueId; number < slots.length; number++) {
      const walk = new QueueWalk(this.#deps, this.#request, this.#page, number);
      let hasMore = walk.begin(walk.queueId === begin ? cursor : null);
      while (hasMore) {
        if (this.#page.isFull) {
          return false;
        }
        hasMore = this.#look(walk, walk.queueId);
        if (this.#page.isOver && hasMore) {
          return false;
        }
      }
      this.#cursor = { queueId: walk.queueId + 1, position: 0, index: WHOLE_BATCH };
      if (this.#page.isOver && number + 1 < slots.length) {
        return false;
      }
    }
    return true;
  }

  /** Looks at the batch that a walk has come to, and goes on behind it. False: nothing is left of the queue. */
  #look(walk: QueueWalk, queueId: number | null): boolean {
    const { position } = walk;
    const behind = { queueId, position, index: WHOLE_BATCH };
    const bytes = this.#read(walk);
    if (bytes !== undefined) {
      if (bytes !== null) {
        const from = walk.offset - walk.baseOffset;
        const next = this.#match.collect(bytes, this.#header, from, this.#page, walk.wanted);
        if (next < walk.wanted) {
          walk.offset = walk.baseOffset + next;
          this.#cursor = { queueId, position, index: next - 1 };
          return true;
        }
      }
      this.#cursor = behind;
      return walk.skip();
    }
    this.#cursor = behind;
    return walk.skipGone();
  }

  /** The batch; null: nothing of it is wanted, or it is damaged, which is told; undefined: it is gone. */
  #read(walk: QueueWalk): Uint8Array | null | undefined {
    const { source } = this.#deps;
    try {
      if (this.#match.readsHeaders) {
        const header = headerAt(source, walk.position);
        this.#page.cost(header?.length ?? 0);
        if (header === null) {
          return undefined;
        }
        if (!this.#match.mayHave(header)) {
          return null;
        }
      }
      const bytes = source.read(walk.position, walk.bytes);
      this.#page.cost(walk.bytes);
      if (bytes === null) {
        return undefined;
      }
      const fault = batchFault(bytes, walk.position, this.#header);
      if (fault === null && this.#header.baseOffset === walk.baseOffset) {
        return bytes;
      }
      // A memory ring's place may have been given to another batch meanwhile.
      this.#page.tellDamage(
        walk.queueId,
        walk.offset,
        fault ?? `log position ${walk.position}: another batch`,
      );
    } catch (error) {
      throwUnlessDamage(error);
      this.#page.tellDamage(walk.queueId, walk.offset, (error as Error).message);
    }
    return null;
  }
}

/** As it stands in answers: the id of what was looked at last, with the queue where queues are gone through one by one. */
export function cursorText(cursor: FindCursor, { brokerId, memory }: PageIdentity): string {
  const id = messageId(messageIdPrefix(brokerId, memory, cursor.position), cursor.index);
  return cursor.queueId === null ? id : `${cursor.queueId}/${id}`;
}
