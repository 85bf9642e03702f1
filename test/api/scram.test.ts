/** SCRAM-SHA-256 over HTTP: the exchange of RFC 7804, what a proof is good for, and what it is not. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { proofOf } from '../../engine/access/scram.js';
import { LISTENERS } from '../conformance/back-ends.js';
import { ADMIN_PASSWORD, type ApiRig, type Asked, openApi, PATIENT } from './api-rig.js';

const toBase64 = (text: string): string => Buffer.from(text).toString('base64');

function partsOf(header: string | null): Record<string, string> {
  const found = [...(header ?? '').matchAll(/(\w+)=([^\s,"]+)/g)];
  return Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]));
}

function textIn(header: string | null): string {
  return Buffer.from(partsOf(header)['data'] ?? '', 'base64').toString();
}

function ask(rig: ApiRig, parameters: string, path = '/topics'): Promise<Asked> {
  return rig.ask('GET', path, { headers: { Authorization: `SCRAM-SHA-256 ${parameters}` } });
}

/** All but the last request: what that one says. */
async function begin(
  rig: ApiRig,
  user: string,
  password: string,
  header = 'n,,',
): Promise<{ proof: string; challenge: Asked }> {
  const bare = `n=${user},r=${randomBytes(18).toString('base64')}`;
  const challenge = await ask(rig, `realm="RingMQ", data=${toBase64(header + bare)}`);
  const asked = challenge.headers.get('www-authenticate');
  const { sid = '' } = partsOf(asked);
  const first = textIn(asked);
  const [, nonce = '', salt = '', rounds = ''] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(first) ?? [];
  const unproven = `c=${toBase64(header)},r=${nonce}`;
  const proof = await proofOf(password, salt, Number(rounds), `${bare},${first},${unproven}`);
  return { challenge, proof: `sid=${sid}, data=${toBase64(`${unproven},p=${proof}`)}` };
}

describe.each(LISTENERS)('SCRAM over %s', (listener) => {
  it('lets in who knows the password, which shows who answers, and gives a token for some minutes', async () => {
    const rig = await openApi({ listener, auth: true });
    const nobody = await rig.ask('GET', '/topics');
    expect(nobody.headers.get('www-authenticate')).toContain('SCRAM-SHA-256 realm="RingMQ"');
    for (const header of ['n,,', 'y,,']) {
      const { challenge, proof } = await begin(rig, 'admin', ADMIN_PASSWORD, header);
      expect(challenge).toMatchObject({ status: 401, json: { code: 'NOT_AUTHENTICATED' } });
      const answer = await ask(rig, proof);
      expect(answer.status).toBe(200);
      const info = answer.headers.get('authentication-info');
      expect(textIn(info)).toMatch(/^v=[A-Za-z0-9+/]{43}=$/);
      expect((await ask(rig, `token=${partsOf(info)['token']}`, '/users')).status).toBe(200);
      // It counts once.
      expect(await ask(rig, proof)).toMatchObject({ status: 401, json: { code: 'NOT_AUTHENTICATED' } });
    }
    // Nobody has failed who was only asked. Entries come a moment after what they are about, in their order.
    const admin: { as: [string, string] } = { as: ['admin', ADMIN_PASSWORD] };
    await rig.ask('POST', '/groups', { ...admin, body: { group: 'behind' } });
    const written = async (): Promise<string[]> =>
      ((await rig.ask('GET', '/audit', admin)).json['entries'] as { method: string }[]).map(
        ({ method }) => method,
      );
    await expect.poll(written, PATIENT).toContain('createGroup');
    expect((await written()).filter((method) => method === 'login')).toHaveLength(2);
  });

  it('keeps out who does not, whatever is sent in place of a proof, and says it alike for users there are not', async () => {
    const rig = await openApi({ listener, auth: true });
    for (const user of ['admin', 'nobody']) {
      const { challenge, proof } = await begin(rig, user, 'another-password');
      expect(textIn(challenge.headers.get('www-authenticate'))).toMatch(/,s=[A-Za-z0-9+/]{22}==,i=16384$/);
      const answer = await ask(rig, proof);
      expect(answer).toMatchObject({ status: 401, json: { code: 'NOT_AUTHENTICATED' } });
      expect(answer.json['message']).toContain('there is no such user, or the password is another one');
      expect(answer.headers.get('www-authenticate')).toContain('SCRAM-SHA-256 realm="RingMQ"');
    }
    const { proof } = await begin(rig, 'admin', ADMIN_PASSWORD);
    const { sid = '' } = partsOf(proof);
    const [sealed = '', seal = ''] = sid.split('.');
    const forged = Buffer.from(
      Buffer.from(sealed, 'base64url').toString().replace('"challenge"', '"token"'),
    ).toString('base64url');
    for (const parameters of [
      `sid=${sid}`,
      `token=${sid}`,
      `token=${forged}.${seal}`,
      `token=${sealed}`,
      'token=x.y',
      'token=',
      `sid=${sid}, data=${toBase64('c=biws,r=x,p=y')}`,
      `sid=${sid}, sid=${sid}, data=AAAA`,
      `sid=x, ${proof.slice(proof.indexOf('data'))}`,
      `data=${toBase64('n,a=admin,n=admin,r=0123456789abcdef')}`,
      `data=${toBase64('p=tls-unique,,n=admin,r=0123456789abcdef')}`,
      `data=${toBase64('n,,m=x,n=admin,r=0123456789abcdef')}`,
      `data=${toBase64('n,,n=%broker,r=0123456789abcdef')}`,
      `data=${toBase64('n,,n=admin,r=short')}`,
      `data=${'A'.repeat(3_000)}`,
      'data=*',
      'other=1',
      ',,,',
    ]) {
      const answer = await ask(rig, parameters);
      expect(answer.status, parameters).toBe(401);
      expect(answer.json, parameters).toMatchObject({ code: 'NOT_AUTHENTICATED' });
    }
    expect((await ask(rig, proof)).status).toBe(200);
  });

  it('a token ends with the password that it was given for', async () => {
    const rig = await openApi({ listener, auth: true });
    const users = rig.broker.client().admin();
    await users.createUser({ user: 'ann', password: 'ann-password' });
    const { proof } = await begin(rig, 'ann', 'ann-password');
    const token = `token=${partsOf((await ask(rig, proof)).headers.get('authentication-info'))['token']}`;
    expect((await ask(rig, token)).status).toBe(200);
    const late = (await begin(rig, 'ann', 'ann-password')).proof;
    await users.setPassword('ann', 'another-password');
    expect((await ask(rig, token)).status).toBe(401);
    expect((await ask(rig, late)).status).toBe(401);
  });
});
