/** Consuming over HTTP by polls: a poll waits for messages, an ack names them by their places, a session holds both together. */
import { z } from 'zod';
import type { ConsumedMessage, ConsumerOptions, StartPosition } from '../../native-free/client/internal.js';
import { monotonicMs } from '../../native-free/time/index.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import type { Caller } from './callers.js';
import { badParameter } from './http-errors.js';
import { lineOfMessage } from './message-json.js';
import type { Call, Operation } from './operation.js';
import { jsonObject, numberOf, queryValues, textOf } from './parameters.js';
import { MAX_HELD_COUNT, type PollSession, type PollSessions } from './poll-sessions.js';
import { FROM_SCHEMA, MESSAGE_OUT_SCHEMA } from './schemas.js';

const MAX_WAIT_MS = 60_000;
const DEFAULT_WAIT_MS = 10_000;
const DEFAULT_MAX = 100;
const MAX_ACKS = 1_000;

const place = z.object({
  topic: z.string().optional(),
  queueId: z.number().int().nonnegative(),
  offset: z.number().int().nonnegative(),
});
const ACKS = z.strictObject({ session: z.string(), messages: z.array(place).max(MAX_ACKS) });
const PLACE_SCHEMA = {
  type: 'object',
  required: ['queueId', 'offset'],
  properties: { queueId: { type: 'integer', minimum: 0 }, offset: { type: 'integer', minimum: 0 } },
};

export function consumeOperations(sessions: PollSessions): Operation<Caller>[] {
  return [poll(sessions), acks(sessions), leave(sessions)];
}

function poll(sessions: PollSessions): Operation<Caller> {
  const query = {
    type: 'object',
    required: ['topic'],
    properties: {
      topic: { type: 'string' },
      session: { type: 'string', description: 'From the poll before. Without it a session begins.' },
      max: { type: 'integer', minimum: 1, maximum: MAX_HELD_COUNT, default: DEFAULT_MAX },
      waitMs: { type: 'integer', minimum: 0, maximum: MAX_WAIT_MS, default: DEFAULT_WAIT_MS },
      from: FROM_SCHEMA,
      filter: { type: 'string', description: 'Tag expression: `a || b`.' },
    },
  } as const;
  return {
    id: 'poll',
    verb: 'GET',
    path: '/groups/:group/messages',
    about:
      'Waits for messages as a member of a group: those there are, at once, else none when the time is over. They are in hand until they are acked, or the session ends: after a minute without a poll or ack.',
    scope: 'broker',
    query,
    status: 200,
    answer: {
      'application/json': {
        type: 'object',
        required: ['session', 'messages'],
        properties: {
          session: { type: 'string' },
          messages: { type: 'array', items: MESSAGE_OUT_SCHEMA },
        },
      },
    },
    handle: async (call) => {
      queryValues(call.query, query);
      const max = numberOf(call.query, 'max', { min: 1, max: MAX_HELD_COUNT, otherwise: DEFAULT_MAX });
      const waitMs = numberOf(call.query, 'waitMs', { min: 0, max: MAX_WAIT_MS, otherwise: DEFAULT_WAIT_MS });
      const session = await sessionOf(sessions, call);
      const messages = await take(session, call, max, waitMs).catch(async (error: unknown) => {
        // What ended the consumer ends its session. Who went away may come again, if it was told of the session.
        if (!call.exchange.signal.aborted || !call.query.has('session')) {
          await sessions.end(session).catch(() => {});
        }
        throw error;
      });
      session.hold(messages);
      call.exchange.answer(
        200,
        `{"session":"${session.id}","messages":[${messages.map(lineOfMessage).join(',')}]}\n`,
        { 'Content-Type': JSON_TYPE },
      );
    },
  };
}

