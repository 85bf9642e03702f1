/** What is asked by whoever watches over brokers, of one and of a cluster alike. Arguments are checked at the call. */
import {
  type BrokerConfiguration,
  CONNECTION_FIELDS,
  type ConnectionInfo,
  ConnectionOrder,
  type ConnectionSort,
  type ControlMethod,
  type ControlMethods,
  type GroupLag,
  type GroupPause,
  HISTORY_SAMPLES,
  type History,
  historyNames,
  LOG_LEVELS,
  type LogLevel,
  MAX_FILTER_CHARS,
  MAX_QUEUES_PER_TOPIC,
  MAX_URL_CHARACTERS,
  mergedHistory,
  mergedLags,
  mergedPause,
  type NameServerConfiguration,
} from '../wire/index.js';
import { AccessCalls, timeOption } from './access-calls.js';
import {
  anyNameOption,
  badArgument,
  booleanOption,
  countOption,
  listOption,
  nameOption,
  type OptionNames,
  takeCallOptions,
  takeGiven,
  takeOptions,
  textOption,
} from './options.js';
import type {
  CallOptions,
  ConnectionPage,
  HistoryRequest,
  ListConnections,
  ListTopicClients,
  MessageSkip,
  OffsetCopy,
  PauseRequest,
  QueueReport,
  ResetQueue,
  TopicClientPage,
} from './types.js';

/** One broker set's answer; `set` null: there is one broker, which is of no cluster. */
export interface Part<T> {
  set: string | null;
  value: T;
}

const LIST_CONNECTIONS: OptionNames<ListConnections> = {
  sort: true,
  filter: true,
  cursor: true,
  limit: true,
};
const LIST_TOPIC_CLIENTS: OptionNames<ListTopicClients> = { cursor: true, limit: true };
const HISTORY: OptionNames<HistoryRequest> = { from: true, to: true, names: true, points: true };
const PAUSE_REQUEST: OptionNames<PauseRequest> = { group: true, topic: true };
const OFFSET_COPY: OptionNames<OffsetCopy> = { from: true, to: true, topic: true, dryRun: true };
const MESSAGE_SKIP: OptionNames<MessageSkip> = {
  group: true,
  topic: true,
  queueId: true,
  brokerSet: true,
  count: true,
  dryRun: true,
};
const DEFAULT_ITEMS = 1_000;
const MAX_ITEMS = 10_000;
const MAX_CURSOR_CHARS = 1_024;
const MAX_ID_CHARS = 64;

