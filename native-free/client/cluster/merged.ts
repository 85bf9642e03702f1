/** One answer of what each set of a cluster has said. */
import {
  type BrokerStats,
  type GrantInfo,
  type GroupDescription,
  type GroupInfo,
  type GroupReport,
  groupMembers,
  mergedPause,
  type RoleInfo,
  type TopicDescription,
  type TopicInfo,
  type TrafficStats,
  type UserInfo,
} from '../../wire/index.js';

/** What a set has said. In the order of the sets' names. */
export interface SetAnswer<T> {
  set: string;
  value: T;
}

/** Topics listed with a group, as of one broker. */
const MAX_LISTED_TOPICS = 100;

/** Each topic once, in the order of their names: with the queues of all its sets. */
export function mergedTopics(answers: readonly SetAnswer<readonly TopicInfo[]>[]): TopicInfo[] {
  const merged = new Map<string, TopicInfo>();
  for (const { set, value } of answers) {
    for (const info of value) {
      const part = { brokerSet: set, topicId: info.topicId, queues: info.queues };
      const before = merged.get(info.topic);
      merged.set(
        info.topic,
        before === undefined
          ? { ...info, parts: [part] }
          : { ...before, queues: before.queues + info.queues, parts: [...(before.parts ?? []), part] },
      );
    }
  }
  return [...merged.values()].sort((a, b) => compare(a.topic, b.topic));
}

export function mergedTopic(answers: readonly SetAnswer<TopicDescription>[]): TopicDescription {
  const [info] = mergedTopics(
    answers.map(({ set, value: { queueStates: _queues, retention: _retention, ...value } }) => ({
      set,
      value: [value],
    })),
  );
  const { retention } = (answers[0] as SetAnswer<TopicDescription>).value;
  const logBytes = answers.reduce((sum, { value }) => sum + (value.retention?.logBytes ?? 0), 0);
  const times = answers
    .map(({ value }) => value.retention?.oldestTime ?? null)
    .filter((time) => time !== null);
  return {
    ...(info as TopicInfo),
    retention:
      retention === null
        ? null
        : { ...retention, logBytes, oldestTime: times.length === 0 ? null : Math.min(...times) },
    queueStates: answers.flatMap(({ set, value }) =>
      value.queueStates.map((queue) => ({ brokerSet: set, ...queue })),
    ),
  };
}

/** Each group once, in the order of their names. A member is one however many sets it reads from. */
export function mergedGroups(answers: readonly SetAnswer<readonly GroupInfo[]>[]): GroupInfo[] {
  const merged = new Map<string, GroupInfo>();
  for (const { value } of answers) {
    for (const info of value) {
      const before = merged.get(info.group);
      merged.set(info.group, before === undefined ? info : togetherOf(before, info));
    }
  }
  return [...merged.values()].sort((a, b) => compare(a.group, b.group));
}

export function mergedGroup(answers: readonly SetAnswer<GroupDescription>[]): GroupReport {
  const infos = answers.map(({ set, value: { queues: _queues, memberIds: _ids, ...value } }) => ({
    set,
    value: [value],
  }));
  const memberIds = [...new Set(answers.flatMap(({ value }) => value.memberIds))].sort();
  const queues = answers.flatMap(({ set, value }) =>
    value.queues.map((queue) => ({ brokerSet: set, ...queue })),
  );
  return {
    ...(mergedGroups(infos)[0] as GroupInfo),
    members: memberIds.length,
    memberIds,
    ...mergedPause(answers.map(({ value }) => value)),
    queues,
    memberInfos: groupMembers(memberIds, queues),
  };
}

function togetherOf(one: GroupInfo, other: GroupInfo): GroupInfo {
  const topics = [...new Set([...one.topics, ...other.topics])].sort();
  return {
    ...one,
    topics: topics.slice(0, MAX_LISTED_TOPICS),
    // Of more than are listed nobody knows how many they have in common.
    topicCount: Math.max(one.topicCount, other.topicCount, topics.length),
    members: Math.max(one.members, other.members),
  };
}

