/** What operators do to consumer groups: making and deleting them, one at a time, and setting where they go on reading. */
import {
  type ControlMethods,
  type GroupInfo,
  type MovedQueue,
  RingMQError,
  type StartPosition,
} from '../../native-free/wire/index.js';
import { type GroupAges, type GroupCoordinator, type GroupOffsets, startOffset } from '../group/index.js';
import type { ControlRecord } from '../meta/control-records.js';
import { type CatalogTopic, checkName, type TopicCatalog } from '../meta/topic-catalog.js';
import type { ControlLog } from './control-log.js';
import type { GroupView } from './group-view.js';

export interface GroupAdminDeps {
  log: ControlLog;
  catalog: TopicCatalog;
  offsets: GroupOffsets;
  coordinator: GroupCoordinator;
  ages: GroupAges;
  view: GroupView;
  /** First offset stored and next one to be given out. */
  queueState(topic: CatalogTopic, queueId: number): { minOffset: number; maxOffset: number };
  /** First offset stored at or after `time`; the queue's end if there is none. */
  findOffsetByTime(topic: CatalogTopic, queueId: number, time: number): number | Promise<number>;
  /** Other work of the thread comes first. */
  pause(): Promise<void>;
}

/** Queues whose positions are looked up by time before other work has its turn. */
export const LOOKUPS_PER_TURN = 64;

