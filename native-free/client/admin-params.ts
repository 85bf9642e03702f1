/** Topics, groups and offsets, as callers say them and as the wire has them. */
import {
  type ControlMethods,
  DEFAULT_QUEUES,
  MAX_QUEUES_PER_TOPIC,
  MAX_TOPIC_RETENTION_MS,
  MIN_TOPIC_RETENTION_MS,
} from '../wire/index.js';
import type { NewGroup, NewTopic, OffsetReset, TopicGrowth, TopicRetention } from './admin-requests.js';
import { startPosition } from './consume/start-position.js';
import {
  anyNameOption,
  badArgument,
  booleanOption,
  countOption,
  listOption,
  nameOption,
  type OptionNames,
  takeGiven,
  textOption,
} from './options.js';

/** Broker sets that a topic may name. */
const MAX_SETS = 64;

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
