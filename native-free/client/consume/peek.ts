/** Looking at messages without a group: nothing is acked, committed or taken from anybody. */
import { MAX_QUEUES_PER_TOPIC } from '../../wire/index.js';
import { abortable, throwIfAborted } from '../abort.js';
import { ControlAdmin } from '../admin.js';
import type { Connection } from '../link/connection.js';
import {
  anyNameOption,
  badArgument,
  checkOptions,
  countOption,
  type OptionNames,
  signalOption,
} from '../options.js';
import type { CallOptions, ConsumedMessage, GetRequest, PeekRequest } from '../types.js';
import { parseFilter } from './filter.js';
import { Poller } from './poller.js';
import { Reading } from './reading.js';
import { startPosition } from './start-position.js';
import { Warnings } from './warnings.js';

const PEEK: OptionNames<PeekRequest> = { topic: true, queueId: true, from: true, max: true, filter: true };
const GET: OptionNames<GetRequest> = { topic: true, queueId: true, offset: true };
const DEFAULT_COUNT = 10;
const MAX_COUNT = 10_000;
/** A look is at a few messages; a batch larger than this comes alone. */
const WINDOW_BYTES = 256 * 1024;

/** Up to `max` messages that are there now, from `from` on. Rejects with `TOPIC_NOT_FOUND`, `QUEUE_NOT_FOUND`, damage, and the like. */
export async function peek(
  connection: Connection,
  request: PeekRequest,
  options: CallOptions = {},
): Promise<ConsumedMessage[]> {
  if (request === undefined) {
    throw badArgument('peek', 'needs an object with topic');
  }
  checkOptions('peek', request, PEEK);
  signalOption(options.signal);
  const { signal } = options;
  const topic = anyNameOption('topic', request.topic);
  const max = countOption('max', request.max, DEFAULT_COUNT, 1, MAX_COUNT);
  const queueId =
    request.queueId === undefined
      ? undefined
      : countOption('queueId', request.queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1);
  const from = startPosition(request.from);
  const tagFilter = parseFilter(request.filter);
  throwIfAborted(signal);
  const { queueStates } = await new ControlAdmin(connection.requests).describeTopic(topic, { signal });
  const ends = new Map(queueStates.map((queue) => [queue.queueId, queue.maxOffset]));
  const reading = new Reading(connection, {
    group: null,
    queueIds: queueId === undefined ? undefined : [queueId],
    topics: [topic],
    tagFilter,
    from,
    windowBytes: WINDOW_BYTES,
    commitIntervalMs: 1_000,
    revokeGraceMs: 0,
    maxUnackedCount: Number.POSITIVE_INFINITY,
    unackedWarningMs: 0,
    verifyChecksums: undefined,
    onDamage: () => 'stop',
    onAssigned: undefined,
    onRevoked: undefined,
    // What is damaged rejects once nothing else is left.
    warnings: new Warnings(() => {}),
  });
  try {
    return await abortable(readTo(reading, ends, queueId, max), signal);
  } finally {
    await reading.leave();
  }
}

/** The message at an offset; null: it is not stored any more, or not yet. */
export async function get(
  connection: Connection,
  request: GetRequest,
  options: CallOptions = {},
): Promise<ConsumedMessage | null> {
  if (request === undefined) {
    throw badArgument('get', 'needs an object with topic, queueId and offset');
  }
  checkOptions('get', request, GET);
  const { topic } = request;
  // Both must be there.
  const queueId = countOption('queueId', request.queueId ?? -1, 0, 0, MAX_QUEUES_PER_TOPIC - 1);
  const offset = countOption('offset', request.offset ?? -1, 0, 0, Number.MAX_SAFE_INTEGER);
  const [message] = await peek(connection, { topic, queueId, from: { offset }, max: 1 }, options);
  return message?.offset === offset ? message : null;
}

/** Takes messages until there are so many, or all queues have come to where they ended. */
async function readTo(
  reading: Reading,
  ends: ReadonlyMap<number, number>,
  queueId: number | undefined,
  max: number,
): Promise<ConsumedMessage[]> {
  const poller = new Poller(reading);
  const taken: ConsumedMessage[] = [];
  const wanted = queueId === undefined ? [...ends.keys()] : [queueId];
  for (;;) {
    // Before looking: what comes meanwhile is not to be missed.
    const change = reading.changed();
    const found = await poller.poll(max - taken.length, 0, undefined);
    for (const message of found) {
      // What was stored since is another look's.
      if (message.offset < (ends.get(message.queueId) ?? 0)) {
        taken.push(message);
      }
    }
    const position = new Map(reading.topics[0]?.member.held.map((queue) => [queue.queueId, queue]));
    const isAtEnd = wanted.every((id) => {
      const queue = position.get(id);
      return queue !== undefined && (queue.handedOut >= (ends.get(id) ?? 0) || queue.damage !== null);
    });
    if (taken.length >= max || (isAtEnd && taken.length > 0)) {
      return taken;
    }
    reading.checkDamage();
    if (isAtEnd || reading.checkEnd()) {
      return taken;
    }
    if (found.length === 0) {
      await change;
    }
  }
}
