/**
 * Topics and groups of a whole cluster: what changes them is sent to each master, what is asked of them is
 * put together from the sets' answers.
 */
import {
  type AuditEntry,
  type BrokerStats,
  type ConsumedByGroup,
  type ControlMethod,
  type ControlMethods,
  type GroupInfo,
  type GroupLag,
  type GroupReport,
  type GrownTopic,
  isRingMQError,
  RingMQError,
  type RoleInfo,
  type TopicDescription,
  type TopicInfo,
  type UserInfo,
} from '../../wire/index.js';
import type { AccessChange, AccessLists, ChangeOptions } from '../access-calls.js';
import { ControlAdmin } from '../admin.js';
import {
  growthParams,
  newGroupParams,
  newTopicParams,
  offsetResetParams,
  retentionParams,
} from '../admin-params.js';
import { asRingMQError } from '../failures.js';
import { takeQuestion, takeSearch } from '../find-params.js';
import { anyNameOption, badArgument, takeCallOptions } from '../options.js';
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
import type { SetLink } from './set-link.js';

/** What became of a call at each set. */
interface Outcomes<T> {
  done: { set: string; value: T }[];
  failed: { set: string; error: RingMQError }[];
}

/** The broker sets there are. */
export interface AdministeredSets {
  /** Why the client is over, if it is. */
  readonly failure: RingMQError | null;
  readonly keeper: { readonly cluster: string | null };
  /** In the order of their names. */
  links(): SetLink[];
  warn(message: string, details: Record<string, unknown>): void;
}

export class ClusterAdmin extends WatchCalls implements Admin {
  readonly #brokers: AdministeredSets;

  constructor(brokers: AdministeredSets) {
    super();
    this.#brokers = brokers;
  }

  async createTopic(topic: NewTopic, options?: CallOptions): Promise<TopicInfo> {
    const how = takeCallOptions('createTopic', options);
    // What is wrong with the arguments is to be found before anything is made.
    const params = newTopicParams(topic);
    const { sets: wanted } = params;
    const known = await this.#each((admin, link) => topicAt(link, params.topic, admin, how), wanted, 'sets');
    throwFailed('createTopic', known, AWAY);
    const there = known.done.filter(({ value }) => value !== null) as { set: string; value: TopicInfo }[];
    const [first] = there;
    if (first !== undefined && !params.ifNotExists) {
      throw new RingMQError(
        'TOPIC_EXISTS',
        `the topic '${params.topic}' exists in the broker set ${first.set}`,
        {
          details: { topic: params.topic, brokerSet: first.set },
        },
      );
    }
    const made = [...there];
    let createdTime = first?.value.createdTime ?? null;
    const rest = known.done.filter(({ value }) => value === null).map(({ set }) => set);
    // The first one says when it was made, and the others are told; the sets tell each other too, so it may
    // be there by now.
    for (const sets of createdTime === null ? [rest.slice(0, 1), rest.slice(1)] : [rest]) {
      if (sets.length === 0) {
        continue;
      }
      const time = createdTime;
      const outcomes = await this.#each((admin, link) => createAt(link, params, time, admin, how), sets);
      throwFailed('createTopic', { done: [...made, ...outcomes.done], failed: outcomes.failed }, AWAY);
      made.push(...outcomes.done);
      createdTime ??= made[0]?.value.createdTime ?? null;
    }
    made.sort((a, b) => (a.set < b.set ? -1 : 1));
    return mergedTopics(made.map(({ set, value }) => ({ set, value: [value] })))[0] as TopicInfo;
  }

  async listTopics(options?: CallOptions): Promise<TopicInfo[]> {
    const how = takeCallOptions('listTopics', options);
    const outcomes = await this.#each((admin) => admin.listTopics(how));
    this.#checkAnswered('listTopics', outcomes);
    return mergedTopics(outcomes.done);
  }