export abstract class WatchCalls extends AccessCalls {
  /** Asks each broker set, and gives what those answered that can be reached. `passed`: codes that are no failure where another set has an answer. */
  protected abstract askEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    passed?: readonly string[],
  ): Promise<Part<ControlMethods[M]['result']>[]>;

  /** Makes a change at each broker set; rejects where one of them fails, but for codes that are `passed`. */
  protected abstract changeEach<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    passed?: readonly string[],
  ): Promise<Part<ControlMethods[M]['result']>[]>;

  /** Each broker set's own. */
  protected abstract lagsOfEach(how: CallOptions): Promise<Part<GroupLag[]>[]>;

  async groupLags(options?: CallOptions): Promise<GroupLag[]> {
    const parts = await this.lagsOfEach(takeCallOptions('groupLags', options));
    return mergedLags(parts.flatMap(({ value }) => value));
  }

  /** Makes a change at one broker set. `brokerSet` undefined: there is but one. */
  protected abstract changeOne<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
    how: CallOptions,
    brokerSet: string | undefined,
  ): Promise<Part<ControlMethods[M]['result']>>;

  async listConnections(request: ListConnections = {}, options?: CallOptions): Promise<ConnectionPage> {
    const how = takeCallOptions('listConnections', options);
    const given = takeOptions('listConnections', request, LIST_CONNECTIONS);
    const sort = sortOption(given.sort);
    const { cursor, limit } = pageOption(given);
    const filter = textOption('filter', given.filter, MAX_FILTER_CHARS) ?? '';
    const order = new ConnectionOrder(sort, cursor);
    const parts = await this.askEach('listConnections', { sort, filter, cursor, limit }, how);
    const { items, ...page } = mergedPage(
      order,
      limit,
      parts.map(({ set, value }) => ({ set, items: value.connections, value })),
    );
    return { connections: items, ...page };
  }

  async closeConnection(id: string, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('closeConnection', options);
    const text = textOption('id', id, MAX_ID_CHARS);
    if (text === undefined) {
      throw badArgument('id', 'must be the id of a connection');
    }
    await this.changeEach('closeConnection', { id: text }, how, ['CONNECTION_NOT_FOUND']);
  }

  async history(request: HistoryRequest = {}, options?: CallOptions): Promise<History> {
    const how = takeCallOptions('history', options);
    const { from, to, names, points } = takeOptions('history', request, HISTORY);
    // Said to all sets alike, so that their steps are the same.
    const end = to === undefined ? Date.now() : timeOption('to', to);
    const params = {
      from: from === undefined ? null : timeOption('from', from),
      to: end,
      names: names === undefined ? null : historyNames(listOption('names', names, 1, 100).map(String)),
      points: countOption('points', points, HISTORY_SAMPLES, 1, HISTORY_SAMPLES),
    };
    const parts = await this.askEach('history', params, how);
    return mergedHistory(parts.map(({ value }) => value));
  }

  async queueStats(options?: CallOptions): Promise<QueueReport> {
    const parts = await this.askEach('queueStats', {}, takeCallOptions('queueStats', options));
    return {
      queues: parts.flatMap(({ set, value }) => value.queues.map((queue) => placed(set, queue))),
      lags: parts.flatMap(({ set, value }) => value.lags.map((lag) => placed(set, lag))),
      isComplete: parts.every(({ value }) => value.isComplete),
    };
  }

  /** Over a cluster that of each set's master. */
  async configuration(options?: CallOptions): Promise<(BrokerConfiguration & { brokerSet?: string })[]> {
    const parts = await this.askEach('configuration', {}, takeCallOptions('configuration', options));
    return parts.map(({ set, value }) => (set === null ? value : { brokerSet: set, ...value }));
  }

  async setLogLevel(level: LogLevel, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('setLogLevel', options);
    checkLevel(level);
    await this.changeEach('setLogLevel', { level }, how);
  }

  /** Several sets register with the same ones: what one of them has been told is enough. */
  async nameServerConfiguration(options?: CallOptions): Promise<NameServerConfiguration[]> {
    const how = takeCallOptions('nameServerConfiguration', options);
    const parts = await this.askEach('nameServerConfiguration', {}, how);
    const found = new Map<string, NameServerConfiguration>();
    for (const each of parts.flatMap(({ value }) => value.nameServers)) {
      if (found.get(each.nameServer)?.failure !== null) {
        found.set(each.nameServer, each);
      }
    }
    return [...found.values()];
  }

  async setNameServerLogLevel(nameServer: string, level: LogLevel, options?: CallOptions): Promise<void> {
    const how = takeCallOptions('setNameServerLogLevel', options);
    const address = textOption('nameServer', nameServer, MAX_URL_CHARACTERS);
    if (address === undefined) {
      throw badArgument('nameServer', 'must be the address of a name server');
    }
    checkLevel(level);
    // One set that reaches it is enough.
    await this.changeEach('setNameServerLogLevel', { nameServer: address, level }, how, [
      'BAD_ARGUMENT',
      'CONNECTION_LOST',
    ]);
  }

  async pauseGroup(of: PauseRequest, options?: CallOptions): Promise<GroupPause> {
    return this.#setPaused('pauseGroup', of, options);
  }

  async resumeGroup(of: PauseRequest, options?: CallOptions): Promise<GroupPause> {
    return this.#setPaused('resumeGroup', of, options);
  }

  async #setPaused(
    method: 'pauseGroup' | 'resumeGroup',
    of: PauseRequest,
    options: CallOptions | undefined,
  ): Promise<GroupPause> {
    const how = takeCallOptions(method, options);
    const { group, topic } = takeGiven(method, of, PAUSE_REQUEST);
    const params = {
      group: anyNameOption('group', group),
      topic: topic === undefined ? null : anyNameOption('topic', topic),
    };
    const parts = await this.changeEach(method, params, how, ['GROUP_NOT_FOUND', 'TOPIC_NOT_FOUND']);
    return mergedPause(parts.map(({ value }) => value));
  }

  async copyOffsets(copy: OffsetCopy, options?: CallOptions): Promise<ResetQueue[]> {
    const how = takeCallOptions('copyOffsets', options);
    const { from, to, topic, dryRun } = takeGiven('copyOffsets', copy, OFFSET_COPY);
    const params = {
      from: anyNameOption('from', from),
      to: nameOption('to', to),
      topic: anyNameOption('topic', topic),
      dryRun: booleanOption('dryRun', dryRun, false),
    };
    const parts = await this.changeEach('copyOffsets', params, how, ['TOPIC_NOT_FOUND', 'GROUP_NOT_FOUND']);
    return parts.flatMap(({ set, value }) => value.queues.map((queue) => placed(set, queue)));
  }

  async skipMessages(skip: MessageSkip, options?: CallOptions): Promise<ResetQueue> {
    const how = takeCallOptions('skipMessages', options);
    const given = takeGiven('skipMessages', skip, MESSAGE_SKIP);
    const params = {
      group: anyNameOption('group', given.group),
      topic: anyNameOption('topic', given.topic),
      queueId: countOption('queueId', given.queueId, -1, 0, MAX_QUEUES_PER_TOPIC - 1),
      count: countOption('count', given.count, -1, 1, Number.MAX_SAFE_INTEGER),
      dryRun: booleanOption('dryRun', given.dryRun, false),
    };
    for (const name of ['queueId', 'count'] as const) {
      if (params[name] < 0) {
        throw badArgument(name, 'must be given');
      }
    }
    const brokerSet = textOption('brokerSet', given.brokerSet, 127);
    const { set, value } = await this.changeOne('skipMessages', params, how, brokerSet);
    return placed(set, value);
  }

  async topicClients(
    topic: string,
    request: ListTopicClients = {},
    options?: CallOptions,
  ): Promise<TopicClientPage> {
    const how = takeCallOptions('topicClients', options);
    const given = takeOptions('topicClients', request, LIST_TOPIC_CLIENTS);
    const { cursor, limit } = pageOption(given);
    const params = { topic: anyNameOption('topic', topic), cursor, limit };
    const order = new ConnectionOrder('openedTime', cursor);
    const parts = await this.askEach('topicClients', params, how, ['TOPIC_NOT_FOUND']);
    const { items, ...page } = mergedPage(
      order,
      limit,
      parts.map(({ set, value }) => ({ set, items: value.clients, value })),
    );
    return { clients: items, ...page };
  }
}

