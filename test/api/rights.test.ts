/**
 * Who may ask what over HTTP: each operation of the description, asked by nobody, and by users of different rights. What is denied is denied
 * as over WebSocket, and is the same for what is there as for what is not.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerOperations } from '../../broker/api/broker-api.js';
import { METHODS } from '../../broker/api/methods.js';
import { PollSessions } from '../../broker/api/poll-sessions.js';
import type { OneBroker } from '../../native-free/client/brokers.js';
import { type Client, connect } from '../../native-free/client/index.js';
import { brokersOf } from '../../native-free/client/internal.js';
import { verifierOf } from '../../native-free/client/link/scram-login.js';
import type { ControlMethod } from '../../native-free/wire/index.js';
import { type ApiRig, type Asked, openApiUntil } from './api-rig.js';

type Params = Readonly<Record<string, unknown>>;

/** Of the topic, the group, and a name for what is made. */
interface Named {
  topic: string;
  group: string;
}
const OWN: Named = { topic: 'shop/orders', group: 'shop/billing' };
const HIDDEN: Named = { topic: 'hush/orders', group: 'hush/billing' };
/** As long as those: cut names look alike. */
const NOT_THERE: Named = { topic: 'none/orders', group: 'none/billing' };

/** Who asks, and what was granted to it; `keeper` by a role. */
const USERS = {
  plain: [],
  publisher: ['publish topic:shop/orders'],
  subscriber: ['subscribe topic:shop/orders', 'subscribe group:shop/billing'],
  elsewhere: ['manage topic:else/*', 'manage group:else/*'],
  keeper: ['manage topic:shop/*', 'manage group:shop/*'],
} as const;
type User = keyof typeof USERS;
const NAMES = Object.keys(USERS) as User[];
const passwordOf = (user: string): string => `${user}-password`;

interface Case {
  id: string;
  verb: string;
  path(named: Named): string;
  body?(named: Named): object;
  /** What each of {@link NAMES} gets about its own. */
  statuses: readonly number[];
  /** Of a method: what the control call is asked with. */
  params?: (named: Named) => Params;
}

const e = encodeURIComponent;
/** In place of a status: it goes on. */
const STREAM = 0;
const NOT_ALLOWED = [403, 403, 403, 403, 403];

/** What a method of the table is asked with, and what {@link NAMES} get. */
function asked(scram: object): Partial<Record<ControlMethod, [(named: Named) => Params, number[]]>> {
  const topic =
    (more: Params = {}) =>
    ({ topic }: Named) => ({ topic, ...more });
  const group =
    (more: Params = {}) =>
    ({ group }: Named) => ({ group, ...more });
  const both =
    (more: Params = {}) =>
    ({ topic, group }: Named) => ({ topic, group, ...more });
  const plain =
    (more: Params = {}) =>
    () =>
      more;
  return {
    createTopic: [topic({ queues: 1, memory: false, ifNotExists: true }), [403, 403, 403, 403, 201]],
    growTopic: [topic({ queues: 2 }), [404, 403, 403, 404, 200]],
    setTopicRetention: [topic({ retentionMs: 60_000 }), [404, 403, 403, 404, 200]],
    listTopics: [plain(), [200, 200, 200, 200, 200]],
    describeTopic: [topic(), [404, 200, 200, 404, 200]],
    topicMetadata: [topic(), [403, 200, 200, 403, 200]],
    topicClients: [topic(), [404, 403, 403, 404, 200]],
    findMessages: [topic(), [404, 403, 200, 404, 403]],
    consumedBy: [topic({ queueId: 0, offset: 0 }), [404, 403, 200, 404, 403]],
    createGroup: [group({ ifNotExists: true }), [403, 403, 403, 403, 201]],
    listGroups: [plain(), [200, 200, 200, 200, 200]],
    describeGroup: [group(), [404, 404, 200, 404, 200]],
    resetOffset: [both({ to: 'latest' }), NOT_ALLOWED],
    pauseGroup: [group(), [404, 404, 403, 404, 200]],
    resumeGroup: [group(), [404, 404, 403, 404, 200]],
    copyOffsets: [({ group: to, topic }) => ({ to, from: to, topic }), NOT_ALLOWED],
    skipMessages: [both({ queueId: 0, count: 1 }), NOT_ALLOWED],
    groupLags: [plain(), NOT_ALLOWED],
    stats: [plain(), NOT_ALLOWED],
    queueStats: [plain(), NOT_ALLOWED],
    history: [plain(), NOT_ALLOWED],
    configuration: [plain(), NOT_ALLOWED],
    setLogLevel: [plain({ level: 'warn' }), NOT_ALLOWED],
    nameServerConfiguration: [plain(), NOT_ALLOWED],
    setNameServerLogLevel: [plain({ nameServer: 'ws://127.0.0.1:1', level: 'warn' }), NOT_ALLOWED],
    listConnections: [plain(), NOT_ALLOWED],
    closeConnection: [plain({ id: 'none' }), NOT_ALLOWED],
    standing: [plain(), NOT_ALLOWED],
    promote: [plain(), NOT_ALLOWED],
    createRole: [plain({ role: 'made' }), NOT_ALLOWED],
    listRoles: [plain(), NOT_ALLOWED],
    deleteRole: [plain({ role: 'keepers' }), NOT_ALLOWED],
    createUser: [plain({ user: 'made', scram, roles: [] }), NOT_ALLOWED],
    listUsers: [plain(), NOT_ALLOWED],
    setPassword: [plain({ user: 'admin', scram }), NOT_ALLOWED],
    setRoles: [plain({ user: 'plain', roles: ['admin'] }), NOT_ALLOWED],
    setLimits: [plain({ user: 'plain', bytesPerSecond: 0 }), NOT_ALLOWED],
    deleteUser: [plain({ user: 'admin' }), NOT_ALLOWED],
    grant: [plain({ to: 'plain', right: 'manage', resource: '*' }), NOT_ALLOWED],
    revoke: [plain({ to: 'keepers', right: 'manage', resource: 'topic:shop/*' }), NOT_ALLOWED],
    listGrants: [plain(), NOT_ALLOWED],
    testAccess: [
      ({ topic }) => ({ user: 'admin', right: 'publish', resource: `topic:${topic}` }),
      NOT_ALLOWED,
    ],
    listAudit: [plain(), NOT_ALLOWED],
    // A poll has left a member.
    deleteGroup: [group(), [404, 404, 403, 404, 409]],
    deleteTopic: [topic(), [404, 403, 403, 404, 200]],
  };
}

