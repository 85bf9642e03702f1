/** Topics and groups, by control requests. Arguments are checked at the call: what is wrong with one never costs a round trip. */
import {
  type AuditEntry,
  type BrokerStats,
  type ConsumedByGroup,
  type ControlMethod,
  type ControlMethods,
  type FindParams,
  type FindResult,
  type GroupDescription,
  type GroupInfo,
  type GroupLag,
  type GroupReport,
  type GrownTopic,
  groupMembers,
  isRingMQError,
  type PageResult,
  RingMQError,
  type TopicDescription,
  type TopicInfo,
} from '../wire/index.js';
import {
  type AccessChange,
  type AccessLists,
  type AuditWanted,
  type ChangeOptions,
  itemsOf,
} from './access-calls.js';
import {
  growthParams,
  newGroupParams,
  newTopicParams,
  offsetResetParams,
  retentionParams,
} from './admin-params.js';
import { ownFound, takeQuestion, takeSearch } from './find-params.js';
import type { Requests } from './link/requests.js';
import { isSaltAndRounds } from './link/scram-login.js';
import { anyNameOption, takeCallOptions } from './options.js';
import { allPages, wholeOf } from './page-walk.js';
import { INSPECT, shown } from './shown.js';
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
} from './types.js';
import { type Part, WatchCalls } from './watch-calls.js';

export class ControlAdmin extends WatchCalls implements Admin {
  readonly #requests: Requests;
  readonly #changed: (topic: string) => void;

  /** `changed`: the topic was made or deleted. What the client knew of it is not to outlive the call. */
  constructor(requests: Requests, changed: (topic: string) => void = () => {}) {
    super();
    this.#requests = requests;
    this.#changed = changed;
  }

