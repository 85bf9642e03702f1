/** Tokens as bearers over HTTP: what they give, what is none, and what lasts longer than they do. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AUDIENCE, ISSUER, makeKey, makeToken, type TokenWishes } from '../access/token-maker.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { ADMIN_PASSWORD, openApi } from './api-rig.js';

const key = makeKey('one');
const other = makeKey('one');

async function bearer(wishes: TokenWishes = {}, by = key): Promise<{ headers: Record<string, string> }> {
  const token = await makeToken(by, { ...wishes, header: { kid: 'one' } });
  return { headers: { Authorization: `Bearer ${token}` } };
}

describe.each(LISTENERS)('bearers over %s', (listener) => {
  it('may what their tokens say, until these expire', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ringmq-api-tokens-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const keyFile = join(dir, 'keys.json');
    writeFileSync(keyFile, JSON.stringify({ keys: [key.jwk] }));
    const jwt = { keyFile, issuer: ISSUER, audience: AUDIENCE, clockToleranceSeconds: 0 };
    const { ask, base } = await openApi({ listener, auth: true, jwt });
    const admin: { as: [string, string] } = { as: ['admin', ADMIN_PASSWORD] };
    await ask('POST', '/topics', { ...admin, body: { topic: 'orders', queues: 1, memory: true } });
    const reader = { claims: { grants: 'subscribe:topic:orders subscribe:group:g' } };
    expect((await ask('GET', '/topics', await bearer(reader))).json['topics']).toHaveLength(1);
    const refused = await ask('POST', '/topics/orders/messages', { ...(await bearer(reader)), body: {} });
    expect(refused.status).toBe(403);
    const wrong = await ask('GET', '/topics', await bearer(reader, other));
    expect(wrong).toMatchObject({ status: 401, json: { code: 'NOT_AUTHENTICATED' } });
    expect(wrong.headers.get('www-authenticate')).toContain('Bearer');
    expect(await ask('GET', '/topics', await bearer({ ...reader, seconds: -5 }))).toMatchObject({
      status: 401,
      json: { code: 'TOKEN_EXPIRED' },
    });
    // In a URL it would stand in logs: it counts nowhere but in the header.
    const inUrl = (await bearer(reader)).headers['Authorization']?.slice(7);
    expect((await ask('GET', `/topics?access_token=${inUrl}`)).status).toBe(401);
    // A stream ends with the token it was begun by, which on a busy machine has expired before if it is short.
    const begun = async (seconds: number): Promise<Response> =>
      fetch(`${base}/topics/orders/events`, await bearer({ ...reader, seconds }));
    let stream = await begun(2);
    for (let seconds = 4; stream.status === 401 && seconds < 60; seconds *= 2) {
      expect(await stream.json()).toMatchObject({ code: 'TOKEN_EXPIRED' });
      stream = await begun(seconds);
    }
    expect(stream.status).toBe(200);
    await stream.text().catch(() => null);
  });
});
