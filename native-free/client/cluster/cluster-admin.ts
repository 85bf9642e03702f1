/**
 * Topics and groups of a whole cluster: what changes them is sent to each master, what is asked of them is
 * put together from the sets' answers.
 */
import type {
  AuditEntry,
  BrokerStats,
  ConsumedByGroup,
  ControlMethod,
  ControlMethods,
  GroupInfo,
  GroupLag,
  GroupReport,
  GrownTopic,
  RoleInfo,
  TopicDescription,
  TopicInfo,
  UserInfo,
} from '../../wire/index.js';
import type { AccessChange, AccessLists, AuditWanted, ChangeOptions } from '../access-calls.js';
import { newGroupParams, offsetResetParams } from '../admin-params.js';
import { takeQuestion, takeSearch } from '../find-params.js';
import { anyNameOption, takeCallOptions } from '../options.js';
import { INSPECT, shown } from '../shown.js';
import type {
  Admin,
  CallOptions,
  ConsumedQuestion,
  FoundPage,
  MessageSearch,
  NewGroup,
  NewTopic,
  OffsetReset,
  ResetQueue,
  TopicGrowth,
  TopicRetention,
} from '../types.js';
import { type Part, WatchCalls } from '../watch-calls.js';
import { mergedFound, type SetCursors, setCursors } from './found-merged.js';
import {
  addedStats,
  mergedGrants,
  mergedGroup,
  mergedGroups,
  mergedTopic,
  mergedTopics,
  newestOfEach,
} from './merged.js';
import { type AdministeredSets, AWAY, type Outcomes, SetCalls, throwFailed } from './set-calls.js';
import { TopicChanges } from './topic-changes.js';

export class ClusterAdmin extends WatchCalls implements Admin {
  readonly #brokers: AdministeredSets;
  readonly #sets: SetCalls;
  readonly #topics: TopicChanges;

  constructor(brokers: AdministeredSets) {
    super();
    this.#brokers = brokers;
    this.#sets = new SetCalls(brokers);
    this.#topics = new TopicChanges(this.#sets);
  }

  async createTopic(topic: NewTopic, options?: CallOptions): Promise<TopicInfo> {
    return this.#topics.create(topic, takeCallOptions('createTopic', options));
  }

  async listTopics(options?: CallOptions): Promise<TopicInfo[]> {
    const how = takeCallOptions('listTopics', options);
    const outcomes = await this.#sets.each((admin) => admin.listTopics(how));
    this.#sets.checkAnswered('listTopics', outcomes);
    return mergedTopics(outcomes.done);
  }

  async describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription> {
    const how = takeCallOptions('describeTopic', options);
    anyNameOption('topic', topic);
    const outcomes = await this.#sets.each((admin) => admin.describeTopic(topic, how));
    this.#sets.checkAnswered('describeTopic', outcomes, ['TOPIC_NOT_FOUND']);
    return mergedTopic(outcomes.done);
  }

  async setTopicRetention(retention: TopicRetention, options?: CallOptions): Promise<TopicInfo> {
    return this.#topics.retain(retention, takeCallOptions('setTopicRetention', options));
  }

  async growTopic(growth: TopicGrowth, options?: CallOptions): Promise<GrownTopic> {
    return this.#topics.grow(growth, takeCallOptions('growTopic', options));
  }

  async deleteTopic(topic: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteTopic', options);
    anyNameOption('topic', topic);
    const outcomes = await this.#sets.each((admin) => admin.deleteTopic(topic, how));
    throwFailed('deleteTopic', outcomes, ['TOPIC_NOT_FOUND', ...AWAY]);
  }

  async listGroups(options?: CallOptions): Promise<GroupInfo[]> {
    const how = takeCallOptions('listGroups', options);
    const outcomes = await this.#sets.each((admin) => admin.listGroups(how));
    this.#sets.checkAnswered('listGroups', outcomes);
    return mergedGroups(outcomes.done);
  }

  async describeGroup(group: string, options?: CallOptions): Promise<GroupReport> {
    const how = takeCallOptions('describeGroup', options);
    anyNameOption('group', group);
    const outcomes = await this.#sets.each((admin) => admin.describeGroup(group, how));
    this.#sets.checkAnswered('describeGroup', outcomes, ['GROUP_NOT_FOUND']);
    return mergedGroup(outcomes.done);
  }

