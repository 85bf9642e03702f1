/** A consumer's options, checked, with their defaults. */
import { MAX_QUEUES_PER_TOPIC, type StartPosition } from '../../wire/index.js';
import { callUser } from '../callback.js';
import {
  anyNameOption,
  badArgument,
  booleanOption,
  callbackOption,
  countOption,
  kindOf,
  listOption,
  nameOption,
  numberOption,
  type OptionNames,
  signalOption,
  takeOptions,
  textOption,
} from '../options.js';
import { parseFilter, type TagFilter } from './filter.js';
import type { GatherSettings } from './gather.js';
import { startPosition } from './start-position.js';
import type {
  BatchOptions,
  ConsumerOptions,
  DamagedQueue,
  PollOptions,
  QueueSelection,
  RunOptions,
  SeekOptions,
} from './types.js';

/** Topics one consumer may read. */
const MAX_TOPICS = 64;

const CONSUMER_OPTIONS: OptionNames<ConsumerOptions> = {
  group: true,
  topic: true,
  filter: true,
  from: true,
  windowBytes: true,
  verifyChecksums: true,
  commitIntervalMs: true,
  revokeGraceMs: true,
  signal: true,
  onAssigned: true,
  onRevoked: true,
  onDamage: true,
  onWarning: true,
  unackedWarningMs: true,
  maxUnackedCount: true,
  broadcast: true,
  memberName: true,
};
const RUN_OPTIONS: OptionNames<RunOptions> = { signal: true, concurrency: true, order: true };
const BATCH_OPTIONS: OptionNames<BatchOptions> = { signal: true, maxMessages: true, maxWaitMs: true };
const POLL_OPTIONS: OptionNames<PollOptions> = { signal: true, max: true, waitMs: true };
const SEEK_OPTIONS: OptionNames<SeekOptions> = { signal: true, topic: true, queueId: true, brokerSet: true };
const QUEUE_SELECTION: OptionNames<QueueSelection> = { topic: true, queueIds: true, brokerSet: true };

export interface ConsumerSettings {
  readonly group: string;
  /** The group it joins; null: none, it reads by itself. */
  readonly memberGroup: string | null;
  /** No other consumer has that group at once: it is one member's of a broadcast. */
  readonly alone: boolean;
  readonly topics: readonly string[];
  readonly filter: TagFilter;
  readonly from: StartPosition;
  readonly windowBytes: number;
  readonly commitIntervalMs: number;
  readonly revokeGraceMs: number;
  readonly unackedWarningMs: number;
  readonly maxUnackedCount: number;
  readonly onDamage: (damage: DamagedQueue) => 'stop' | 'skip';
}

/** A consumer's options as they are now. Throws `BAD_ARGUMENT` naming one that is unknown or cannot be read. */
export function takeConsumerOptions(options: ConsumerOptions): ConsumerOptions {
  if (options === undefined) {
    throw badArgument('consumer', 'needs an object with group and topic');
  }
  return takeOptions('consumer', options, CONSUMER_OPTIONS);
}

/** Throws `BAD_ARGUMENT` naming the option that is of the wrong kind or out of its bounds; `BAD_FILTER`. */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  booleanOption('verifyChecksums', options.verifyChecksums, true);
  callbackOption('onAssigned', options.onAssigned);
  callbackOption('onRevoked', options.onRevoked);
  callbackOption('onWarning', options.onWarning);
  signalOption(options.signal);
  const group = nameOption('group', options.group);
  const { windowBytes, commitIntervalMs, revokeGraceMs, unackedWarningMs, maxUnackedCount } = options;
  return {
    group,
    memberGroup: memberGroup(group, options),
    alone: options.memberName !== undefined,
    topics: topicsOption(options.topic),
    filter: parseFilter(options.filter),
    from: startPosition(options.from),
    windowBytes: numberOption('windowBytes', windowBytes, 4 * 1024 * 1024, 64 * 1024, 1024 ** 3),
    commitIntervalMs: numberOption('commitIntervalMs', commitIntervalMs, 100, 1, 60_000),
    revokeGraceMs: numberOption('revokeGraceMs', revokeGraceMs, 3_000, 0, 8_000),
    unackedWarningMs: numberOption('unackedWarningMs', unackedWarningMs, 60_000, 0, 86_400_000),
    maxUnackedCount: countOption('maxUnackedCount', maxUnackedCount, 1_000_000, 1, 10_000_000),
    onDamage: damageOption(options.onDamage),
  };
}

/** Members of a broadcast share nothing: each reads by itself, or commits under a name of its own. */
function memberGroup(group: string, { broadcast, memberName }: ConsumerOptions): string | null {
  const isBroadcast = booleanOption('broadcast', broadcast, false);
  if (memberName === undefined) {
    return isBroadcast ? null : group;
  }
  if (!isBroadcast) {
    throw badArgument('memberName', 'is for consumers with broadcast: true');
  }
  return nameOption('group and memberName', `${group}/${nameOption('memberName', memberName)}`);
}

