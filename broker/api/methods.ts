/**
 * The one table of the broker's methods: of each what it takes and answers, which right it needs, what holds of
 * it besides, and where it is over HTTP. Its columns lie where they are needed without the others: browsers load
 * the traits, listener threads the rights. Who adds a method and leaves out one of them does not compile.
 */
import type { z } from 'zod';
import { ANSWERS } from '../../engine/control/answers.js';
import { PARAMS } from '../../engine/control/params.js';
import {
  CONTROL_METHODS,
  type ControlMethod,
  type ControlMethodTraits,
} from '../../native-free/wire/index.js';
import { METHOD_RIGHTS, type MethodRight } from '../../transport/auth/method-rights.js';
import { FOUND_ANSWER, foundJson } from './found-json.js';

/** Where a method is over HTTP, below `/api/v1`. */
export interface MethodRoute {
  readonly verb: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `:name` is the parameter of that name, percent-encoded. Others are of the query (GET, DELETE), or of the JSON body. */
  readonly path: string;
  /** One sentence. */
  readonly about: string;
  /**
   * On which brokers it works: `broker`: that one alone. `set`: its set, asked of the master. `cluster`: all sets;
   * the others have it from this one a moment later.
   */
  readonly scope: 'broker' | 'set' | 'cluster';
  /** Of success, where it is not 200. */
  readonly status?: 201;
  /** What JSON has in place of an answer that has bytes. */
  readonly answer?: z.ZodType;
  readonly toJson?: (answer: object) => object;
}

export interface MethodEntry {
  readonly params: z.ZodType;
  readonly answer: z.ZodType;
  readonly right: MethodRight;
  readonly traits: ControlMethodTraits;
  /** null: it is about a consumer of its connection, or for other brokers alone. */
  readonly http: MethodRoute | null;
}