  async describeTopic(topic: string, options?: CallOptions): Promise<TopicDescription> {
    const how = takeCallOptions('describeTopic', options);
    anyNameOption('topic', topic);
    const outcomes = await this.#each((admin) => admin.describeTopic(topic, how));
    this.#checkAnswered('describeTopic', outcomes, ['TOPIC_NOT_FOUND']);
    return mergedTopic(outcomes.done);
  }

  async setTopicRetention(retention: TopicRetention, options?: CallOptions): Promise<TopicInfo> {
    const how = takeCallOptions('setTopicRetention', options);
    const params = retentionParams(retention);
    const known = await this.#each((admin, link) => topicAt(link, params.topic, admin, how));
    throwFailed('setTopicRetention', known, AWAY);
    const there = known.done.filter(({ value }) => value !== null).map(({ set }) => set);
    const told = async (sets: readonly string[], time: number | null): Promise<Outcomes<TopicInfo>> => {
      const outcomes = await this.#each((admin) => admin.setTopicRetention(params, how, time), sets);
      throwFailed('setTopicRetention', outcomes, ['TOPIC_NOT_FOUND', ...AWAY]);
      return outcomes;
    };
    // The first one says when it was said, and all are told: later than what any of them was told before.
    const [first] = there.length === 0 ? [] : (await told(there.slice(0, 1), null)).done;
    const last = Math.max(0, ...known.done.map(({ value }) => value?.retentionSetTime ?? 0));
    const time = Math.max(first?.value.retentionSetTime ?? 0, last + 1);
    const { done } = first === undefined ? { done: [] } : await told(there, time);
    const [merged] = mergedTopics(done.map(({ set, value }) => ({ set, value: [value] })));
    if (merged === undefined) {
      throw new RingMQError(
        'TOPIC_NOT_FOUND',
        `no broker set of the cluster that answers has the topic '${params.topic}'`,
        { details: { topic: params.topic } },
      );
    }
    return merged;
  }

