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
  MAX_QUEUES_PER_TOPIC,
  MAX_TOPIC_RETENTION_MS,
  MIN_TOPIC_RETENTION_MS,
  type PageResult,
  RingMQError,
  type TopicDescription,
  type TopicInfo,
} from '../wire/index.js';
import { type AccessChange, type AccessLists, type ChangeOptions, itemsOf } from './access-calls.js';
import { startPosition } from './consume/start-position.js';
import { ownFound, takeQuestion, takeSearch } from './find-params.js';
import type { Requests } from './link/requests.js';
import { isSaltAndRounds } from './link/scram-login.js';
import {
  anyNameOption,
  badArgument,
  booleanOption,
  countOption,
  listOption,
  nameOption,
  type OptionNames,
  takeCallOptions,
  takeOptions,
  textOption,
} from './options.js';
import { PageWalk } from './page-walk.js';
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

/** Broker sets that a topic may name. */
const MAX_SETS = 64;
/** Queues of a topic whose creator does not say. */
const DEFAULT_QUEUES = 4;

const NEW_TOPIC: OptionNames<NewTopic> = {
  topic: true,
  queues: true,
  memory: true,
  sets: true,
  retentionMs: true,
  ifNotExists: true,
};
const TOPIC_RETENTION: OptionNames<TopicRetention> = { topic: true, retentionMs: true };
const TOPIC_GROWTH: OptionNames<TopicGrowth> = { topic: true, queues: true };
const NEW_GROUP: OptionNames<NewGroup> = { group: true, ifNotExists: true };
const OFFSET_RESET: OptionNames<OffsetReset> = {
  group: true,
  topic: true,
  to: true,
  queueId: true,
  brokerSet: true,
  dryRun: true,
};

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

  protected async askAudit(from: number | null, how: CallOptions): Promise<AuditEntry[]> {
    return allPages(
      (cursor) => this.#requests.call('listAudit', { cursor, from }, how),
      (page) => page.entries,
    );
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

/** What is asked of a broker. Throws `BAD_ARGUMENT` naming what cannot be used. */
export function newTopicParams(given: NewTopic): {
  topic: string;
  queues: number;
  memory: boolean;
  ifNotExists: boolean;
  sets?: string[];
  retentionMs?: number;
} {
  const topic = takeGiven('createTopic', given, NEW_TOPIC);
  if (topic.memory === true && topic.retentionMs !== undefined) {
    throw badArgument(
      'retentionMs',
      'is for topics on disk: in memory messages stay as long as there is room',
    );
  }
  return {
    topic: nameOption('topic', topic.topic),
    queues: countOption('queues', topic.queues, DEFAULT_QUEUES, 1, MAX_QUEUES_PER_TOPIC),
    memory: booleanOption('memory', topic.memory, false),
    ifNotExists: booleanOption('ifNotExists', topic.ifNotExists, false),
    ...(topic.sets === undefined ? {} : { sets: setsOption(topic.sets) }),
    ...(topic.retentionMs === undefined ? {} : { retentionMs: retentionOption(topic.retentionMs) }),
  };
}

/** The same of a topic's retention. */
export function retentionParams(given: TopicRetention): { topic: string; retentionMs: number | null } {
  const { topic, retentionMs } = takeGiven('setTopicRetention', given, TOPIC_RETENTION);
  if (retentionMs === undefined) {
    throw badArgument('retentionMs', "must say how long, in ms; null for the broker's own");
  }
  return {
    topic: anyNameOption('topic', topic),
    retentionMs: retentionMs === null ? null : retentionOption(retentionMs),
  };
}

function retentionOption(value: number): number {
  return countOption(
    'retentionMs',
    value,
    MIN_TOPIC_RETENTION_MS,
    MIN_TOPIC_RETENTION_MS,
    MAX_TOPIC_RETENTION_MS,
  );
}

/** The same of more queues for a topic. */
export function growthParams(given: TopicGrowth): ControlMethods['growTopic']['params'] {
  const { topic, queues } = takeGiven('growTopic', given, TOPIC_GROWTH);
  if (queues === undefined) {
    throw badArgument('queues', 'must say how many the topic is to have');
  }
  return {
    topic: anyNameOption('topic', topic),
    queues: countOption('queues', queues, 1, 1, MAX_QUEUES_PER_TOPIC),
  };
}

function setsOption(sets: unknown): string[] {
  return listOption('sets', sets, 1, MAX_SETS).map((set) => nameOption('sets', set));
}

export function newGroupParams(given: NewGroup): { group: string; ifNotExists: boolean } {
  const { group, ifNotExists } = takeGiven('createGroup', given, NEW_GROUP);
  return {
    group: nameOption('group', group),
    ifNotExists: booleanOption('ifNotExists', ifNotExists, false),
  };
}

/** The same of where a group is to go on. */
export function offsetResetParams(
  given: OffsetReset,
): ControlMethods['resetOffset']['params'] & { brokerSet: string | undefined } {
  const change = takeGiven('resetOffset', given, OFFSET_RESET);
  if (change.to === undefined) {
    throw badArgument('to', 'must be earliest, latest, a Date, { time } or { offset }');
  }
  return {
    group: anyNameOption('group', change.group),
    topic: anyNameOption('topic', change.topic),
    to: startPosition(change.to, 'to'),
    queueId:
      change.queueId === undefined
        ? null
        : countOption('queueId', change.queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1),
    brokerSet: textOption('brokerSet', change.brokerSet, 127),
    dryRun: booleanOption('dryRun', change.dryRun, false),
  };
}

/** An object that must be there. */
function takeGiven<T extends object>(call: string, given: T | undefined, names: OptionNames<T>): T {
  if (given === undefined) {
    throw badArgument(call, `needs an object with ${Object.keys(names).join(', ')}`);
  }
  return takeOptions(call, given, names);
}

/** A page without what makes it one. */
function wholeOf<P extends PageResult>(page: P): Omit<P, keyof PageResult> {
  const { cursor: _cursor, complete: _complete, ...whole } = page;
  return whole;
}

/** All items of a list that comes page by page. What changes meanwhile may be in it or not; nothing is in it twice. */
async function allPages<P extends Partial<PageResult>, T>(
  ask: (cursor: string | null) => Promise<P>,
  itemsOf: (page: P) => T[],
): Promise<T[]> {
  const items: T[] = [];
  const walk = new PageWalk();
  let cursor: string | null = null;
  do {
    const page = await ask(cursor);
    const found: unknown = itemsOf(page);
    if (!Array.isArray(found)) {
      throw new RingMQError('BAD_FRAME', 'the broker answered without the list that was asked for');
    }
    items.push(...found);
    cursor = walk.next(page.cursor);
  } while (cursor !== null);
  return items;
}