async function sessionOf(sessions: PollSessions, call: Call<Caller>): Promise<PollSession> {
  const { caller, path, query } = call;
  const group = path['group'] as string;
  const id = query.get('session');
  const topic = textOf(query, 'topic');
  if (id === null) {
    // That it is not there, or not to be read, is told at once, and not by a member that waits.
    await caller.connection().requests.call(
      'topicMetadata',
      { topic },
      {
        signal: call.exchange.signal,
        onlyNow: true,
      },
    );
    return await sessions.open(caller, { group, topic, ...readingOf(query) });
  }
  const session = sessions.find(caller, group, id);
  if (session.topic !== topic) {
    throw badParameter('topic', `must be ${session.topic}: the session is of that topic`);
  }
  if (session.isPolling) {
    throw badParameter('session', 'has a poll that waits already; one at a time');
  }
  return session;
}

async function take(
  session: PollSession,
  { exchange }: Call<Caller>,
  max: number,
  waitMs: number,
): Promise<ConsumedMessage[]> {
  const room = Math.min(max, session.room);
  if (room <= 0) {
    throw badParameter('session', `holds ${session.heldCount} messages; ack some before the next poll`);
  }
  session.isPolling = true;
  try {
    return await session.consumer.poll({ max: room, waitMs, signal: exchange.signal });
  } finally {
    session.isPolling = false;
    session.lastMs = monotonicMs();
  }
}

function acks(sessions: PollSessions): Operation<Caller> {
  return {
    id: 'ack',
    verb: 'POST',
    path: '/groups/:group/acks',
    about:
      'Marks messages of a session as done; answered when the group has it. `lost`: those that are not in hand any more; somebody else gets them.',
    scope: 'broker',
    body: {
      'application/json': {
        type: 'object',
        required: ['session', 'messages'],
        properties: {
          session: { type: 'string' },
          messages: { type: 'array', maxItems: MAX_ACKS, items: PLACE_SCHEMA },
        },
      },
    },
    status: 200,
    answer: {
      'application/json': {
        type: 'object',
        required: ['acked', 'lost'],
        properties: {
          acked: { type: 'integer' },
          lost: { type: 'array', items: PLACE_SCHEMA },
        },
      },
    },
    handle: async ({ exchange, caller, path, query }) => {
      queryValues(query, undefined);
      const parsed = ACKS.safeParse(await jsonObject(exchange));
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw badParameter(issue?.path.join('.') ?? 'body', issue?.message ?? 'is malformed');
      }
      const session = sessions.find(caller, path['group'] as string, parsed.data.session);
      const lost: { queueId: number; offset: number }[] = [];
      for (const { topic = session.topic, queueId, offset } of parsed.data.messages) {
        if (!(await session.ack({ topic, queueId, offset }))) {
          lost.push({ queueId, offset });
        }
      }
      await session.consumer.commit({ signal: exchange.signal });
      const acked = parsed.data.messages.length - lost.length;
      exchange.answer(200, `${JSON.stringify({ acked, lost })}\n`, { 'Content-Type': JSON_TYPE });
    },
  };
}

function leave(sessions: PollSessions): Operation<Caller> {
  return {
    id: 'leave',
    verb: 'DELETE',
    path: '/groups/:group/sessions/:session',
    about: 'Ends a session: its queues, and what was not acked, go to other members at once.',
    scope: 'broker',
    status: 200,
    answer: { 'application/json': { type: 'object' } },
    handle: async ({ exchange, caller, path, query }) => {
      queryValues(query, undefined);
      await sessions.end(sessions.find(caller, path['group'] as string, path['session'] as string));
      exchange.answer(200, '{}\n', { 'Content-Type': JSON_TYPE });
    },
  };
}

/** What a query says of reading. @throws RingMQError BAD_REQUEST */
export function readingOf(query: URLSearchParams): Pick<ConsumerOptions, 'from' | 'filter'> {
  const from = query.get('from');
  const filter = query.get('filter');
  return {
    ...(from === null ? {} : { from: positionOf(from) }),
    ...(filter === null ? {} : { filter }),
  };
}

function positionOf(text: string): StartPosition {
  if (text === 'earliest' || text === 'latest') {
    return text;
  }
  if (/^\d{1,15}$/.test(text)) {
    return { offset: Number(text) };
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) {
    throw badParameter('from', 'must be earliest, latest, an offset, or a time like 2026-01-31T12:00:00Z');
  }
  return { time };
}