function placed<T extends object>(set: string | null, queue: T): T & { brokerSet?: string } {
  return set === null ? queue : { brokerSet: set, ...queue };
}

function sortOption(sort: unknown): ConnectionSort {
  if (sort === undefined) {
    return 'openedTime';
  }
  const field = typeof sort === 'string' ? sort.replace(/^-/, '') : '';
  if (!CONNECTION_FIELDS.includes(field as never)) {
    throw badArgument(
      'sort',
      `must be one of ${CONNECTION_FIELDS.join(', ')}, with a - in front to turn it round`,
    );
  }
  return sort as ConnectionSort;
}

function pageOption(given: ListTopicClients): { cursor: string | null; limit: number } {
  return {
    cursor: given.cursor === null ? null : (textOption('cursor', given.cursor, MAX_CURSOR_CHARS) ?? null),
    limit: countOption('limit', given.limit, DEFAULT_ITEMS, 1, MAX_ITEMS),
  };
}

type Placed = Pick<ConnectionInfo, 'id' | 'openedTime'> & Partial<ConnectionInfo>;

/** The first of all sets' pages, in their order. A set's own page has all of it that comes before its last. */
function mergedPage<T extends Placed>(
  order: ConnectionOrder,
  limit: number,
  parts: readonly {
    set: string | null;
    items: T[];
    value: { complete: boolean; silentThreads: number };
  }[],
): { items: T[]; cursor: string | null; complete: boolean; silentThreads: number } {
  const compare = order.compare as unknown as (a: T, b: T) => number;
  const sorted = parts.flatMap(({ set, items }) =>
    set === null ? items : items.map((item) => ({ ...item, brokerSet: set })),
  );
  sorted.sort(compare);
  // Behind the last of a set's page that is not complete there may be more of that set.
  const ends = parts
    .filter(({ value }) => !value.complete)
    .map(({ items }) => items.at(-1))
    .filter((item) => item !== undefined);
  const reach = ends.sort(compare)[0];
  const whole = reach === undefined ? sorted : sorted.filter((item) => compare(item, reach) <= 0);
  const items = whole.slice(0, limit);
  const last = items.at(-1);
  const isComplete = items.length === sorted.length && ends.length === 0;
  return {
    items,
    cursor: isComplete || last === undefined ? null : order.cursorOf(last as unknown as ConnectionInfo),
    complete: isComplete,
    silentThreads: parts.reduce((sum, { value }) => sum + value.silentThreads, 0),
  };
}

function checkLevel(level: LogLevel): void {
  if (!LOG_LEVELS.includes(level)) {
    throw badArgument('level', `must be one of ${LOG_LEVELS.join(', ')}`);
  }
}