/** A call of a method as its route has it. */
function methodCase(method: ControlMethod, params: (named: Named) => Params, statuses: number[]): Case {
  const { verb, path } = METHODS[method].http as { verb: string; path: string };
  const rest = (named: Named): Params =>
    Object.fromEntries(Object.entries(params(named)).filter(([name]) => !path.includes(`:${name}`)));
  const query = (named: Named): string =>
    Object.entries(rest(named))
      .map(([name, value]) => `${name}=${e(String(value))}`)
      .join('&');
  const hasBody = verb === 'POST' || verb === 'PUT';
  return {
    id: method,
    verb,
    path: (named) =>
      `${path.replace(/:(\w+)/g, (_, name: string) => e(String(params(named)[name])))}${hasBody ? '' : `?${query(named)}`}`,
    ...(hasBody ? { body: rest } : {}),
    statuses,
    params,
  };
}

async function cases(): Promise<Case[]> {
  const scram = await verifierOf('another-password');
  const streamed: Case[] = [
    {
      id: 'publish',
      verb: 'POST',
      path: ({ topic }) => `/topics/${e(topic)}/messages`,
      body: () => ({ body: 'x' }),
      statuses: [403, 201, 403, 403, 403],
    },
    {
      id: 'poll',
      verb: 'GET',
      path: ({ topic, group }) => `/groups/${e(group)}/messages?topic=${e(topic)}&waitMs=0`,
      statuses: [403, 403, 200, 403, 403],
    },
    {
      id: 'ack',
      verb: 'POST',
      path: ({ group }) => `/groups/${e(group)}/acks`,
      body: () => ({ session: 'none', messages: [] }),
      statuses: [404, 404, 404, 404, 404],
    },
    {
      id: 'leave',
      verb: 'DELETE',
      path: ({ group }) => `/groups/${e(group)}/sessions/none`,
      statuses: [404, 404, 404, 404, 404],
    },
    {
      id: 'topicEvents',
      verb: 'GET',
      path: ({ topic }) => `/topics/${e(topic)}/events`,
      statuses: [403, 403, STREAM, 403, 403],
    },
    {
      id: 'groupEvents',
      verb: 'GET',
      path: ({ topic, group }) => `/groups/${e(group)}/events?topic=${e(topic)}`,
      statuses: [403, 403, STREAM, 403, 403],
    },
  ];
  const methods = Object.entries(asked(scram)) as [ControlMethod, [(named: Named) => Params, number[]]][];
  // What is deleted comes last.
  return [
    ...streamed,
    ...methods.map(([method, [params, statuses]]) => methodCase(method, params, statuses)),
  ];
}

/** Without what it was asked about. */
function withoutNames(text: string, { topic, group }: Named): string {
  return text.replaceAll(topic, 'TOPIC').replaceAll(group, 'GROUP');
}

