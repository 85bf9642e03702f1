/** Who may ask the API and how: paths, methods, origins, hosts, logins, rights, and how much at a time. */
import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LISTENERS } from '../conformance/back-ends.js';
import { ADMIN_PASSWORD, type ApiRig, basic, openApi, PATIENT, sharedApi } from './api-rig.js';

/** As it is written: `fetch` would tidy a path up. */
function raw(
  { listener }: ApiRig,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ port: listener.port, host: '127.0.0.1', method, path, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += String(chunk);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe.each(LISTENERS)('asking over %s', (listener) => {
  it('no way to write a path leads to another route', async () => {
    const rig = await sharedApi({ listener });
    await rig.ask('POST', '/topics', { body: { topic: 'a/b', queues: 1, memory: false } });
    expect((await raw(rig, 'GET', '/api/v1/topics/a%2Fb')).status).toBe(200);
    expect((await raw(rig, 'GET', '/api/v1/topics/a%2fb')).status).toBe(200);
    for (const path of [
      '/api/v1/topics/a/b',
      '/api/v1/topics/',
      '/api/v1//topics',
      '/api/v1/topics/a%2Fb/',
      '/api/v1/./topics',
      '/api/v1/groups/../topics',
      '/api/v1/%74opics',
      '/api/v1%2Ftopics',
      '/api/v1/topics%2Fa%252Fb',
      '/api//v1/topics',
      '/api/v1/topics;x=1',
      `/api/v1/topics/${'a'.repeat(1_200)}`,
      '/api/v2/topics',
      '/api',
    ]) {
      const { status, text } = await raw(rig, 'GET', path);
      expect(status, path).toBe(404);
      expect(JSON.parse(text), path).toMatchObject({ code: expect.any(String), retryable: false });
    }
    // Decoded once: these are names, and there is none such.
    for (const path of ['/api/v1/topics/a%252Fb', '/api/v1/topics/%2e%2e', '/api/v1/topics/..%2Fgroups']) {
      const { status, text } = await raw(rig, 'GET', path);
      expect([400, 404], path).toContain(status);
      expect(text, path).toMatch(/TOPIC_NOT_FOUND|BAD_ARGUMENT|BAD_REQUEST/);
    }
    expect((await raw(rig, 'GET', '/api/v1/topics/%zz')).status).toBe(400);
    expect((await raw(rig, 'GET', '/api/v1/topics/%ff')).status).toBe(400);
  });

  it('a method is what the request line says, and those there are are told', async () => {
    const rig = await sharedApi({ listener });
    const { status, text } = await raw(rig, 'PATCH', '/api/v1/topics/x');
    expect(status).toBe(405);
    expect(JSON.parse(text)).toMatchObject({ message: expect.stringContaining('GET, DELETE') });
    await rig.ask('POST', '/topics', { body: { topic: 'kept', queues: 1, memory: false } });
    for (const headers of [
      { 'X-HTTP-Method-Override': 'DELETE' },
      { 'X-HTTP-Method': 'DELETE' },
      { 'X-Method-Override': 'DELETE' },
    ]) {
      expect((await raw(rig, 'GET', '/api/v1/topics/kept', headers)).status).toBe(200);
    }
    expect((await raw(rig, 'GET', '/api/v1/topics/kept?_method=DELETE')).status).toBe(400);
    expect((await rig.ask('GET', '/topics/kept')).status).toBe(200);
  });

  it('a page of another origin is refused whatever it asks, one that is allowed may read the answer', async () => {
    const rig = await openApi({ listener, allowedOrigins: ['https://console.example'] });
    const own = `http://127.0.0.1:${rig.listener.port}`;
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1', `${own}.evil.example`]) {
      const { status, json, headers } = await rig.ask('POST', '/groups', {
        body: { group: 'evil' },
        headers: { Origin: origin },
      });
      expect(status, origin).toBe(403);
      expect(json, origin).toMatchObject({ code: 'ORIGIN_REFUSED' });
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
    expect((await raw(rig, 'GET', '/api/v1/topics', { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
    expect((await raw(rig, 'GET', '/api/v1/topics', { 'Sec-Fetch-Site': 'same-origin' })).status).toBe(200);
    expect((await rig.ask('GET', '/groups/evil')).status).toBe(404);
    const preflight = await rig.ask('OPTIONS', '/groups', {
      headers: { Origin: 'https://console.example', 'Access-Control-Request-Method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://console.example');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('DELETE');
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    const { headers } = await rig.ask('GET', '/topics', { headers: { Origin: 'https://console.example' } });
    expect(headers.get('access-control-allow-origin')).toBe('https://console.example');
    expect(headers.get('vary')).toBe('Origin');
    expect(headers.get('set-cookie')).toBeNull();
    expect((await rig.ask('GET', '/topics', { headers: { Origin: own } })).status).toBe(200);
  });

  it('a domain that was made to name loopback is not answered', async () => {
    const rig = await sharedApi({ listener });
    expect((await raw(rig, 'GET', '/api/v1/topics', { Host: 'evil.example' })).status).toBe(403);
  });

  it('what is wrong with parameters is told by their names', async () => {
    const { ask } = await sharedApi({ listener });
    const json = { 'Content-Type': 'application/json' };
    const asked: [string, string, string, string][] = [
      ['POST', '/topics', '{"topic":"a","queues":"many"}', 'createTopic: queues must be a number'],
      ['POST', '/topics', '{"topic":1,"queues":1,"memory":false}', 'topic'],
      ['POST', '/topics', 'nonsense', 'JSON'],
      ['POST', '/topics', '[]', 'object'],
      [
        'POST',
        '/topics',
        '{"topic":"a","queues":1,"memory":false,"\\u0071ueues" : 2}',
        'queues is in the body twice',
      ],
      ['POST', '/topics?queues=3', '{}', 'queues'],
      ['POST', '/groups/g/offsets', '{"group":"h","topic":"t","to":"latest"}', 'group'],
      ['POST', '/groups/g/offsets', '{"topic":"t","to":"someday"}', 'to'],
    ];
    for (const [method, path, body, names] of asked) {
      const answer = await ask(method, path, { body, headers: json });
      expect(answer.status, `${path} ${body}`).toBe(400);
      expect(answer.json['message'], body).toContain(names);
    }
    expect((await ask('GET', '/topics?limit=1&limit=2')).json['message']).toContain('twice');
    expect((await ask('GET', '/topics?limit=many')).status).toBe(400);
    expect(
      (await ask('POST', '/topics', { body: '{}', headers: { 'Content-Type': 'text/plain' } })).status,
    ).toBe(400);
    const large = `{"topic":"${'a'.repeat(100_000)}"}`;
    expect(await ask('POST', '/topics', { body: large, headers: json })).toMatchObject({
      status: 413,
      json: { code: 'MESSAGE_TOO_LARGE' },
    });
    // What could not be put into a frame ends nobody's connection.
    const deep = `{"topic":"a","x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    expect((await ask('POST', '/topics', { body: deep, headers: json })).status).toBe(400);
    expect((await ask('POST', '/topics', { body: '{"__proto__":{"queues":1}}', headers: json })).status).toBe(
      400,
    );
    expect((await ask('GET', '/topics')).status).toBe(200);
  });

  it('a list has what its filter asks for, page by page', async () => {
    const { ask } = await sharedApi({ listener });
    for (const topic of ['orders', 'shop/Orders', 'shop/mail', 'reorders']) {
      await ask('POST', '/topics', { body: { topic, queues: 1, memory: true } });
      await ask('POST', '/groups', { body: { group: `${topic}-readers` } });
    }
    const first = await ask('GET', '/topics?filter=ORDER&limit=2');
    expect(first.json).toMatchObject({
      complete: false,
      topics: [{ topic: 'orders' }, { topic: 'reorders' }],
    });
    const cursor = encodeURIComponent(first.json['cursor'] as string);
    expect((await ask('GET', `/topics?filter=ORDER&limit=2&cursor=${cursor}`)).json).toMatchObject({
      complete: true,
      topics: [{ topic: 'shop/Orders' }],
    });
    expect((await ask('GET', '/groups?filter=mail')).json['groups']).toHaveLength(1);
    expect((await ask('GET', `/topics?filter=${'x'.repeat(256)}`)).status).toBe(400);
  });

  it('more than may be under way is refused, and what ends makes room', async () => {
    const { ask } = await openApi({ listener, threads: 1, maxHttpRequestsPerAddress: 2 });
    await ask('POST', '/topics', { body: { topic: 't', queues: 1, memory: true } });
    const stop = new AbortController();
    const polls = ['a', 'b'].map((group) =>
      ask('GET', `/groups/${group}/messages?topic=t&waitMs=60000`, { signal: stop.signal }).catch(() => null),
    );
    await expect.poll(async () => (await ask('GET', '/topics')).status, PATIENT).toBe(429);
    const refused = await ask('GET', '/topics');
    expect(refused.json).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryable: true, details: { limit: 2 } });
    expect(refused.headers.get('retry-after')).toBe('1');
    stop.abort();
    await Promise.all(polls);
    await expect.poll(async () => (await ask('GET', '/topics')).status, PATIENT).toBe(200);
  });

  it('who goes away in the middle of a body, or never ends it, harms nobody', async () => {
    const rig = await openApi({ listener, threads: 1 });
    const sockets = Array.from({ length: 20 }, (_, i) => {
      const socket = connect(rig.listener.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(
        `POST /api/v1/topics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${i % 2 === 0 ? 1_000_000_000 : 50}\r\n\r\n{"topic":`,
      );
      return socket;
    });
    expect((await rig.ask('GET', '/topics')).status).toBe(200);
    for (const socket of sockets) {
      socket.destroy();
    }
    expect((await rig.ask('GET', '/topics')).json).toMatchObject({ topics: [] });
  });
});

describe.each(LISTENERS)('logging in over %s', (listener) => {
  const admin: { as: [string, string] } = { as: ['admin', ADMIN_PASSWORD] };

  it('who does not say who it is is asked, what is wrong is told, and nothing else', async () => {
    const { ask } = await openApi({ listener, auth: true });
    const nobody = await ask('GET', '/topics');
    expect(nobody).toMatchObject({ status: 401, json: { code: 'NOT_AUTHENTICATED' } });
    expect(nobody.headers.get('www-authenticate')).toMatch(/^Basic realm="RingMQ"/);
    for (const [name, value] of Object.entries({
      wrong: basic('admin', 'another'),
      nobody: basic('nobody', ADMIN_PASSWORD),
      empty: basic('admin', ''),
      noColon: `Basic ${Buffer.from('admin').toString('base64')}`,
      broker: basic('%broker', 'x'),
      twice: `${basic('admin', ADMIN_PASSWORD)}, ${basic('admin', ADMIN_PASSWORD)}`,
      bearer: 'Bearer abc',
      digest: 'Digest username="admin"',
      blank: 'Basic',
    })) {
      const { status, json } = await ask('GET', '/topics', { headers: { Authorization: value } });
      expect(status, name).toBe(401);
      expect(json, name).toMatchObject({ code: 'NOT_AUTHENTICATED' });
    }
    expect((await ask('GET', '/topics', admin)).status).toBe(200);
    expect((await ask('GET', '/openapi.json')).status).toBe(200);
    // An entry comes a moment after what it is about.
    await expect
      .poll(async () => (await ask('GET', '/audit', admin)).json['entries'], PATIENT)
      .toContainEqual(
        expect.objectContaining({ method: 'login', user: 'admin', address: '127.0.0.1', result: 'denied' }),
      );
    const filtered = await ask('GET', '/audit?user=admin&action=login&result=denied&limit=1', admin);
    expect(filtered.json['entries']).toEqual([
      expect.objectContaining({ user: 'admin', method: 'login', result: 'denied' }),
    ]);
    expect(await ask('GET', '/audit?user=ann', admin)).toMatchObject({
      json: { entries: [], complete: true },
    });
    expect((await ask('GET', '/audit?result=refused', admin)).status).toBe(400);
  });

  it('a user may what its rights say, here as elsewhere, and what is taken back is gone at once', async () => {
    const rig = await openApi({ listener, auth: true });
    const { ask } = rig;
    const users = rig.broker.client().admin();
    for (const topic of ['shop/orders', 'shop/secret']) {
      await ask('POST', '/topics', { ...admin, body: { topic, queues: 1, memory: false } });
    }
    await users.createUser({ user: 'ann', password: 'ann-password' });
    await users.grant({ to: 'ann', right: 'publish', resource: 'topic:shop/orders' });
    const ann: { as: [string, string] } = { as: ['ann', 'ann-password'] };
    const send = () => ask('POST', '/topics/shop%2Forders/messages', { ...ann, body: { body: 'x' } });
    expect((await send()).status).toBe(201);
    expect((await ask('GET', '/topics', ann)).json['topics']).toHaveLength(1);
    expect(
      await ask('POST', '/topics/shop%2Fsecret/messages', { ...ann, body: { body: 'x' } }),
    ).toMatchObject({
      status: 403,
      json: { code: 'NOT_ALLOWED' },
    });
    // Nobody learns by it which topics there are.
    const { status } = await ask('POST', '/topics/none/messages', { ...ann, body: { body: 'x' } });
    expect(status).toBe(403);
    expect(await ask('DELETE', '/topics/shop%2Forders', ann)).toMatchObject({
      status: 403,
      json: { code: 'NOT_ALLOWED', details: { right: 'manage', resource: 'topic:shop/orders' } },
    });
    expect((await ask('GET', '/groups/g/messages?topic=shop%2Forders&waitMs=0', ann)).status).toBe(403);
    expect((await ask('GET', '/topics/shop%2Fsecret/events', ann)).status).toBe(403);
    expect((await ask('GET', '/users', ann)).status).toBe(403);
    await users.revoke({ to: 'ann', right: 'publish', resource: 'topic:shop/orders' });
    await expect.poll(async () => (await send()).status, PATIENT).not.toBe(201);
    await users.deleteUser('ann');
    expect((await ask('GET', '/topics', ann)).status).toBe(401);
  });

  it('a stream of events ends with the right to it, and with its user', async () => {
    const rig = await openApi({ listener, auth: true });
    const users = rig.broker.client().admin();
    await rig.ask('POST', '/topics', { ...admin, body: { topic: 't', queues: 1, memory: true } });
    for (const user of ['ann', 'ben']) {
      await users.createUser({ user, password: `${user}-password` });
      await users.grant({ to: user, right: 'subscribe', resource: 'topic:t' });
    }
    const streams = ['ann', 'ben'].map((user) =>
      rig.ask('GET', '/topics/t/events', { as: [user, `${user}-password`] }),
    );
    await expect
      .poll(async () => {
        const { json } = await rig.ask('GET', '/topics/t/clients', admin);
        return (json['clients'] as unknown[]).length;
      }, PATIENT)
      .toBe(2);
    await users.revoke({ to: 'ann', right: 'subscribe', resource: 'topic:t' });
    await users.deleteUser('ben');
    for (const { text } of await Promise.all(streams)) {
      expect(text).toContain('event: error');
    }
  });
});
