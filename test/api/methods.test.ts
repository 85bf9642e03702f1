/** Every method that is over HTTP is asked there, and what it answers is what the table says. */
import { describe, expect, it } from 'vitest';
import { API_TITLE, brokerOperations } from '../../broker/api/broker-api.js';
import { METHODS } from '../../broker/api/methods.js';
import { openApi as documentOf } from '../../broker/api/openapi.js';
import { PollSessions } from '../../broker/api/poll-sessions.js';
import { verifierOf } from '../../native-free/client/link/scram-login.js';
import type { ControlMethod } from '../../native-free/wire/index.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { ADMIN_PASSWORD, type ApiRig, openApi } from './api-rig.js';

/** In an order in which each has what it is about. `fails`: what it is refused with here. */
async function calls(): Promise<[ControlMethod, string, (object | undefined)?, string?][]> {
  const scram = await verifierOf('another-password');
  return [
    ['createTopic', '/topics', { topic: 'shop/orders', queues: 2, memory: false }],
    ['growTopic', '/topics/shop%2Forders/queues', { queues: 3 }],
    ['setTopicRetention', '/topics/shop%2Forders/retention', { retentionMs: 60_000 }],
    ['listTopics', '/topics?limit=10'],
    ['describeTopic', '/topics/shop%2Forders'],
    ['topicMetadata', '/topics/shop%2Forders/metadata'],
    ['topicClients', '/topics/shop%2Forders/clients'],
    ['findMessages', '/messages?topic=shop%2Forders&limit=10'],
    ['consumedBy', '/topics/shop%2Forders/queues/0/messages/0/groups'],
    ['createGroup', '/groups', { group: 'billing' }],
    ['resetOffset', '/groups/billing/offsets', { topic: 'shop/orders', to: 'latest' }],
    ['pauseGroup', '/groups/billing/pause', {}],
    ['resumeGroup', '/groups/billing/pause'],
    ['copyOffsets', '/groups/billing-2/offsets/copy', { from: 'billing', topic: 'shop/orders' }],
    ['skipMessages', '/groups/billing/skip', { topic: 'shop/orders', queueId: 0, count: 1 }],
    ['groupLags', '/stats/groups'],
    ['listGroups', '/groups'],
    ['describeGroup', '/groups/billing'],
    ['stats', '/stats'],
    ['queueStats', '/stats/queues'],
    ['history', '/history?points=10'],
    ['configuration', '/configuration'],
    ['setLogLevel', '/configuration/log-level', { level: 'warn' }, 'NOT_SUPPORTED'],
    ['nameServerConfiguration', '/name-servers/configuration'],
    [
      'setNameServerLogLevel',
      '/name-servers/ws%3A%2F%2F127.0.0.1%3A1/log-level',
      { level: 'warn' },
      'BAD_ARGUMENT',
    ],
    ['listConnections', '/connections?sort=-openedTime&limit=5'],
    ['closeConnection', '/connections/none', undefined, 'CONNECTION_NOT_FOUND'],
    ['standing', '/standing'],
    ['promote', '/promote', {}, 'BAD_ARGUMENT'],
    ['createRole', '/roles', { role: 'reader' }],
    ['listRoles', '/roles'],
    ['createUser', '/users', { user: 'ann', scram, roles: ['reader'] }],
    ['setPassword', '/users/ann/password', { scram }],
    ['setRoles', '/users/ann/roles', { roles: [] }],
    ['setLimits', '/users/ann/limits', { bytesPerSecond: 65_536, messagesPerSecond: null }],
    ['listUsers', '/users'],
    ['grant', '/grants', { to: 'ann', right: 'publish', resource: 'topic:shop/*' }],
    ['listGrants', '/grants'],
    ['testAccess', '/users/ann/access?right=publish&resource=topic%3Ashop%2Forders'],
    ['revoke', '/grants?to=ann&right=publish&resource=topic%3Ashop%2F*'],
    ['deleteUser', '/users/ann'],
    ['deleteRole', '/roles/reader'],
    ['listAudit', '/audit?limit=1000'],
    ['deleteGroup', '/groups/billing'],
    ['deleteTopic', '/topics/shop%2Forders'],
  ];
}

describe.each(LISTENERS)('methods over HTTP, %s', (listener) => {
  it('each is asked, and answers as the table says', async () => {
    const rig = await openApi({ listener, auth: true });
    const all = await calls();
    const client = rig.broker.client();
    for (const [method, path, body, code] of all) {
      if (method === 'findMessages') {
        const properties = { count: 1, bytes: Uint8Array.of(1) };
        await client.producer().send({ topic: 'shop/orders', body: 'text', properties });
        await client.producer().send({ topic: 'shop/orders', body: Uint8Array.of(255) });
      }
      await checked(rig, method, path, body, code);
    }
    const routed = Object.entries(METHODS).filter(([, { http }]) => http !== null);
    expect(all.map(([method]) => method).sort()).toEqual(routed.map(([method]) => method).sort());
  });
});

async function checked(
  rig: ApiRig,
  method: ControlMethod,
  path: string,
  body: object | undefined,
  code: string | undefined,
): Promise<void> {
  const { http, answer } = METHODS[method];
  const asked = await rig.ask(http?.verb ?? '', path, {
    as: ['admin', ADMIN_PASSWORD],
    ...(body === undefined ? {} : { body }),
  });
  if (code !== undefined) {
    expect(asked.json, method).toMatchObject({ code, retryable: expect.any(Boolean), details: {} });
    return;
  }
  expect(asked.status, `${method} ${asked.text}`).toBe(http?.status ?? 200);
  // What the table does not name would be left out of what it parses.
  const said = http?.answer ?? answer;
  expect(said.parse(asked.json), method).toEqual(asked.json);
}

describe('openapi.json', () => {
  it('is what the operations say, and names each', async () => {
    const { ask } = await openApi();
    const { json } = await ask('GET', '/openapi.json');
    const sessions = new PollSessions();
    const operations = brokerOperations(sessions);
    await sessions.close();
    expect(json).toEqual(JSON.parse(JSON.stringify(documentOf(API_TITLE, operations))));
    const ids = operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, verb, id } of operations) {
      const paths = json['paths'] as Record<string, Record<string, { operationId: string }>>;
      expect(paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[verb.toLowerCase()]?.operationId).toBe(id);
    }
  });
});