describe('rights over HTTP', () => {
  let rig: ApiRig & { close(): Promise<void> };
  let all: Case[];
  const clients = new Map<User, Client>();

  beforeAll(async () => {
    rig = await openApiUntil({ auth: true, listener: 'ws', threads: 1 });
    all = await cases();
    const admin = rig.broker.client().admin();
    for (const { topic, group } of [OWN, HIDDEN]) {
      await admin.createTopic({ topic, queues: 1 });
      await admin.createGroup({ group });
      await rig.broker
        .client()
        .producer()
        .send({ topic, body: 'x', keys: ['k'] });
    }
    await admin.createRole({ role: 'keepers' });
    for (const user of NAMES) {
      await admin.createUser({
        user,
        password: passwordOf(user),
        roles: user === 'keeper' ? ['keepers'] : [],
      });
      for (const grant of USERS[user]) {
        const [right, resource] = grant.split(' ') as ['publish', string];
        await admin.grant({ to: user === 'keeper' ? 'keepers' : user, right, resource });
      }
      const credentials = { scheme: 'scram', user, password: passwordOf(user) } as const;
      clients.set(user, await connect(`ws://127.0.0.1:${rig.listener.port}`, { credentials }));
    }
  });
  afterAll(async () => {
    await Promise.all([...clients.values()].map((client) => client.close()));
    await rig?.close();
  });

  const ask = (one: Case, named: Named, user?: User): Promise<Asked> =>
    rig.ask(one.verb, one.path(named), {
      ...(one.body === undefined ? {} : { body: one.body(named) }),
      ...(user === undefined ? {} : { as: [user, passwordOf(user)] }),
    });

  it('are asked about with each operation that there is', async () => {
    const sessions = new PollSessions();
    const ids = brokerOperations(sessions).map(({ id }) => id);
    await sessions.close();
    expect(all.map(({ id }) => id).sort()).toEqual(ids.sort());
  });

  it('nobody has any', async () => {
    await Promise.all(
      all.map(async (one) => {
        const { status, json, text } = await ask(one, OWN);
        expect([status, json['code'], json['details']], one.id).toEqual([401, 'NOT_AUTHENTICATED', {}]);
        expect(text, one.id).not.toMatch(/shop|hush|billing/);
      }),
    );
  });

  it('what is hidden is answered as what is not there', async () => {
    const compare = async (one: Case, user: User): Promise<void> => {
      const [hidden, missing] = await Promise.all([ask(one, HIDDEN, user), ask(one, NOT_THERE, user)]);
      const name = `${one.id} ${user}`;
      expect(hidden.status, `${name} ${hidden.text}`).toBe(missing.status);
      if (hidden.status >= 300) {
        expect([403, 404], name).toContain(hidden.status);
        expect(withoutNames(hidden.text, HIDDEN), name).toBe(withoutNames(missing.text, NOT_THERE));
      } else {
        expect(hidden.text, name).not.toContain('hush');
      }
    };
    for (const one of all) {
      await Promise.all(NAMES.map((user) => compare(one, user)));
    }
  });

  it('are what was granted, and what is denied is denied as over WebSocket', async () => {
    const check = async (one: Case, user: User): Promise<void> => {
      const expected = one.statuses[NAMES.indexOf(user)] as number;
      if (expected === STREAM) {
        return; // Such are read by tests of exchanges and messages.
      }
      const name = `${one.id} ${user}`;
      const { status, json, text } = await ask(one, OWN, user);
      expect(status, `${name} ${text}`).toBe(expected);
      expect(text, name).not.toContain('hush');
      if (status >= 400 && one.params !== undefined) {
        const { code, message, details } = json;
        const brokers = brokersOf(clients.get(user) as Client) as OneBroker;
        const asked = brokers.connection.requests.call(one.id as ControlMethod, one.params(OWN) as never, {
          onlyNow: true,
        });
        await expect(asked, name).rejects.toMatchObject({ code, message, details });
      }
    };
    const poll = all.find(({ id }) => id === 'poll') as Case;
    for (const one of all) {
      if (one.id === 'deleteGroup') {
        // On a busy machine the member of the poll before has been idle for too long by now.
        await check(poll, 'subscriber');
      }
      await Promise.all(NAMES.slice(0, -1).map((user) => check(one, user)));
      // By then what it deletes has been asked for.
      await check(one, 'keeper');
    }
  });

  it('a message is not found by its id, or its key, without the right to read it', async () => {
    const admin = rig.broker.client().admin();
    const [found] = (await admin.findMessages({ topic: HIDDEN.topic })).messages;
    const id = found?.messageId ?? '';
    // The place behind it.
    const missing = id.replace(/.{8}$/, (place) =>
      (Number.parseInt(place, 16) + 1).toString(16).padStart(8, '0'),
    );
    for (const user of NAMES) {
      const as: [string, string] = [user, passwordOf(user)];
      const { status, json } = await rig.ask('GET', `/messages?id=${id}`, { as });
      expect([status, json], user).toEqual([
        200,
        (await rig.ask('GET', `/messages?id=${missing}`, { as })).json,
      ]);
    }
  });
});
