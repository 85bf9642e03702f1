/** The API of a name server: what it knows of clusters. Routes are told to everybody, so nobody logs in. */
import { z } from 'zod';
import type { DeskCaller, NameServerDesk } from '../../engine/cluster/name-server-desk.js';
import { JSON_TYPE } from '../../transport/http/api-door.js';
import { ApiServer } from './api-server.js';
import { schemaOf } from './method-operations.js';
import type { Operation } from './operation.js';
import { queryValues } from './parameters.js';

export const NAME_SERVER_TITLE = 'RingMQ name server';

type Asked = 'route' | 'topicRoute' | 'topicChanges' | 'clusterStatus';

const count = z.number().int().nonnegative();
const text = z.string();
const cluster = {
  cluster: text.optional().describe('Default: the only one, else the one called `default`.'),
};
const master = z.object({ name: text, url: text, epoch: count, brokerId: text });
const slave = z.object({ name: text, url: text, epoch: count, inSync: z.boolean() });
const topicSet = z.object({
  set: text,
  topicId: count,
  queues: count,
  memory: z.boolean(),
  createdTime: count,
});

export const NAME_SERVER_ANSWERS = {
  route: z.object({
    cluster: text,
    version: count,
    upMs: z.number(),
    sets: z.array(z.object({ set: text, master: master.nullable(), slaves: z.array(slave) })),
  }),
  topicRoute: z.object({ topic: text, sets: z.array(topicSet), cluster: text, version: count }),
  topicChanges: z.object({
    version: count,
    complete: z.boolean(),
    topics: z.array(
      z.object({
        topic: text,
        sets: z.array(topicSet),
        belongsTo: z.array(text).nullable(),
        deletedUpTo: count.nullable(),
      }),
    ),
  }),
  clusterStatus: z.object({
    cluster: text,
    version: count,
    brokers: z.array(
      z.object({
        name: text,
        set: text,
        role: z.enum(['master', 'slave']),
        url: text,
        up: z.boolean(),
        isMaster: z.boolean(),
        brokerId: text,
        openingId: text,
        epoch: count,
        start: count,
        end: count,
        flushed: count,
        damaged: count.exactOptional(),
        inSync: z.boolean().nullable(),
        lagBytes: z.number().nullable(),
        lagMs: z.number().nullable(),
        controller: z.boolean(),
        heardMs: z.number(),
        topics: count,
      }),
    ),
    cursor: text.nullable(),
    complete: z.boolean(),
  }),
} as const;

export function nameServerOperations(desk: NameServerDesk): Operation<null>[] {
  const all: [Asked, string, string, z.ZodType][] = [
    ['route', '/route', 'The sets of a cluster, and where their masters and slaves are.', z.object(cluster)],
    [
      'clusterStatus',
      '/brokers',
      'All brokers of a cluster, in the order of their sets and names.',
      z.object({ ...cluster, cursor: text.optional(), limit: count.optional() }),
    ],
    [
      'topicChanges',
      '/topics',
      'Topics of a cluster that have changed since a version; 0: all there are.',
      z.object({ ...cluster, since: count.default(0), limit: count.optional() }),
    ],
    ['topicRoute', '/topics/:topic/route', 'Which sets have a topic.', z.object(cluster)],
  ];
  return all.map(([method, path, about, params]): Operation<null> => {
    const query = schemaOf(params, 'input');
    return {
      id: method,
      verb: 'GET',
      path,
      about,
      query,
      status: 200,
      answer: { 'application/json': schemaOf(NAME_SERVER_ANSWERS[method], 'output') },
      handle: ({ exchange, path: inPath, query: given }) => {
        const since = method === 'topicChanges' ? { since: 0 } : {};
        const answer = desk.answer(method, { ...since, ...queryValues(given, query), ...inPath }, NOBODY);
        exchange.answer(200, `${JSON.stringify(answer)}\n`, { 'Content-Type': JSON_TYPE });
      },
    };
  });
}

/** What is asked over HTTP registers nothing, so it needs no link. */
const NOBODY: DeskCaller = { link: 0, nonce: '' };

export interface NameServerApiOptions {
  readonly host: string;
  readonly allowedOrigins: readonly string[];
  readonly maxHttpRequests: number;
  readonly maxHttpRequestsPerAddress: number;
}

export function nameServerApi(
  desk: NameServerDesk,
  options: NameServerApiOptions,
  onDefect: (message: string, error: unknown) => void,
): ApiServer<null> {
  return new ApiServer<null>({
    title: NAME_SERVER_TITLE,
    operations: () => nameServerOperations(desk),
    host: options.host,
    allowedOrigins: options.allowedOrigins,
    maxRequests: options.maxHttpRequests,
    maxRequestsPerAddress: options.maxHttpRequestsPerAddress,
    callerOf: async () => null,
    challenge: () => null,
    began: () => {},
    ended: () => {},
    onDefect,
  });
}
