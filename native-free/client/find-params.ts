/** What is looked for, as callers say it and as the wire has it. */
import {
  DEFAULT_FOUND_BODY_BYTES,
  DEFAULT_FOUND_MESSAGES,
  type FindParams,
  type FindResult,
  MAX_FOUND_BODY_BYTES,
  MAX_FOUND_MESSAGES,
  MAX_KEY_BYTES,
  MAX_QUEUES_PER_TOPIC,
  MAX_TAG_BYTES,
  MAX_TIME_MS,
  parseMessageId,
  setOwn,
} from '../wire/index.js';
import type { ConsumedQuestion, MessageSearch } from './admin-requests.js';
import {
  anyNameOption,
  badArgument,
  countOption,
  kindOf,
  type OptionNames,
  takeOptions,
  textOption,
} from './options.js';

const SEARCH: OptionNames<MessageSearch> = {
  topic: true,
  id: true,
  key: true,
  queueId: true,
  brokerSet: true,
  offset: true,
  tag: true,
  time: true,
  toTime: true,
  cursor: true,
  limit: true,
  maxBodyBytes: true,
  bodyFrom: true,
};
const QUESTION: OptionNames<ConsumedQuestion> = { topic: true, queueId: true, offset: true, brokerSet: true };
const LAST = Number.MAX_SAFE_INTEGER;
/** A cursor over a cluster names a place in each of its sets. */
const MAX_CURSOR_BYTES = 64 * 1024;

/** What was asked, checked; `brokerSet` is the client's own affair. */
export interface TakenSearch {
  readonly params: FindParams & { limit: number };
  readonly brokerSet: string | undefined;
}

/** Throws `BAD_ARGUMENT` naming what cannot be used. */
export function takeSearch(given: MessageSearch): TakenSearch {
  const search = takeOptions('findMessages', given, SEARCH);
  const { topic, id, queueId, offset } = search;
  if (id !== undefined && parseMessageId(String(id)) === undefined) {
    throw badArgument('id', `must be a message id, 34 hexadecimal digits, not ${kindOf(id)}`);
  }
  if (topic === undefined && id === undefined) {
    throw badArgument('topic', 'says whose messages are meant; it may be left out with id only');
  }
  if (offset !== undefined && queueId === undefined) {
    throw badArgument('offset', 'needs queueId: each queue has offsets of its own');
  }
  return {
    brokerSet: textOption('brokerSet', search.brokerSet, 127),
    params: {
      topic: topic === undefined ? null : anyNameOption('topic', topic),
      id: id ?? null,
      key: someText('key', search.key, MAX_KEY_BYTES),
      queueId: queueId === undefined ? null : countOption('queueId', queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1),
      offset: offset === undefined ? null : countOption('offset', offset, 0, 0, LAST),
      tag: someText('tag', search.tag, MAX_TAG_BYTES),
      fromTime: timeOption('time', search.time),
      toTime: timeOption('toTime', search.toTime),
      cursor: textOption('cursor', search.cursor ?? undefined, MAX_CURSOR_BYTES) ?? null,
      limit: countOption('limit', search.limit, DEFAULT_FOUND_MESSAGES, 1, MAX_FOUND_MESSAGES),
      maxBodyBytes: countOption(
        'maxBodyBytes',
        search.maxBodyBytes,
        DEFAULT_FOUND_BODY_BYTES,
        0,
        MAX_FOUND_BODY_BYTES,
      ),
      bodyFrom: countOption('bodyFrom', search.bodyFrom, 0, 0, LAST),
    },
  };
}

/** The same of who has consumed a message. */
export function takeQuestion(given: ConsumedQuestion): {
  params: { topic: string; queueId: number; offset: number };
  brokerSet: string | undefined;
} {
  const { topic, queueId, offset, brokerSet } = takeOptions('consumedBy', given, QUESTION);
  if (queueId === undefined || offset === undefined) {
    throw badArgument('consumedBy', 'needs topic, queueId and offset of a message');
  }
  return {
    brokerSet: textOption('brokerSet', brokerSet, 127),
    params: {
      topic: anyNameOption('topic', topic),
      queueId: countOption('queueId', queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1),
      offset: countOption('offset', offset, 0, 0, LAST),
    },
  };
}

/** No message has an empty key or tag. */
function someText(name: string, value: string | undefined, maxBytes: number): string | null {
  const text = textOption(name, value, maxBytes);
  if (text === '') {
    throw badArgument(name, 'must not be empty');
  }
  return text ?? null;
}

function timeOption(name: string, value: number | Date | undefined): number | null {
  if (value === undefined) {
    return null;
  }
  let time: unknown = value;
  try {
    time = value instanceof Date ? value.getTime() : value;
  } catch {
    // A date that cannot be read is no time.
  }
  if (Number.isSafeInteger(time) && (time as number) >= 0 && (time as number) <= MAX_TIME_MS) {
    return time as number;
  }
  throw badArgument(name, `must be a Date or milliseconds since 1970, not ${kindOf(value)}`);
}

/**
 * What was found, with bytes of its own: what a frame is decoded to may be views of it, and of a class that only
 * Node has.
 */
export function ownFound(found: FindResult): FindResult {
  for (const message of found.messages) {
    message.body = message.body === null ? null : new Uint8Array(message.body);
    for (const [name, value] of Object.entries(message.properties)) {
      if (value instanceof Uint8Array) {
        setOwn(message.properties, name, new Uint8Array(value));
      }
    }
  }
  return found;
}