  async createGroup(group: NewGroup, options?: CallOptions): Promise<GroupInfo> {
    const how = takeCallOptions('createGroup', options);
    const params = newGroupParams(group);
    const outcomes = await this.#sets.each((admin) => admin.createGroup(params, how));
    throwFailed('createGroup', outcomes, []);
    return mergedGroups(outcomes.done.map(({ set, value }) => ({ set, value: [value] })))[0] as GroupInfo;
  }

  async deleteGroup(group: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteGroup', options);
    anyNameOption('group', group);
    const outcomes = await this.#sets.each((admin) => admin.deleteGroup(group, how));
    throwFailed('deleteGroup', outcomes, ['GROUP_NOT_FOUND']);
  }

  async resetOffset(change: OffsetReset, options?: CallOptions): Promise<ResetQueue[]> {
    const how = takeCallOptions('resetOffset', options);
    const { brokerSet, queueId, ...place } = offsetResetParams(change);
    const reset = queueId === null ? place : { ...place, queueId };
    const outcomes = await this.#sets.each(
      (admin) => admin.resetOffset(reset, how),
      queueId !== null ? this.#sets.theOne(brokerSet) : brokerSet === undefined ? undefined : [brokerSet],
    );
    if (outcomes.done.length > 0) {
      await this.#resetUnread(reset, outcomes, how);
    }
    throwFailed(
      'resetOffset',
      outcomes,
      place.dryRun === true ? ['TOPIC_NOT_FOUND', 'GROUP_NOT_FOUND'] : ['TOPIC_NOT_FOUND'],
    );
    return outcomes.done.flatMap(({ set, value }) => value.map((queue) => ({ brokerSet: set, ...queue })));
  }

  /** Sets that the group has read nothing of: it is made there, or it would begin where its members want to, and not where it is to. */
  async #resetUnread(
    reset: OffsetReset,
    outcomes: Outcomes<ResetQueue[]>,
    options: CallOptions,
  ): Promise<void> {
    const unread = outcomes.failed
      .filter(({ error }) => error.code === 'GROUP_NOT_FOUND')
      .map(({ set }) => set);
    if (unread.length === 0 || reset.dryRun === true) {
      return;
    }
    const again = await this.#sets.each(async (admin) => {
      await admin.createGroup({ group: reset.group, ifNotExists: true }, options);
      return admin.resetOffset(reset, options);
    }, unread);
    outcomes.done.push(...again.done);
    outcomes.done.sort((a, b) => (a.set < b.set ? -1 : 1));
    outcomes.failed = [...outcomes.failed.filter(({ set }) => !unread.includes(set)), ...again.failed];
  }

  protected async askEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    passed: readonly string[] = [],
  ): Promise<Part<ControlMethods[M]['result']>[]> {
    const outcomes = await this.#sets.each((admin) => admin.call(method, params, how));
    this.#sets.checkAnswered(method, outcomes, passed);
    return outcomes.done;
  }

  protected async changeEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    passed: readonly string[] = [],
  ): Promise<Part<ControlMethods[M]['result']>[]> {
    const outcomes = await this.#sets.each((admin) => admin.call(method, params, how));
    throwFailed(method, outcomes, passed);
    return outcomes.done;
  }

  async findMessages(search: MessageSearch, options?: CallOptions): Promise<FoundPage> {
    const how = takeCallOptions('findMessages', options);
    const { brokerSet, params } = takeSearch(search);
    const sets =
      brokerSet === undefined ? this.#sets.chosen(undefined, 'brokerSet').map(({ set }) => set) : [brokerSet];
    const cursors: SetCursors =
      params.cursor === null || params.cursor === undefined
        ? new Map(sets.map((set) => [set, null]))
        : setCursors(params.cursor);
    const outcomes = await this.#sets.each(
      (admin, { set }) => admin.findAt({ ...params, cursor: cursors.get(set) ?? null }, how),
      [...cursors.keys()],
      params.cursor === null ? 'brokerSet' : 'cursor',
    );
    const without = ['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND'];
    // Sets without the topic do not hide that those which have it lack the queue.
    this.#sets.checkAnswered(
      'findMessages',
      outcomes,
      outcomes.done.length > 0 ? without : ['TOPIC_NOT_FOUND'],
    );
    const missing = outcomes.failed.filter(({ error }) => !without.includes(error.code));
    return mergedFound(
      outcomes.done,
      missing.map(({ set }) => set),
      cursors,
      params.limit,
    );
  }

  async consumedBy(message: ConsumedQuestion, options?: CallOptions): Promise<ConsumedByGroup[]> {
    const how = takeCallOptions('consumedBy', options);
    const { brokerSet, params } = takeQuestion(message);
    const outcomes = await this.#sets.each(
      (admin) => admin.consumedBy(params, how),
      this.#sets.theOne(brokerSet),
    );
    throwFailed('consumedBy', outcomes, []);
    return outcomes.done.flatMap(({ value }) => value);
  }

  protected async lagsOfEach(how: CallOptions): Promise<Part<GroupLag[]>[]> {
    const outcomes = await this.#sets.each((admin) => admin.groupLags(how));
    this.#sets.checkAnswered('groupLags', outcomes);
    return outcomes.done;
  }

  protected async changeOne<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    brokerSet: string | undefined,
  ): Promise<Part<ControlMethods[M]['result']>> {
    const only = this.#sets.theOne(brokerSet);
    const outcomes = await this.#sets.each((admin) => admin.call(method, params, how), only);
    throwFailed(method, outcomes, []);
    return outcomes.done[0] as Part<ControlMethods[M]['result']>;
  }

  /** Each set has its own users: all are told, and one that cannot be reached is told of in the error. */
  protected async changeAccess<M extends AccessChange>(
    method: M,
    params: ControlMethods[M]['params'],
    how: ChangeOptions,
  ): Promise<ControlMethods[M]['result']> {
    const outcomes = await this.#sets.each((admin) => admin.changeAt(method, params, how));
    throwFailed(method, outcomes, DONE_BEFORE[method] ?? []);
    return outcomes.done[0]?.value as ControlMethods[M]['result'];
  }

  protected async listAccess<L extends keyof AccessLists>(
    list: L,
    how: CallOptions,
  ): Promise<AccessLists[L]> {
    if (list === 'listGrants') {
      const [users, roles] = await Promise.all([
        this.listAccess('listUsers', how),
        this.listAccess('listRoles', how),
      ]);
      return mergedGrants(users, roles) as AccessLists[L];
    }
    const outcomes = await this.#sets.each(
      (admin): Promise<(UserInfo | RoleInfo)[]> =>
        list === 'listUsers' ? admin.listUsers(how) : admin.listRoles(how),
    );
    this.#sets.checkAnswered(list, outcomes);
    return newestOfEach(outcomes.done.flatMap(({ value }) => value)) as AccessLists[L];
  }

  /** Each set has its own, of what was done there. */
  protected async askAudit(wanted: AuditWanted, how: CallOptions): Promise<AuditEntry[]> {
    const outcomes = await this.#sets.each((admin) => admin.auditAt(wanted, how));
    this.#sets.checkAnswered('listAudit', outcomes);
    return outcomes.done
      .flatMap(({ set, value }) => value.map((entry) => ({ ...entry, brokerSet: set })))
      .sort((a, b) => a.time - b.time);
  }

  /** What all sets allow. */
  protected async askAccess(
    params: ControlMethods['testAccess']['params'],
    how: CallOptions,
  ): Promise<boolean> {
    const outcomes = await this.#sets.each((admin) => admin.testAccess(params, how));
    this.#sets.checkAnswered('testAccess', outcomes);
    return outcomes.done.every(({ value }) => value);
  }

  async stats(options?: CallOptions): Promise<BrokerStats> {
    const how = takeCallOptions('stats', options);
    const outcomes = await this.#sets.each((admin) => admin.stats(how));
    this.#sets.checkAnswered('stats', outcomes);
    return addedStats(outcomes.done.map(({ value }) => value));
  }

  [INSPECT](): object {
    return shown('Admin', { cluster: this.#brokers.keeper.cluster });
  }
}

/** What a set says of a change that another set had to be told of once more. */
const DONE_BEFORE: Partial<Record<AccessChange, readonly string[]>> = {
  createUser: ['USER_EXISTS'],
  createRole: ['USER_EXISTS'],
  deleteUser: ['USER_NOT_FOUND'],
  deleteRole: ['USER_NOT_FOUND'],
};