/** All brokers' together: what counts is added, of times the longest, of states the worst. What only one broker has is the first one's. */
export function addedStats(all: readonly BrokerStats[]): BrokerStats {
  const [first, ...others] = all as [BrokerStats, ...BrokerStats[]];
  const sum = (of: (stats: BrokerStats) => number): number =>
    all.reduce((total, each) => total + of(each), 0);
  const sumOrNull = (of: (stats: BrokerStats) => number | null): number | null =>
    all.some((each) => of(each) === null) ? null : sum((each) => of(each) ?? 0);
  const maxOrNull = (of: (stats: BrokerStats) => number | null): number | null => {
    const values = all.map(of).filter((value) => value !== null);
    return values.length === 0 ? null : Math.max(...values);
  };
  const traffic = Object.fromEntries(
    TRAFFIC.map((key) => [key, sum((each) => each[key] ?? 0)]),
  ) as unknown as TrafficStats;
  const disk = (['failed', 'full'] as const).find((state) => all.some((each) => each.disk === state)) ?? 'ok';
  const logKeys = Object.keys(first.log).filter((key) => key !== 'syncs') as Exclude<
    keyof BrokerStats['log'],
    'syncs'
  >[];
  const log = Object.fromEntries(
    // A broker of an earlier version says less.
    logKeys.map((key) => [key, sum((each) => each.log[key] ?? 0)]),
  ) as unknown as Omit<BrokerStats['log'], 'syncs'>;
  return {
    ...first,
    ...traffic,
    flush: all.some(({ flush }) => flush === 'async') ? 'async' : 'sync',
    uptimeMs: Math.max(...all.map(({ uptimeMs }) => uptimeMs)),
    disk,
    diskFreeBytes: all.some(({ diskFreeBytes }) => diskFreeBytes === null)
      ? null
      : Math.min(...all.map(({ diskFreeBytes }) => diskFreeBytes ?? 0)),
    topics: Math.max(...all.map(({ topics }) => topics)),
    queues: sum(({ queues }) => queues),
    groups: Math.max(...all.map(({ groups }) => groups)),
    members: Math.max(...all.map(({ members }) => members)),
    backlog: sumOrNull(({ backlog }) => backlog),
    log: {
      ...log,
      syncs: {
        count: sum(({ log: { syncs } }) => syncs.count),
        p50Ms: maxOrNull(({ log: { syncs } }) => syncs.p50Ms),
        p99Ms: maxOrNull(({ log: { syncs } }) => syncs.p99Ms),
        maxMs: maxOrNull(({ log: { syncs } }) => syncs.maxMs),
      },
    },
    memory: {
      ringBytes: sum(({ memory }) => memory.ringBytes),
      usedBytes: sum(({ memory }) => memory.usedBytes),
    },
    threads: [first, ...others].flatMap(({ brokerName, threads }) =>
      threads.map((thread) => ({ ...thread, name: `${brokerName}/${thread.name}` })),
    ),
    // A broker of an earlier version does not tell.
    logins: {
      succeeded: sum(({ logins }) => logins?.succeeded ?? 0),
      failed: sum(({ logins }) => logins?.failed ?? 0),
    },
    audit: {
      entries: sum(({ audit }) => audit?.entries ?? 0),
      lost: sum(({ audit }) => audit?.lost ?? 0),
    },
    process: {
      rssBytes: sum(({ process }) => process.rssBytes),
      heapUsedBytes: sum(({ process }) => process.heapUsedBytes),
      cpuMs: sum(({ process }) => process.cpuMs),
    },
  };
}

const TRAFFIC = [
  'messagesIn',
  'batchesIn',
  'bytesIn',
  'messagesOut',
  'bytesOut',
  'refusedBatches',
  'requests',
  'connections',
  'connectionsOpened',
  'httpRequests',
  'httpFailures',
  'connectionsRefused',
  'pacedWaits',
] as const satisfies readonly (keyof TrafficStats)[];

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Users or roles of all sets, by name: of one that differs from set to set as it was changed last. */
export function newestOfEach(all: readonly (UserInfo | RoleInfo)[]): (UserInfo | RoleInfo)[] {
  const newest = new Map<string, UserInfo | RoleInfo>();
  for (const each of all) {
    const name = nameOf(each);
    const known = newest.get(name);
    if (known === undefined || known.changedTime < each.changedTime) {
      newest.set(name, each);
    }
  }
  return [...newest.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

export function mergedGrants(users: readonly UserInfo[], roles: readonly RoleInfo[]): GrantInfo[] {
  return [...users, ...roles]
    .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .flatMap((each) => each.grants.map((grant) => ({ to: nameOf(each), isRole: 'role' in each, ...grant })));
}

function nameOf(each: UserInfo | RoleInfo): string {
  return 'role' in each ? each.role : each.user;
}