  /** `createdTime`: of a topic that other broker sets have already. */
  async createTopic(
    topic: NewTopic,
    options?: CallOptions,
    createdTime: number | null = null,
  ): Promise<TopicInfo> {
    const how = takeCallOptions('createTopic', options);
    const params = { ...newTopicParams(topic), ...(createdTime === null ? {} : { createdTime }) };
    const made = await this.#requests.call('createTopic', params, {
      ...how,
      mayRepeat: params.ifNotExists,
    });
    this.#changed(made.topic);
    return made;
  }

  async listTopics(options?: CallOptions): Promise<TopicInfo[]> {
    const how = takeCallOptions('listTopics', options);
    return allPages(
      (cursor) => this.#requests.call('listTopics', { cursor }, how),
      (page) => page.topics,
    );
  }

  async describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription> {
    const how = takeCallOptions('describeTopic', options);
    const params = { topic: anyNameOption('topic', topic) };
    let first: (TopicDescription & PageResult) | undefined;
    const queueStates = await allPages(
      async (cursor) => {
        const page = await this.#requests.call('describeTopic', { ...params, cursor }, how);
        if (first !== undefined && first.topicId !== page.topicId) {
          throw new RingMQError(
            'TOPIC_NOT_FOUND',
            `the topic '${topic}' was deleted and made again meanwhile`,
          );
        }
        first ??= page;
        return page;
      },
      (page) => page.queueStates,
    );
    return { ...wholeOf(first as TopicDescription & PageResult), queueStates };
  }

  /** `setTime`: when another broker set was told so. */
  async setTopicRetention(
    retention: TopicRetention,
    options?: CallOptions,
    setTime: number | null = null,
  ): Promise<TopicInfo> {
    const how = takeCallOptions('setTopicRetention', options);
    const params = { ...retentionParams(retention), ...(setTime === null ? {} : { setTime }) };
    return this.#requests.call('setTopicRetention', params, how);
  }

  async growTopic(growth: TopicGrowth, options?: CallOptions): Promise<GrownTopic> {
    const how = takeCallOptions('growTopic', options);
    const grown = await this.#requests.call('growTopic', growthParams(growth), how);
    this.#changed(grown.topic);
    return grown;
  }

  async deleteTopic(topic: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteTopic', options);
    await this.#requests.call('deleteTopic', { topic: anyNameOption('topic', topic) }, how);
    this.#changed(topic);
  }

  async listGroups(options?: CallOptions): Promise<GroupInfo[]> {
    const how = takeCallOptions('listGroups', options);
    return allPages(
      (cursor) => this.#requests.call('listGroups', { cursor }, how),
      (page) => page.groups,
    );
  }

  async describeGroup(group: string, options?: CallOptions): Promise<GroupReport> {
    const how = takeCallOptions('describeGroup', options);
    const params = { group: anyNameOption('group', group) };
    let first: (GroupDescription & PageResult) | undefined;
    const queues = await allPages(
      async (cursor) => {
        const page = await this.#requests.call('describeGroup', { ...params, cursor }, how);
        first ??= page;
        return page;
      },
      (page) => page.queues,
    );
    const whole = wholeOf(first as GroupDescription & PageResult);
    return { ...whole, queues, memberInfos: groupMembers(whole.memberIds, queues) };
  }

  async createGroup(group: NewGroup, options?: CallOptions): Promise<GroupInfo> {
    const how = takeCallOptions('createGroup', options);
    const params = newGroupParams(group);
    return this.#requests.call('createGroup', params, { ...how, mayRepeat: params.ifNotExists });
  }

  async deleteGroup(group: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteGroup', options);
    await this.#requests.call('deleteGroup', { group: anyNameOption('group', group) }, how);
  }

  async resetOffset(change: OffsetReset, options?: CallOptions): Promise<ResetQueue[]> {
    const how = takeCallOptions('resetOffset', options);
    const { brokerSet: _brokerSet, ...params } = offsetResetParams(change);
    return (await this.#requests.call('resetOffset', params, how)).queues;
  }

  protected async askEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
  ): Promise<Part<ControlMethods[M]['result']>[]> {
    return [{ set: null, value: await this.call(method, params, how) }];
  }

  protected changeEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
  ): Promise<Part<ControlMethods[M]['result']>[]> {
    return this.askEach(method, params, how);
  }

  protected async lagsOfEach(how: CallOptions): Promise<Part<GroupLag[]>[]> {
    const value = await allPages(
      (cursor) => this.#requests.call('groupLags', { cursor }, how),
      (page) => page.lags,
    );
    return [{ set: null, value }];
  }

  protected async changeOne<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
  ): Promise<Part<ControlMethods[M]['result']>> {
    return { set: null, value: await this.call(method, params, how) };
  }

  /** For a cluster's administration, which asks the same of each set. */
  call<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
  ): Promise<ControlMethods[M]['result']> {
    return this.#requests.call(method, params, how);
  }

  async findMessages(search: MessageSearch, options?: CallOptions): Promise<FoundPage> {
    const how = takeCallOptions('findMessages', options);
    return this.findAt(takeSearch(search).params, how);
  }

  async consumedBy(message: ConsumedQuestion, options?: CallOptions): Promise<ConsumedByGroup[]> {
    const how = takeCallOptions('consumedBy', options);
    const { params } = takeQuestion(message);
    return allPages(
      (cursor) => this.#requests.call('consumedBy', { ...params, cursor }, how),
      (page) => page.groups,
    );
  }

  /** For a cluster's administration, which has a cursor of its own. */
  async findAt(params: FindParams, how: CallOptions): Promise<FindResult> {
    return ownFound(await this.#requests.call('findMessages', params, how));
  }

  protected async changeAccess<M extends AccessChange>(
    method: M,
    params: ControlMethods[M]['params'],
    { prove, ...how }: ChangeOptions,
  ): Promise<ControlMethods[M]['result']> {
    try {
      return await this.#requests.call(method, params, how);
    } catch (error) {
      const asked = isRingMQError(error) && error.code === 'NOT_AUTHENTICATED' ? error.details : {};
      if (prove === undefined || !isSaltAndRounds(asked)) {
        throw error;
      }
      return this.#requests.call(method, { ...params, proof: await prove(asked) }, how);
    }
  }

  protected async listAccess<L extends keyof AccessLists>(
    list: L,
    how: CallOptions,
  ): Promise<AccessLists[L]> {
    const items = await allPages<Partial<PageResult>, unknown>(
      (cursor) => this.#requests.call(list, { cursor }, how),
      (page) => itemsOf(list, page) as unknown[],
    );
    return items as AccessLists[L];
  }

  protected async askAccess(
    params: ControlMethods['testAccess']['params'],
    how: CallOptions,
  ): Promise<boolean> {
    return (await this.#requests.call('testAccess', params, how)).allowed;
  }

  protected async askAudit(wanted: AuditWanted, how: CallOptions): Promise<AuditEntry[]> {
    return allPages(
      (cursor) => this.#requests.call('listAudit', { cursor, ...wanted }, how),
      (page) => page.entries,
    );
  }

  /** For a cluster's administration, which asks each set. */
  auditAt(wanted: AuditWanted, how: CallOptions): Promise<AuditEntry[]> {
    return this.askAudit(wanted, how);
  }

  /** For a cluster's administration, which does the same at each set. */
  changeAt<M extends AccessChange>(
    method: M,
    params: ControlMethods[M]['params'],
    how: ChangeOptions,
  ): Promise<ControlMethods[M]['result']> {
    return this.changeAccess(method, params, how);
  }

  async stats(options?: CallOptions): Promise<BrokerStats> {
    const how = takeCallOptions('stats', options);
    return this.#requests.call('stats', {}, how);
  }

  [INSPECT](): object {
    return shown('Admin', {});
  }
}