  async growTopic(growth: TopicGrowth, options?: CallOptions): Promise<GrownTopic> {
    const how = takeCallOptions('growTopic', options);
    const params = growthParams(growth);
    const known = await this.#each((admin, link) => topicAt(link, params.topic, admin, how));
    throwFailed('growTopic', known, AWAY);
    const there = known.done.filter(({ value }) => value !== null).map(({ set }) => set);
    if (there.length === 0) {
      throw new RingMQError(
        'TOPIC_NOT_FOUND',
        `no broker set of the cluster that answers has the topic '${params.topic}'`,
        { details: { topic: params.topic } },
      );
    }
    // One that has more already refuses: before another one has got them.
    const most = known.done.reduce((queues, { value }) => Math.max(queues, value?.queues ?? 0), 0);
    const first = most > params.queues ? known.done.find(({ value }) => value?.queues === most) : undefined;
    const outcomes = await this.#each(
      (admin) => admin.growTopic(params, how),
      first === undefined ? there : [first.set],
    );
    throwFailed('growTopic', outcomes, ['TOPIC_NOT_FOUND', ...AWAY]);
    const parts = outcomes.done.map(({ set, value: { before: _before, ...value } }) => ({
      set,
      value: [value],
    }));
    // As they were first: sets tell each other too, so that one may have them by the time that it is asked.
    const grown = new Set(outcomes.done.map(({ set }) => set));
    const before = known.done.reduce(
      (sum, { set, value }) => sum + (grown.has(set) ? (value?.queues ?? 0) : 0),
      0,
    );
    return { ...(mergedTopics(parts)[0] as TopicInfo), before };
  }

  async deleteTopic(topic: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteTopic', options);
    anyNameOption('topic', topic);
    const outcomes = await this.#each((admin) => admin.deleteTopic(topic, how));
    throwFailed('deleteTopic', outcomes, ['TOPIC_NOT_FOUND', ...AWAY]);
  }

  async listGroups(options?: CallOptions): Promise<GroupInfo[]> {
    const how = takeCallOptions('listGroups', options);
    const outcomes = await this.#each((admin) => admin.listGroups(how));
    this.#checkAnswered('listGroups', outcomes);
    return mergedGroups(outcomes.done);
  }

  async describeGroup(group: string, options?: CallOptions): Promise<GroupReport> {
    const how = takeCallOptions('describeGroup', options);
    anyNameOption('group', group);
    const outcomes = await this.#each((admin) => admin.describeGroup(group, how));
    this.#checkAnswered('describeGroup', outcomes, ['GROUP_NOT_FOUND']);
    return mergedGroup(outcomes.done);
  }

  async createGroup(group: NewGroup, options?: CallOptions): Promise<GroupInfo> {
    const how = takeCallOptions('createGroup', options);
    const params = newGroupParams(group);
    const outcomes = await this.#each((admin) => admin.createGroup(params, how));
    throwFailed('createGroup', outcomes, []);
    return mergedGroups(outcomes.done.map(({ set, value }) => ({ set, value: [value] })))[0] as GroupInfo;
  }

  async deleteGroup(group: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('deleteGroup', options);
    anyNameOption('group', group);
    const outcomes = await this.#each((admin) => admin.deleteGroup(group, how));
    throwFailed('deleteGroup', outcomes, ['GROUP_NOT_FOUND']);
  }

  async resetOffset(change: OffsetReset, options?: CallOptions): Promise<ResetQueue[]> {
    const how = takeCallOptions('resetOffset', options);
    const { brokerSet, queueId, ...place } = offsetResetParams(change);
    const reset = queueId === null ? place : { ...place, queueId };
    if (queueId !== null && brokerSet === undefined && this.#brokers.links().length > 1) {
      throw badArgument('brokerSet', 'says whose queue is meant, where the cluster has several broker sets');
    }
    const outcomes = await this.#each(
      (admin) => admin.resetOffset(reset, how),
      brokerSet === undefined ? undefined : [brokerSet],
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
    if (unread.length === 0) {
      return;
    }
    if (reset.dryRun === true) {
      return;
    }
    const again = await this.#each(async (admin) => {
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
    const outcomes = await this.#each((admin) => admin.call(method, params, how));
    this.#checkAnswered(method, outcomes, passed);
    return outcomes.done;
  }

  protected async changeEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    passed: readonly string[] = [],
  ): Promise<Part<ControlMethods[M]['result']>[]> {
    const outcomes = await this.#each((admin) => admin.call(method, params, how));
    throwFailed(method, outcomes, passed);
    return outcomes.done;
  }

  async findMessages(search: MessageSearch, options?: CallOptions): Promise<FoundPage> {
    const how = takeCallOptions('findMessages', options);
    const { brokerSet, params } = takeSearch(search);
    const sets =
      brokerSet === undefined ? this.#chosen(undefined, 'brokerSet').map(({ set }) => set) : [brokerSet];
    const cursors: SetCursors =
      params.cursor === null || params.cursor === undefined
        ? new Map(sets.map((set) => [set, null]))
        : setCursors(params.cursor);
    const outcomes = await this.#each(
      (admin, { set }) => admin.findAt({ ...params, cursor: cursors.get(set) ?? null }, how),
      [...cursors.keys()],
      params.cursor === null ? 'brokerSet' : 'cursor',
    );
    const without = ['TOPIC_NOT_FOUND', 'QUEUE_NOT_FOUND'];
    // Sets without the topic do not hide that those which have it lack the queue.
    this.#checkAnswered('findMessages', outcomes, outcomes.done.length > 0 ? without : ['TOPIC_NOT_FOUND']);
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
    if (brokerSet === undefined && this.#brokers.links().length > 1) {
      throw badArgument('brokerSet', 'says whose queue is meant, where the cluster has several broker sets');
    }
    const outcomes = await this.#each(
      (admin) => admin.consumedBy(params, how),
      brokerSet === undefined ? undefined : [brokerSet],
    );
    throwFailed('consumedBy', outcomes, []);
    return outcomes.done.flatMap(({ value }) => value);
  }

  protected async lagsOfEach(how: CallOptions): Promise<Part<GroupLag[]>[]> {
    const outcomes = await this.#each((admin) => admin.groupLags(how));
    this.#checkAnswered('groupLags', outcomes);
    return outcomes.done;
  }

  protected async changeOne<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    brokerSet: string | undefined,
  ): Promise<Part<ControlMethods[M]['result']>> {
    if (brokerSet === undefined && this.#brokers.links().length > 1) {
      throw badArgument('brokerSet', 'says whose queue is meant, where the cluster has several broker sets');
    }
    const only = brokerSet === undefined ? undefined : [brokerSet];
    const outcomes = await this.#each((admin) => admin.call(method, params, how), only);
    throwFailed(method, outcomes, []);
    return outcomes.done[0] as Part<ControlMethods[M]['result']>;
  }

  /** Each set has its own users: all are told, and one that cannot be reached is told of in the error. */
  protected async changeAccess<M extends AccessChange>(
    method: M,
    params: ControlMethods[M]['params'],
    how: ChangeOptions,
  ): Promise<ControlMethods[M]['result']> {
    const outcomes = await this.#each((admin) => admin.changeAt(method, params, how));
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
    const outcomes = await this.#each(
      (admin): Promise<(UserInfo | RoleInfo)[]> =>
        list === 'listUsers' ? admin.listUsers(how) : admin.listRoles(how),
    );
    this.#checkAnswered(list, outcomes);
    return newestOfEach(outcomes.done.flatMap(({ value }) => value)) as AccessLists[L];
  }

  /** Each set has its own, of what was done there. */
  protected async askAudit(from: number | null, how: CallOptions): Promise<AuditEntry[]> {
    const query = from === null ? {} : { from };
    const outcomes = await this.#each((admin) => admin.listAudit(query, how));
    this.#checkAnswered('listAudit', outcomes);
    return outcomes.done
      .flatMap(({ set, value }) => value.map((entry) => ({ ...entry, brokerSet: set })))
      .sort((a, b) => a.time - b.time);
  }

  /** What all sets allow. */
  protected async askAccess(
    params: ControlMethods['testAccess']['params'],
    how: CallOptions,
  ): Promise<boolean> {
    const outcomes = await this.#each((admin) => admin.testAccess(params, how));
    this.#checkAnswered('testAccess', outcomes);
    return outcomes.done.every(({ value }) => value);
  }

  async stats(options?: CallOptions): Promise<BrokerStats> {
    const how = takeCallOptions('stats', options);
    const outcomes = await this.#each((admin) => admin.stats(how));
    this.#checkAnswered('stats', outcomes);
    return addedStats(outcomes.done.map(({ value }) => value));
  }

  /** Calls each set's broker. What is wrong with the arguments is thrown as it is; one that is away has failed. */
  async #each<T>(
    call: (admin: ControlAdmin, link: SetLink) => Promise<T>,
    only?: readonly string[],
    /** The argument that says which. */
    named = 'brokerSet',
  ): Promise<Outcomes<T>> {
    const links = this.#chosen(only, named);
    const outcomes: Outcomes<T> = { done: [], failed: [] };
    const results = await Promise.allSettled(
      links.map(async (link) => {
        await link.known();
        if (!link.connection.isOpen) {
          const { trouble } = link.connection.produce;
          if (trouble?.code === 'NOT_AUTHENTICATED') {
            throw trouble;
          }
          throw new RingMQError('CONNECTION_LOST', `the broker set ${link.set} cannot be reached`);
        }
        const { connection } = link;
        const admin = new ControlAdmin(connection.requests, (topic) => connection.topicChanged(topic));
        return call(admin, link);
      }),
    );
    for (const [i, result] of results.entries()) {
      const { set } = links[i] as SetLink;
      if (result.status === 'fulfilled') {
        outcomes.done.push({ set, value: result.value });
        continue;
      }
      const error = asRingMQError(result.reason);
      if (error.code === 'BAD_ARGUMENT' || error.code === 'ABORTED') {
        throw error;
      }
      outcomes.failed.push({ set, error });
    }
    return outcomes;
  }

  /**
   * Throws if no set has an answer. What `passed` says is no failure where another set has one; of others it
   * is told that their part is missing.
   */
  #checkAnswered<T>(what: string, outcomes: Outcomes<T>, passed: readonly string[] = []): void {
    if (outcomes.done.length === 0) {
      throwFailed(what, outcomes, passed);
    }
    for (const { set, error } of outcomes.failed) {
      if (!passed.includes(error.code)) {
        this.#brokers.warn(`the answer to ${what} is without the broker set ${set}: ${error.message}`, {
          code: error.code,
          brokerSet: set,
        });
      }
    }
  }

  #chosen(only: readonly string[] | undefined, named: string): SetLink[] {
    if (this.#brokers.failure !== null) {
      throw this.#brokers.failure;
    }
    const links = this.#brokers.links();
    if (only === undefined) {
      if (links.length === 0) {
        throw new RingMQError('CONNECTION_LOST', 'the cluster has no broker yet');
      }
      return links;
    }
    if (!Array.isArray(only) || only.length === 0) {
      throw badArgument(named, 'must be the name of a broker set');
    }
    return only.map((set) => {
      const link = links.find((each) => each.set === set);
      if (link === undefined) {
        const sets = links.map((each) => each.set).join(', ');
        throw badArgument(named, `says '${String(set)}', and the cluster has the broker sets ${sets}`);
      }
      return link;
    });
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