export function seekSettings(
  given: SeekOptions,
  topics: readonly string[],
): {
  topic: string | undefined;
  queueId: number | undefined;
  brokerSet: string | undefined;
  signal: AbortSignal | undefined;
} {
  const options = takeOptions('seek', given, SEEK_OPTIONS);
  signalOption(options.signal);
  const { topic, brokerSet } = queueSelection({ topic: options.topic, brokerSet: options.brokerSet }, topics);
  const queueId =
    options.queueId === undefined
      ? undefined
      : countOption('queueId', options.queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1);
  if (queueId !== undefined && topic === undefined && topics.length > 1) {
    throw badArgument('topic', 'says whose queue is meant, where a consumer reads several');
  }
  return { topic, queueId, brokerSet, signal: options.signal };
}

/** What `run` is given, checked in the same way. */
export function runSettings(
  handler: unknown,
  given: RunOptions | undefined,
): { concurrency: number; order: 'none' | 'queue' | 'key'; signal: AbortSignal | undefined } {
  if (typeof handler !== 'function') {
    throw badArgument('handler', `must be a function, not ${kindOf(handler)}`);
  }
  const { signal, concurrency, order = 'none' } = takeOptions('run', given, RUN_OPTIONS);
  signalOption(signal);
  if (order !== 'none' && order !== 'queue' && order !== 'key') {
    throw badArgument('order', `must be 'none', 'queue' or 'key', not ${kindOf(order)}`);
  }
  return { concurrency: countOption('concurrency', concurrency, 1, 1, 65_536), order, signal };
}

/** What `batches` is given. `gather`: what it is to gather; null: nothing, batches as they came. */
export function batchesSettings(
  given: BatchOptions | undefined,
  windowBytes: number,
): { gather: GatherSettings | null; signal: AbortSignal | undefined } {
  const { signal, maxMessages, maxWaitMs } = takeOptions('batches', given, BATCH_OPTIONS);
  signalOption(signal);
  if (maxMessages === undefined && maxWaitMs === undefined) {
    return { gather: null, signal };
  }
  const gather = {
    maxMessages: countOption('maxMessages', maxMessages, 1_000, 1, 65_535),
    maxWaitMs: numberOption('maxWaitMs', maxWaitMs, 0, 0, 3_600_000),
    maxBytes: windowBytes,
  };
  return { gather, signal };
}

export function pollSettings(given: PollOptions): {
  max: number;
  waitMs: number;
  signal: AbortSignal | undefined;
} {
  const options = takeOptions('poll', given, POLL_OPTIONS);
  signalOption(options.signal);
  return {
    max: countOption('max', options.max, 100, 1, 65_535),
    waitMs: numberOption('waitMs', options.waitMs, 0, 0, 86_400_000),
    signal: options.signal,
  };
}

/** Queues by number, of one topic or of each. */
export function queueSelection(
  queues: QueueSelection | readonly number[] | undefined,
  topics: readonly string[],
): { topic: string | undefined; queueIds: number[] | undefined; brokerSet: string | undefined } {
  const selection = isList(queues) ? { queueIds: queues } : queues;
  const { topic, queueIds, brokerSet } = takeOptions('queues', selection, QUEUE_SELECTION);
  if (topic !== undefined && !topics.includes(topic)) {
    throw badArgument('topic', `must be one this consumer reads, not ${kindOf(topic)}`);
  }
  const ids = queueIds === undefined ? undefined : listOption('queueIds', queueIds, 0, MAX_QUEUES_PER_TOPIC);
  return {
    topic,
    brokerSet: textOption('brokerSet', brokerSet, 127),
    queueIds: ids?.map((id) => queueNumber('queueIds', id)),
  };
}

function isList(value: unknown): value is readonly number[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** A queue's number, which must be there. */
function queueNumber(option: string, id: unknown): number {
  return countOption(option, (id ?? Number.NaN) as number, 0, 0, MAX_QUEUES_PER_TOPIC - 1);
}

function topicsOption(topic: unknown): readonly string[] {
  const topics: readonly unknown[] = isList(topic) ? listOption('topic', topic, 1, MAX_TOPICS) : [topic];
  const names = topics.map((name) => anyNameOption('topic', name));
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) {
      throw badArgument('topic', `names ${name} twice`, { value: name });
    }
  }
  return names;
}

function damageOption(option: unknown): (damage: DamagedQueue) => 'stop' | 'skip' {
  if (option === undefined || option === 'stop') {
    return () => 'stop';
  }
  if (option === 'skip') {
    return () => 'skip';
  }
  if (typeof option === 'function') {
    return (damage) => {
      let answer: unknown;
      callUser(() => {
        answer = option(damage);
      });
      return answer === 'skip' ? 'skip' : 'stop';
    };
  }
  throw badArgument('onDamage', `must be 'stop', 'skip' or a function, not ${kindOf(option)}`);
}