export class GroupAdmin {
  readonly #deps: GroupAdminDeps;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: GroupAdminDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a group that stays until it is deleted, whether anybody reads or not. Returns when the log has it,
   * at the broker's flush policy.
   * @throws RingMQError BAD_ARGUMENT, GROUP_EXISTS, TOO_MANY_GROUPS, DISK_FULL, DISK_FAILED
   */
  create({ group, ifNotExists }: ControlMethods['createGroup']['params']): Promise<GroupInfo> {
    const { log, offsets, coordinator, view } = this.#deps;
    return this.#inTurn(async () => {
      checkName('group', group);
      if (offsets.lasts(group)) {
        if (ifNotExists !== true) {
          throw new RingMQError('GROUP_EXISTS', `the group '${group}' exists already`, {
            details: { group },
          });
        }
        if (log.state.createdGroups.has(group)) {
          return view.info(group);
        }
      }
      coordinator.requireRoom(group);
      // A wall clock's time: this is for people to read.
      await log.append([{ type: 'groupCreated', group, createdTime: Date.now() }]);
      offsets.promote(group);
      return view.info(group);
    });
  }

  /**
   * Forgets a group and all it has committed. Returns when the log has it, at the broker's flush policy.
   * @throws RingMQError GROUP_NOT_FOUND, GROUP_BUSY (it has members), DISK_FULL, DISK_FAILED
   */
  delete(group: string): Promise<void> {
    const { log, view } = this.#deps;
    return this.#inTurn(async () => {
      view.require(group);
      this.#refuseBusy(group, 'it can be deleted');
      await log.append([{ type: 'groupDeleted', group }]);
    });
  }

  /**
   * Sets where a group without members goes on reading: on all queues of a topic, or on one. Returns when the
   * log has it, at the broker's flush policy.
   * @throws RingMQError TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, GROUP_NOT_FOUND, GROUP_BUSY, DISK_FULL, DISK_FAILED
   */
  async resetOffset(params: ControlMethods['resetOffset']['params']): Promise<MovedQueue[]> {
    const { group, to } = params;
    const { log, catalog, offsets, ages, view } = this.#deps;
    const topic = catalog.require(params.topic);
    view.require(group);
    this.#refuseBusy(group, 'its offsets can be reset');
    const queues: MovedQueue[] = [];
    for (const queueId of queueIds(topic, params.queueId ?? null)) {
      const offset = await this.positionOf(topic, queueId, to);
      queues.push({ queueId, before: offsets.position(group, topic.topicId, queueId), offset });
      if (queues.length % LOOKUPS_PER_TURN === 0) {
        await this.#deps.pause();
      }
    }
    // It may have got members, or lost its topic, while positions were looked up.
    if (catalog.byId(topic.topicId) === undefined) {
      throw new RingMQError('TOPIC_NOT_FOUND', `the topic '${topic.topic}' was deleted meanwhile`);
    }
    view.require(group);
    this.#refuseBusy(group, 'its offsets can be reset');
    if (params.dryRun !== true) {
      for (const { queueId, offset } of queues) {
        offsets.reset(group, topic.topicId, queueId, offset);
      }
      ages.used(group);
      await log.settled();
    }
    return queues;
  }

  /**
   * Has a group without members go on where another one does. Returns when the log has it.
   * @throws RingMQError TOPIC_NOT_FOUND, GROUP_NOT_FOUND (`from`), BAD_ARGUMENT, GROUP_BUSY, TOO_MANY_GROUPS, DISK_FULL, DISK_FAILED
   */
  async copyOffsets({
    from,
    to,
    topic: name,
    dryRun,
  }: ControlMethods['copyOffsets']['params']): Promise<MovedQueue[]> {
    const { log, catalog, offsets, coordinator, ages, view } = this.#deps;
    const { topicId, queues } = catalog.require(name);
    view.require(from);
    checkName('group', to);
    this.#refuseBusy(to, 'its offsets can be set');
    coordinator.requireRoom(to);
    const moved: MovedQueue[] = [];
    for (let queueId = 0; queueId < queues; queueId++) {
      const offset = offsets.position(from, topicId, queueId);
      if (offset !== null) {
        moved.push({ queueId, before: offsets.position(to, topicId, queueId), offset });
      }
    }
    if (dryRun !== true) {
      for (const { queueId, offset } of moved) {
        offsets.reset(to, topicId, queueId, offset);
      }
      ages.used(to);
      await log.settled();
    }
    return moved;
  }

  /**
   * Has a group get nothing, on a topic or on all, until it is resumed. Returns when the log has it.
   * @throws RingMQError GROUP_NOT_FOUND, TOPIC_NOT_FOUND, DISK_FULL, DISK_FAILED
   */
  setPaused(
    { group, topic }: ControlMethods['pauseGroup']['params'],
    paused: boolean,
  ): Promise<ControlMethods['pauseGroup']['result']> {
    const { log, catalog, offsets, coordinator, view } = this.#deps;
    return this.#inTurn(async () => {
      view.require(group);
      const topicId = topic === null || topic === undefined ? 0 : catalog.require(topic).topicId;
      const isSo = log.state.pausedGroups.get(group)?.has(topicId) === true;
      if (isSo !== paused) {
        // What is said of it lasts, so the group does: it would be forgotten with its last member else.
        const created: ControlRecord[] = offsets.lasts(group)
          ? []
          : [{ type: 'groupCreated', group, createdTime: Date.now() }];
        await log.append([...created, { type: 'groupPaused', group, topicId, paused }]);
        offsets.promote(group);
        coordinator.pauseChanged(group, topicId, paused);
      }
      return view.pausedOf(group);
    });
  }

  /**
   * Has a group, also one at work, go on behind the next messages of a queue. Returns when the log has it.
   * @throws RingMQError TOPIC_NOT_FOUND, QUEUE_NOT_FOUND, GROUP_NOT_FOUND, DISK_FULL, DISK_FAILED
   */
  async skip(params: ControlMethods['skipMessages']['params']): Promise<MovedQueue> {
    const { group, count, dryRun } = params;
    const { log, catalog, offsets, coordinator, ages, view } = this.#deps;
    const topic = catalog.require(params.topic);
    view.require(group);
    const [queueId = 0] = queueIds(topic, params.queueId);
    const { minOffset, maxOffset } = this.#deps.queueState(topic, queueId);
    const before = offsets.position(group, topic.topicId, queueId);
    const at = Math.min(Math.max(before ?? minOffset, minOffset), maxOffset);
    const offset = Math.min(at + count, maxOffset);
    if (dryRun !== true && offset > at) {
      coordinator.held.move(group, topic.topicId, queueId, offset);
      ages.used(group);
      await log.settled();
    }
    return { queueId, before, offset };
  }

  /** The offset that a start position means on a queue now. */
  async positionOf(topic: CatalogTopic, queueId: number, to: StartPosition): Promise<number> {
    const position =
      typeof to === 'object' && 'time' in to
        ? { offset: await this.#deps.findOffsetByTime(topic, queueId, to.time) }
        : to;
    const { minOffset, maxOffset } = this.#deps.queueState(topic, queueId);
    return startOffset(position, minOffset, maxOffset);
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #refuseBusy(group: string, then: string): void {
    const members = this.#deps.coordinator.memberCount(group);
    if (members > 0) {
      throw new RingMQError(
        'GROUP_BUSY',
        `the group '${group}' has ${members} ${members === 1 ? 'member' : 'members'}; ${then} when all have left`,
        { details: { value: members, limit: 0 } },
      );
    }
  }
}

function queueIds(topic: CatalogTopic, queueId: number | null): number[] {
  if (queueId === null) {
    return Array.from({ length: topic.queues }, (_, id) => id);
  }
  if (queueId >= topic.queues) {
    throw new RingMQError(
      'QUEUE_NOT_FOUND',
      `the topic '${topic.topic}' has queues 0 to ${topic.queues - 1}, not ${queueId}`,
      { details: { value: queueId, limit: topic.queues - 1 } },
    );
  }
  return [queueId];
}