/** Codes of a set that does not answer: it learns of topics when it is back. */
const AWAY = ['CONNECTION_LOST', 'TIMEOUT', 'NOT_MASTER'];

/** The topic as the set has it; null: it has none. */
async function topicAt(
  { connection }: SetLink,
  topic: string,
  _admin: ControlAdmin,
  options: CallOptions | undefined,
): Promise<TopicInfo | null> {
  try {
    return await connection.requests.call('topicMetadata', { topic }, options);
  } catch (error) {
    if (isRingMQError(error) && error.code === 'TOPIC_NOT_FOUND') {
      return null;
    }
    throw error;
  }
}

async function createAt(
  link: SetLink,
  topic: NewTopic,
  createdTime: number | null,
  admin: ControlAdmin,
  options: CallOptions | undefined,
): Promise<TopicInfo> {
  try {
    return await admin.createTopic(topic, options, createdTime);
  } catch (error) {
    const there =
      isRingMQError(error) && error.code === 'TOPIC_EXISTS' && createdTime !== null
        ? await topicAt(link, topic.topic, admin, options)
        : null;
    if (there?.createdTime === createdTime && there !== null) {
      return there;
    }
    throw error;
  }
}

/** Throws if the call failed at a set. `passed`: what a set may say, as long as another one did it. */
function throwFailed<T>(what: string, { done, failed }: Outcomes<T>, passed: readonly string[]): void {
  const isPassed =
    done.length > 0 ? failed.every(({ error }) => passed.includes(error.code)) : failed.length === 0;
  if (isPassed) {
    return;
  }
  // What the sets agree on is the answer; else what weighs most is told, and where it holds.
  const telling = failed.find(({ error }) => !passed.includes(error.code)) ?? failed[0];
  const { error } = telling as { error: RingMQError };
  const isAll = done.length === 0 && failed.every((each) => each.error.code === error.code);
  const sets = failed.filter((each) => !passed.includes(each.error.code)).map(({ set }) => set);
  const where = sets.length === 0 ? failed.map(({ set }) => set) : sets;
  const doneAt = done.length === 0 ? '' : `; it is done at ${done.map(({ set }) => set).join(', ')}`;
  const message = isAll ? error.message : `${what} failed at ${where.join(', ')}${doneAt}: ${error.message}`;
  throw new RingMQError(error.code, message, {
    cause: error,
    details: {
      ...error.details,
      failedSets: failed.map((each) => ({ brokerSet: each.set, code: each.error.code })),
      doneSets: done.map(({ set }) => set),
    },
  });
}
