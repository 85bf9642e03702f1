/** Consumers over HTTP among the connections: who they are, and that they can be cut off. */
import { describe, expect, it } from 'vitest';
import { LISTENERS } from '../conformance/back-ends.js';
import { ADMIN_PASSWORD, openApi, PATIENT } from './api-rig.js';

interface Listed {
  id: string;
  kind: string;
  user: string | null;
  address: string;
  consumers: { group: string | null; topic: string }[];
}

describe.each(LISTENERS)('connections over %s', (listener) => {
  it('has streams and sessions of polls with their user and address, and ends them when it is told', async () => {
    const rig = await openApi({ listener, auth: true });
    const admin: { as: [string, string] } = { as: ['admin', ADMIN_PASSWORD] };
    const users = rig.broker.client().admin();
    await users.createTopic({ topic: 't', queues: 2 });
    for (const user of ['ann', 'ben']) {
      await users.createUser({ user, password: `${user}-password` });
      await users.grant({ to: user, right: 'subscribe', resource: 'topic:t' });
      await users.grant({ to: user, right: 'subscribe', resource: 'group:*' });
    }
    const stream = rig.ask('GET', '/topics/t/events', { as: ['ann', 'ann-password'] });
    const poll = (query: string) =>
      rig.ask('GET', `/groups/g/messages?topic=t&waitMs=0${query}`, { as: ['ben', 'ben-password'] });
    const { session } = (await poll('')).json as { session: string };
    const lasting = async (): Promise<Listed[]> => {
      const { json } = await rig.ask('GET', '/connections?filter=t&sort=user', admin);
      const all = json['connections'] as Listed[];
      return all.filter(({ kind, consumers }) => kind === 'http' && consumers.length > 0);
    };
    await expect.poll(async () => (await lasting()).length, PATIENT).toBe(2);
    const [ann, ben] = await lasting();
    expect(ann).toMatchObject({
      user: 'ann',
      address: '127.0.0.1',
      consumers: [{ group: null, topic: 't' }],
    });
    expect(ben).toMatchObject({ user: 'ben', address: '127.0.0.1', consumers: [{ group: 'g', topic: 't' }] });
    const { json } = await rig.ask('GET', '/topics/t/clients', admin);
    expect(json['clients']).toMatchObject([{ kind: 'http' }, { kind: 'http' }]);

    for (const each of [ann, ben]) {
      expect((await rig.ask('DELETE', `/connections/${each?.id}`, admin)).status).toBe(200);
    }
    expect((await stream).text).toContain('event: error');
    await expect.poll(lasting, PATIENT).toEqual([]);
    // The session has ended with its connection; another one begins.
    expect((await poll(`&session=${session}`)).status).toBe(404);
    expect((await poll('')).status).toBe(200);
  });
});
