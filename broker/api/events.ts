/**
 * Consuming over HTTP as server-sent events: of a topic, for whoever wants to see what comes, or as a member of a
 * group. An event of a topic names where each queue goes on, and a browser that comes again says the last one.
 */
import type { ConsumedMessage, Consumer } from '../../native-free/client/internal.js';
import { RingMQError } from '../../native-free/wire/index.js';
import type { Caller } from './callers.js';
import { readingOf } from './consume.js';
import type { Exchange } from './exchange.js';
import { badParameter, jsonOfError } from './http-errors.js';
import { lineOfMessage } from './message-json.js';
import type { Call, Operation } from './operation.js';
import { queryValues, textOf } from './parameters.js';
import type { PollSessions } from './poll-sessions.js';
import { FROM_SCHEMA } from './schemas.js';

/** Without a message something is sent so often, so that nobody on the way takes the stream for dead. */
const BEAT_MS = 15_000;
/** Messages of one piece. */
const MAX_PIECE_COUNT = 64;
const WINDOW_BYTES = 256 * 1024;
/** An id names each queue, and comes back as a header, of which `uws` takes 4 KiB in all. */
const MAX_QUEUES = 128;
const EVENTS = 'text/event-stream';
const FILTER = { type: 'string', description: 'Tag expression: `a || b`.' } as const;

export function eventOperations(sessions: PollSessions): Operation<Caller>[] {
  return [topicEvents(), groupEvents(sessions)];
}

function topicEvents(): Operation<Caller> {
  const query = { type: 'object', properties: { from: FROM_SCHEMA, filter: FILTER } } as const;
  return {
    id: 'topicEvents',
    verb: 'GET',
    path: '/topics/:topic/events',
    about: `Messages of a topic as they come, in no group. \`Last-Event-ID\` says where to go on. Topics of up to ${MAX_QUEUES} queues.`,
    scope: 'broker',
    query,
    headers: [{ name: 'Last-Event-ID', about: 'The id of the last event that came.' }],
    status: 200,
    answer: { [EVENTS]: { type: 'string' } },
    handle: async (call) => {
      queryValues(call.query, query);
      const { caller, exchange, path } = call;
      const topic = path['topic'] as string;
      const { queues } = await metadata(call, topic);
      if (queues > MAX_QUEUES) {
        throw new RingMQError('NOT_SUPPORTED', `events are of topics of at most ${MAX_QUEUES} queues`, {
          details: { limit: MAX_QUEUES, value: queues },
        });
      }
      const places = placesOf(exchange.head.headers['last-event-id'], queues);
      const consumer = caller.client.consumer({
        group: 'http-events',
        topic,
        broadcast: true,
        from: 'latest',
        windowBytes: WINDOW_BYTES,
        onWarning: () => {},
        ...readingOf(call.query),
      });
      await streaming(call, consumer, async () => {
        await consumer.assigned;
        for (const [queueId, offset] of places) {
          await consumer.seek({ offset }, { queueId, signal: exchange.signal });
        }
        exchange.begin(200, { 'Content-Type': EVENTS });
        await exchange.write(': events\n\n');
        await eachPiece(exchange, consumer, async (messages) => {
          let text = '';
          for (const message of messages) {
            places.set(message.queueId, message.offset + 1);
            text += `id: ${idOf(places)}\n${dataOf(message)}`;
            void message.ack();
          }
          await exchange.write(text);
        });
      });
    },
  };
}

function groupEvents(sessions: PollSessions): Operation<Caller> {
  const query = {
    type: 'object',
    required: ['topic'],
    properties: {
      topic: { type: 'string' },
      from: FROM_SCHEMA,
      filter: FILTER,
      ack: {
        type: 'string',
        enum: ['auto', 'manual'],
        default: 'auto',
        description:
          '`auto`: a message is acked when the connection has taken it. `manual`: the first event, `session`, names a session to ack by.',
      },
    },
  } as const;
  return {
    id: 'groupEvents',
    verb: 'GET',
    path: '/groups/:group/events',
    about: 'Messages of a topic as they come, as a member of a group, which goes on where it was acked.',
    scope: 'broker',
    query,
    status: 200,
    answer: { [EVENTS]: { type: 'string' } },
    handle: async (call) => {
      const { ack = 'auto' } = queryValues(call.query, query);
      if (ack !== 'auto' && ack !== 'manual') {
        throw badParameter('ack', 'must be auto or manual');
      }
      const { caller, exchange, path } = call;
      const topic = textOf(call.query, 'topic');
      await metadata(call, topic);
      const session = await sessions.open(caller, {
        group: path['group'] as string,
        topic,
        ...readingOf(call.query),
      });
      session.isPolling = true;
      await streaming(call, { close: () => sessions.end(session) }, async () => {
        exchange.begin(200, { 'Content-Type': EVENTS });
        const first =
          ack === 'auto' ? ': events\n\n' : `event: session\ndata: {"session":"${session.id}"}\n\n`;
        await exchange.write(first);
        await eachPiece(exchange, session.consumer, async (messages) => {
          if (ack === 'manual') {
            session.hold(messages);
          }
          await exchange.write(messages.map(dataOf).join(''));
          if (ack === 'auto') {
            await exchange.untakenBelow(1);
            for (const message of messages) {
              void message.ack();
            }
          }
          // What is in hand is bounded: nothing more is given out before acks.
          while (session.room <= 0) {
            await session.acked(exchange.signal);
          }
        });
      });
    },
  };
}

async function metadata({ caller, exchange }: Call<Caller>, topic: string): Promise<{ queues: number }> {
  return caller.connection().requests.call(
    'topicMetadata',
    { topic },
    {
      signal: exchange.signal,
      onlyNow: true,
    },
  );
}

/** What ends the stream is its last event; before its head, it is the answer. */
async function streaming(
  { exchange }: Call<Caller>,
  consumer: { close(): Promise<void> },
  run: () => Promise<void>,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!exchange.hasAnswered) {
      throw error;
    }
    exchange.put(`event: error\ndata: ${JSON.stringify(jsonOfError(error))}\n\n`);
    exchange.finish();
  } finally {
    await consumer.close().catch(() => {});
  }
}

async function eachPiece(
  exchange: Exchange,
  consumer: Consumer,
  take: (messages: ConsumedMessage[]) => Promise<void>,
): Promise<void> {
  for (;;) {
    const messages = await consumer.poll({
      max: MAX_PIECE_COUNT,
      waitMs: BEAT_MS,
      signal: exchange.signal,
    });
    if (messages.length === 0) {
      await exchange.write(':\n\n');
    } else {
      await take(messages);
    }
  }
}

function dataOf(message: ConsumedMessage): string {
  return `data: ${lineOfMessage(message)}\n\n`;
}

function idOf(places: ReadonlyMap<number, number>): string {
  return [...places].map(([queueId, offset]) => `${queueId}:${offset}`).join(',');
}

/** @throws RingMQError BAD_REQUEST for an id that no event had */
function placesOf(id: string | undefined, queues: number): Map<number, number> {
  const places = new Map<number, number>();
  if (id === undefined || id === '') {
    return places;
  }
  for (const part of id.split(',', MAX_QUEUES)) {
    const match = /^(\d{1,5}):(\d{1,15})$/.exec(part);
    const queueId = Number(match?.[1] ?? queues);
    if (match === null || queueId >= queues) {
      throw badParameter('Last-Event-ID', 'is none that an event of this topic had');
    }
    places.set(queueId, Number(match[2]));
  }
  return places;
}
