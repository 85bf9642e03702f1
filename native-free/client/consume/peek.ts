/** Looking at messages without a group: nothing is acked, committed or taken from anybody. */
import { MAX_QUEUES_PER_TOPIC, RingMQError } from '../../wire/index.js';
import { abortable, throwIfAborted } from '../abort.js';
import { ControlAdmin } from '../admin.js';
import type { Brokers, TopicPlace } from '../brokers.js';
import {
  anyNameOption,
  badArgument,
  countOption,
  type OptionNames,
  takeCallOptions,
  takeOptions,
  textOption,
} from '../options.js';
import type { CallOptions, ConsumedMessage, GetRequest, PeekRequest } from '../types.js';
import { parseFilter } from './filter.js';
import { Poller } from './poller.js';
import { Reading } from './reading.js';
import { startPosition } from './start-position.js';
import { Warnings } from './warnings.js';

const PEEK: OptionNames<PeekRequest> = {
  topic: true,
  queueId: true,
  brokerSet: true,
  from: true,
  max: true,
  filter: true,
};
const GET: OptionNames<GetRequest> = { topic: true, queueId: true, brokerSet: true, offset: true };
const DEFAULT_COUNT = 10;
const MAX_COUNT = 10_000;
/** A look is at a few messages; a batch larger than this comes alone. */
const WINDOW_BYTES = 256 * 1024;

/** Up to `max` messages that are there now, from `from` on. Rejects with `TOPIC_NOT_FOUND`, `QUEUE_NOT_FOUND`, damage, and the like. */
export async function peek(
  brokers: Brokers,
  given: PeekRequest,
  options?: CallOptions,
): Promise<ConsumedMessage[]> {
  if (given === undefined) {
    throw badArgument('peek', 'needs an object with topic');
  }
  const request = takeOptions('peek', given, PEEK);
  const { signal } = takeCallOptions('peek', options);
  const topic = anyNameOption('topic', request.topic);
  const max = countOption('max', request.max, DEFAULT_COUNT, 1, MAX_COUNT);
  const queueId =
    request.queueId === undefined
      ? undefined
      : countOption('queueId', request.queueId, 0, 0, MAX_QUEUES_PER_TOPIC - 1);
  const from = startPosition(request.from);
  const tagFilter = parseFilter(request.filter);
  const brokerSet = textOption('brokerSet', request.brokerSet, 127);
  throwIfAborted(signal);
  const places = await placesOf(brokers, topic, brokerSet, queueId);
  const ends = await endsOf(places, topic, queueId, signal);
  const reading = new Reading(brokers, {
    brokerSet,
    group: null,
    alone: false,
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
    return await abortable(readTo(reading, ends, max), signal);
  } finally {
    await reading.leave();
  }
}

/** The message at an offset; null: it is not stored any more, or not yet. */
export async function get(
  brokers: Brokers,
  request: GetRequest,
  options?: CallOptions,
): Promise<ConsumedMessage | null> {
  if (request === undefined) {
    throw badArgument('get', 'needs an object with topic, queueId and offset');
  }
  const { topic, brokerSet, ...place } = takeOptions('get', request, GET);
  // Both must be there.
  const queueId = countOption('queueId', place.queueId ?? -1, 0, 0, MAX_QUEUES_PER_TOPIC - 1);
  const offset = countOption('offset', place.offset ?? -1, 0, 0, Number.MAX_SAFE_INTEGER);
  const [message] = await peek(brokers, { topic, queueId, brokerSet, from: { offset }, max: 1 }, options);
  return message?.offset === offset ? message : null;
}

/** Takes messages until there are so many, or all queues have come to where they ended. */
async function readTo(
  reading: Reading,
  ends: ReadonlyMap<string, number>,
  max: number,
): Promise<ConsumedMessage[]> {
  const poller = new Poller(reading);
  const taken: ConsumedMessage[] = [];
  for (;;) {
    // Before looking: what comes meanwhile is not to be missed.
    const change = reading.changed();
    const found = await poller.poll(max - taken.length, 0, undefined);
    for (const message of found) {
      // What was stored since is another look's.
      if (message.offset < (ends.get(placeKey(message.brokerSet, message.queueId)) ?? 0)) {
        taken.push(message);
      }
    }
    const position = new Map(
      reading.topics.flatMap(({ link, member }) =>
        member.held.map((queue) => [placeKey(link.set ?? undefined, queue.queueId), queue] as const),
      ),
    );
    const isAtEnd = [...ends].every(([key, end]) => {
      const queue = position.get(key);
      return queue !== undefined && (queue.handedOut >= end || queue.damage !== null);
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

/** The places that are looked at. Rejects with `BAD_ARGUMENT` where it is not said whose queue is meant, `QUEUE_NOT_FOUND`. */
async function placesOf(
  brokers: Brokers,
  topic: string,
  brokerSet: string | undefined,
  queueId: number | undefined,
): Promise<readonly TopicPlace[]> {
  const all = await brokers.places(topic);
  const places = brokerSet === undefined ? all : all.filter(({ link }) => link.set === brokerSet);
  const sets = all.map(({ link }) => link.set).join(', ');
  if (places.length === 0) {
    throw new RingMQError(
      'QUEUE_NOT_FOUND',
      `${topic} has queues in the sets ${sets}, not in '${brokerSet}'`,
      {
        details: { topic, brokerSet },
      },
    );
  }
  if (queueId !== undefined && places.length > 1) {
    throw badArgument('brokerSet', `says whose queue is meant: ${topic} has queues in the sets ${sets}`);
  }
  // Of several sets one that is away holds up nobody.
  return brokerSet === undefined ? places.filter(isThere) : places;
}

function isThere({ link }: TopicPlace): boolean {
  return link.set === null || link.connection.isOpen;
}

/** Where the queues end that are looked at. */
async function endsOf(
  places: readonly TopicPlace[],
  topic: string,
  queueId: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  await Promise.all(
    places.map(async ({ link }) => {
      const admin = new ControlAdmin(link.connection.requests);
      const { queueStates } = await admin.describeTopic(topic, { signal });
      for (const queue of queueStates) {
        if (queueId === undefined || queue.queueId === queueId) {
          ends.set(placeKey(link.set ?? undefined, queue.queueId), queue.maxOffset);
        }
      }
    }),
  );
  // Of a queue that is not there the broker says so itself.
  if (queueId !== undefined && ends.size === 0) {
    ends.set(placeKey(places[0]?.link.set ?? undefined, queueId), 0);
  }
  return ends;
}

/** Tells queues of several sets apart. */
function placeKey(set: string | undefined, queueId: number): string {
  return `${set ?? ''}/${queueId}`;
}