const ROUTES: Readonly<Record<ControlMethod, MethodRoute | null>> = {
  listTopics: get('/topics', 'Topics, in the order of their names.', 'set'),
  createTopic: made('/topics', 'Makes a topic.', 'cluster'),
  describeTopic: get('/topics/:topic', 'A topic, its retention and its queues.', 'set'),
  growTopic: put('/topics/:topic/queues', 'Gives a topic more queues.', 'cluster'),
  setTopicRetention: put(
    '/topics/:topic/retention',
    'Says how long messages of a topic are given out.',
    'cluster',
  ),
  deleteTopic: del('/topics/:topic', 'Deletes a topic and all that is stored of it.', 'cluster'),
  topicMetadata: get('/topics/:topic/metadata', 'What a producer needs to know of a topic.', 'set'),
  listGroups: get('/groups', 'Consumer groups, in the order of their names.', 'set'),
  createGroup: made('/groups', 'Makes a consumer group that stays until it is deleted.', 'set'),
  describeGroup: get(
    '/groups/:group',
    'A group: its members, what each holds, and how far it is behind.',
    'set',
  ),
  deleteGroup: del('/groups/:group', 'Forgets a group and all it has committed.', 'set'),
  resetOffset: post('/groups/:group/offsets', 'Sets where a group reads on in a topic.', 'set'),
  pauseGroup: put('/groups/:group/pause', 'Has a group get nothing until it is resumed.', 'set'),
  resumeGroup: del('/groups/:group/pause', 'Has a group go on.', 'set'),
  copyOffsets: post('/groups/:to/offsets/copy', 'Has a group read on where another one does.', 'set'),
  skipMessages: post('/groups/:group/skip', 'Has a group pass over the next messages of a queue.', 'set'),
  findMessages: {
    ...get('/messages', 'Messages as they are stored, by key, id, tag, time or place.', 'set'),
    answer: FOUND_ANSWER,
    toJson: foundJson,
  },
  consumedBy: get(
    '/topics/:topic/queues/:queueId/messages/:offset/groups',
    'How far each group has come on one message.',
    'set',
  ),
  stats: get('/stats', 'Counters and gauges of this broker.', 'broker'),
  queueStats: get('/stats/queues', 'Ends of queues, and what groups have still to read of them.', 'broker'),
  groupLags: get('/stats/groups', 'How far groups are behind, topic by topic.', 'broker'),
  history: get('/history', 'What was measured in the last 24 hours, in steps.', 'broker'),
  configuration: get(
    '/configuration',
    'Every option of this broker, its value, and where that is from.',
    'broker',
  ),
  setLogLevel: put('/configuration/log-level', 'What the log of this broker tells from now on.', 'broker'),
  nameServerConfiguration: get(
    '/name-servers/configuration',
    'Every option of the name servers that this broker registers with.',
    'broker',
  ),
  setNameServerLogLevel: put(
    '/name-servers/:nameServer/log-level',
    'What the log of a name server that this broker registers with tells from now on.',
    'broker',
  ),
  listConnections: get('/connections', 'Connections: whose, from where, and what they do.', 'broker'),
  closeConnection: del('/connections/:id', 'Cuts a connection off.', 'broker'),
  topicClients: get('/topics/:topic/clients', 'Who produces to a topic, and who consumes it.', 'broker'),
  standing: get('/standing', 'How this broker stands in its set.', 'broker'),
  promote: post('/promote', 'Makes this slave the master of its set.', 'broker'),
  listUsers: get('/users', 'Users, in the order of their names.', 'cluster'),
  createUser: made('/users', 'Makes a user, by a verifier of its password.', 'cluster'),
  deleteUser: del('/users/:user', 'Deletes a user and ends its connections.', 'cluster'),
  setPassword: put('/users/:user/password', 'Gives a user another password, by its verifier.', 'cluster'),
  setRoles: put('/users/:user/roles', 'The roles of a user, in place of those before.', 'cluster'),
  setLimits: put(
    '/users/:user/limits',
    'What a user may send, and be sent, a second; what is left out stays as it is.',
    'cluster',
  ),
  testAccess: get('/users/:user/access', 'Whether a user may do that.', 'cluster'),
  listRoles: get('/roles', 'Roles, in the order of their names.', 'cluster'),
  createRole: made('/roles', 'Makes a role.', 'cluster'),
  deleteRole: del('/roles/:role', 'Deletes a role.', 'cluster'),
  listGrants: get('/grants', 'All that is granted, by users and roles.', 'cluster'),
  grant: post('/grants', 'Gives a user or a role a right.', 'cluster'),
  revoke: del('/grants', 'Takes a right back, written as it was given.', 'cluster'),
  listAudit: get('/audit', 'What administrators did, and logins that failed, the oldest first.', 'set'),
  accessRecords: null,
  renew: null,
  join: null,
  skipDamage: null,
  reportDamage: null,
  seek: null,
  flow: null,
  leave: null,
  released: null,
  commit: null,
};

export const METHODS: Readonly<Record<ControlMethod, MethodEntry>> = Object.fromEntries(
  (Object.keys(ROUTES) as ControlMethod[]).map((method): [ControlMethod, MethodEntry] => [
    method,
    {
      params: PARAMS[method],
      answer: ANSWERS[method],
      right: METHOD_RIGHTS[method],
      traits: CONTROL_METHODS[method],
      http: ROUTES[method],
    },
  ]),
) as Record<ControlMethod, MethodEntry>;

type Scope = MethodRoute['scope'];

function get(path: string, about: string, scope: Scope): MethodRoute {
  return { verb: 'GET', path, about, scope };
}

function post(path: string, about: string, scope: Scope): MethodRoute {
  return { verb: 'POST', path, about, scope };
}

function made(path: string, about: string, scope: Scope): MethodRoute {
  return { verb: 'POST', path, about, scope, status: 201 };
}

function put(path: string, about: string, scope: Scope): MethodRoute {
  return { verb: 'PUT', path, about, scope };
}

function del(path: string, about: string, scope: Scope): MethodRoute {
  return { verb: 'DELETE', path, about, scope };
}
