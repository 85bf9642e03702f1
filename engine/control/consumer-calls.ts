/** What consumers ask of their groups: to come in and leave, to give queues back, to commit and to go elsewhere. */
import {
  type ControlMethod,
  type ControlMethods,
  RingMQError,
  type StartPosition,
} from '../../native-free/wire/index.js';
import { GENERATIONS_PER_EPOCH, type GroupCoordinator, type Reader } from '../group/index.js';
import { type CatalogTopic, checkName, type TopicCatalog, topicInfo } from '../meta/topic-catalog.js';
import type { ControlCaller } from './channel-messages.js';
import { LOOKUPS_PER_TURN } from './group-admin.js';

export interface ConsumerCallsDeps {
  catalog: TopicCatalog;
  coordinator: GroupCoordinator;
  /** Of this opening. */
  epoch: number;
  /** Resolves once the log has what was committed so far, at the broker's flush policy. */
  settled(): Promise<void>;
  /** The offset that a start position means on a queue now. */
  positionOf(topic: CatalogTopic, queueId: number, to: StartPosition): Promise<number>;
  /** Other work of the thread comes first. */
  pause(): Promise<void>;
  /** @throws RingMQError TOPIC_NOT_FOUND */
  requireTopic(topicId: number): CatalogTopic;
}

type Params<M extends ControlMethod> = ControlMethods[M]['params'];
type Result<M extends ControlMethod> = ControlMethods[M]['result'];

export class ConsumerCalls {
  readonly #deps: ConsumerCallsDeps;

  constructor(deps: ConsumerCallsDeps) {
    this.#deps = deps;
  }

  join(params: Params<'join'>, caller: ControlCaller): Result<'join'> {
    const topic = this.#deps.catalog.require(params.topic);
    const { group, filter, from, memberId, queueBase, alone } = params;
    if (group !== null) {
      checkName('group', group);
    }
    const id = this.#deps.coordinator.join({
      key: keyOf(caller),
      group: group ?? '',
      topic,
      filter,
      from,
      memberId,
      queueBase,
      alone,
      reader: group === null ? this.#readerOf(params, topic) : null,
      send: (event) => caller.send(event),
    });
    return { memberId: id, topic: topicInfo(topic) };
  }

  #readerOf({ queueIds, positions, from }: Params<'join'>, topic: CatalogTopic): Reader {
    const own = new Map<number, number>();
    if (positions?.topicId === topic.topicId) {
      if (positions.queues.length > 0 && !(typeof from === 'object' && 'time' in from)) {
        // Of queues that have come since it was here, it gets all.
        for (let queueId = 0; queueId < topic.queues; queueId++) {
          own.set(queueId, 0);
        }
      }
      for (const { queueId, generation, offset } of positions.queues) {
        const isOfThisRun = Math.floor(generation / GENERATIONS_PER_EPOCH) === this.#deps.epoch;
        if (isOfThisRun || !topic.memory) {
          own.set(queueId, offset);
        } else {
          // What it had read went with the memory: all that is there is new to it.
          own.set(queueId, 0);
        }
      }
    }
    return { queueIds: queueIds == null ? null : new Set(queueIds), positions: own };
  }

  async seek({ queues, to }: Params<'seek'>, caller: ControlCaller): Promise<Result<'seek'>> {
    const { topicId } = this.#deps.coordinator.topicOf(keyOf(caller));
    const topic = this.#deps.requireTopic(topicId);
    const entries: { queueId: number; generation: number; offset: number }[] = [];
    for (const queue of queues.filter(({ queueId }) => queueId < topic.queues)) {
      entries.push({ ...queue, offset: await this.#deps.positionOf(topic, queue.queueId, to) });
      if (entries.length % LOOKUPS_PER_TURN === 0) {
        await this.#deps.pause();
      }
    }
    // The topic may have gone while positions were looked up.
    this.#deps.requireTopic(topicId);
    return { queues: this.#deps.coordinator.held.seek(keyOf(caller), entries) };
  }

  leave(caller: ControlCaller): Result<'leave'> {
    if (!this.#deps.coordinator.leave(keyOf(caller))) {
      throw new RingMQError('NOT_A_MEMBER');
    }
    return {};
  }

  released({ queues }: Params<'released'>, caller: ControlCaller): Result<'released'> {
    this.#deps.coordinator.held.released(keyOf(caller), queues);
    return {};
  }

  async commit({ offsets }: Params<'commit'>, caller: ControlCaller): Promise<Result<'commit'>> {
    const fenced = this.#deps.coordinator.held.commit(keyOf(caller), offsets);
    await this.#deps.settled();
    return { fenced };
  }
}

/** What a consumer is called among all of the broker's. */
export function memberKey(seat: number, consumerKey: string): string {
  return `${seat}/${consumerKey}`;
}

function keyOf(caller: ControlCaller): string {
  if (caller.consumerKey === undefined) {
    throw new RingMQError('BAD_REQUEST', 'this request needs a consumer');
  }
  return memberKey(caller.seat, caller.consumerKey);
}
