/** What is taken for a token and what is not: its signature, its times, and all that it says of itself. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { TokenOptions } from '../../engine/access/token-options.js';
import { TokenVerifier } from '../../engine/access/token-verifier.js';
import {
  AUDIENCE,
  forgedToken,
  ISSUER,
  type IssuerKey,
  makeKey,
  makeToken,
  TOKEN_RULES,
} from './token-maker.js';

const TIMES = { cooldownMs: 0 };

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-tokens-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function fileOf(text: string): string {
  const path = join(dir, `keys-${files++}`);
  writeFileSync(path, text);
  return path;
}

const pemOf = (key: IssuerKey): string => key.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const setOf = (...keys: IssuerKey[]): string => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });

function verifier(keys: string, options: Partial<TokenOptions> = {}): TokenVerifier {
  return new TokenVerifier({ ...TOKEN_RULES, ...options, keyFile: fileOf(keys) }, TIMES);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'taken';
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

/** Stands for an issuer's address. */
async function serve(
  keys: () => { status?: number; body: string } | null,
): Promise<{ url: string; asked: () => number; server: Server }> {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    const answer = keys();
    if (answer === null) {
      return; // It never answers.
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(answer.body);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/keys`, asked: () => asked, server };
}

describe('a token', () => {
  it.each(['ec', 'rsa', 'ed25519'] as const)(
    'is taken that is signed with an %s key of the file',
    async (kind) => {
      const key = makeKey(undefined, kind);
      for (const keys of [pemOf(key), setOf(key), JSON.stringify(key.jwk)]) {
        const { user, rights, expiresTime } = await verifier(keys).verify(await makeToken(key));
        expect({ user, rights }).toEqual({ user: 'anna', rights: null });
        expect(expiresTime).toBeGreaterThan(Date.now() + 290_000);
      }
    },
  );

  it('may name its key, also where the file has no names', async () => {
    const [one, two] = [makeKey('one'), makeKey('two')];
    const named = verifier(setOf(one, two));
    expect((await named.verify(await makeToken(two, { header: { kid: 'two' } }))).user).toBe('anna');
    const bare = verifier(pemOf(one) + pemOf(two));
    expect((await bare.verify(await makeToken(two, { header: { kid: 'two' } }))).user).toBe('anna');
    expect((await bare.verify(await makeToken(one))).user).toBe('anna');
  });

  it('is refused that is signed with another key, or changed', async () => {
    const key = makeKey();
    const token = await makeToken(key);
    const [header, , signature] = token.split('.');
    const other = Buffer.from(JSON.stringify({ iss: ISSUER, aud: AUDIENCE, sub: 'admin', exp: 4e9 }));
    const judge = verifier(pemOf(key));
    const why = 'NOT_AUTHENTICATED: the token is not accepted: it is not signed by a key that is known here';
    expect(await codeOf(judge.verify(await makeToken(makeKey())))).toBe(why);
    expect(await codeOf(judge.verify(`${header}.${other.toString('base64url')}.${signature}`))).toBe(why);
  });

  it('is refused that is not signed at all (`alg: none`)', async () => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'admin', exp: 4e9 };
    const judge = verifier(pemOf(makeKey()));
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const signature of ['', 'AAAA']) {
        expect(await codeOf(judge.verify(forgedToken({ alg }, claims, signature)))).toContain(
          'NOT_AUTHENTICATED',
        );
      }
    }
  });

  it('is refused that is signed with the public key as if it were a secret (RS/HS)', async () => {
    for (const key of [makeKey(undefined, 'rsa'), makeKey()]) {
      const text = forgedToken({ alg: 'HS256' }, { iss: ISSUER, aud: AUDIENCE, sub: 'admin', exp: 4e9 });
      const signed = text.slice(0, -1);
      const pem = pemOf(key);
      for (const secret of [pem, pem.trim(), JSON.stringify(key.jwk)]) {
        const signature = createHmac('sha256', secret).update(signed).digest('base64url');
        expect(await codeOf(verifier(pem).verify(`${signed}.${signature}`))).toContain(
          'its algorithm is none',
        );
      }
    }
  });

  it('is refused that is signed with an algorithm that is not taken, by a key that is', async () => {
    const rsa = makeKey(undefined, 'rsa');
    const judge = verifier(pemOf(rsa), { algorithms: ['PS256'] });
    expect(await codeOf(judge.verify(await makeToken(rsa)))).toContain('its algorithm is none');
  });

  it('is refused that brings its key, or says where it is', async () => {
    const evil = makeKey('evil');
    let fetched = 0;
    const { url } = await serve(() => {
      fetched++;
      return { body: setOf(evil) };
    });
    const judge = verifier(setOf(makeKey('good')));
    for (const header of [
      { jwk: evil.jwk },
      { jku: url, kid: 'evil' },
      { x5u: url },
      { kid: '../../dev/null' },
      { kid: "' OR 1=1" },
    ]) {
      expect(await codeOf(judge.verify(await makeToken(evil, { header: header as never })))).toContain(
        'NOT_AUTHENTICATED',
      );
    }
    expect(
      await codeOf(
        judge.verify(
          await makeToken(evil, { header: { crit: ['exp2'], exp2: 1 } as never }).catch(() =>
            forgedToken({ alg: 'ES256', crit: ['exp2'], exp2: 1 }, {}, 'AAAA'),
          ),
        ),
      ),
    ).toContain('NOT_AUTHENTICATED');
    expect(fetched).toBe(0);
  });

  it.each([
    ['another audience', { aud: 'shop' }, 'its claim aud'],
    ['no audience', { aud: undefined }, 'its claim aud'],
    ['another issuer', { iss: 'https://other.example' }, 'its claim iss'],
    ['no end', { exp: undefined }, 'its claim exp'],
    ['an end that is no number', { exp: '4000000000' }, 'its claim exp'],
    ['a time that is to come', { nbf: 4e9 }, 'its claim nbf'],
    ['no user', { sub: undefined }, "the token's claim sub is no name"],
    ["the brokers' own user", { sub: '%broker' }, "the token's claim sub is no name"],
    ['roles that are no list', { roles: { admin: true } }, "the token's claim roles is no list"],
    [
      'too many roles',
      { roles: Array.from({ length: 40 }, (_, i) => `r${i}`) },
      "the token's claim roles is no list",
    ],
  ])('is refused that has %s', async (_what, claims, why) => {
    const key = makeKey();
    expect(
      await codeOf(verifier(pemOf(key)).verify(await makeToken(key, { claims: claims as never }))),
    ).toContain(why);
  });

  it('has its own code when it has expired, and is taken within the tolerance', async () => {
    const key = makeKey();
    const token = await makeToken(key, { seconds: -10 });
    expect(await codeOf(verifier(pemOf(key)).verify(token))).toContain('TOKEN_EXPIRED');
    const { expiresTime } = await verifier(pemOf(key), { clockToleranceSeconds: 60 }).verify(token);
    expect(expiresTime).toBeGreaterThan(Date.now());
  });

  it.each(['', 'a', 'a.b', 'a.b.c.d', 'a b.c.d', '..', `${'a'.repeat(20_000)}.b.c`])(
    'is refused that is none: %.20s',
    async (text) => {
      expect(await codeOf(verifier(pemOf(makeKey())).verify(text))).toContain('NOT_AUTHENTICATED');
    },
  );
});

describe('rights in a token', () => {
  it.each([
    ['a list', { roles: ['readers'], grants: ['publish:topic:orders', 'subscribe:topic:eu/*'] }],
    [
      'texts with blanks',
      {
        roles: 'readers',
        grants: 'openid publish:topic:orders profile subscribe:topic:eu/* a:b fly:topic:x',
      },
    ],
  ])('come as %s', async (_form, claims) => {
    const key = makeKey();
    expect((await verifier(pemOf(key)).verify(await makeToken(key, { claims }))).rights).toEqual({
      roles: ['readers'],
      grants: [
        { right: 'publish', resource: 'topic:orders' },
        { right: 'subscribe', resource: 'topic:eu/*' },
      ],
    });
  });

  it('are found inside of other claims, by whatever names they have', async () => {
    const key = makeKey();
    const judge = verifier(pemOf(key), {
      rolesClaim: 'realm_access.roles',
      grantsClaim: 'https://ringmq.example/grants',
      userClaim: 'preferred_username',
    });
    const claims = { realm_access: { roles: ['readers'] }, preferred_username: 'bert' };
    const { user, rights } = await judge.verify(await makeToken(key, { claims }));
    expect({ user, rights }).toEqual({ user: 'bert', rights: { roles: ['readers'], grants: [] } });
  });

  it('are none where the claim is there and empty', async () => {
    const key = makeKey();
    const { rights } = await verifier(pemOf(key)).verify(await makeToken(key, { claims: { roles: [] } }));
    expect(rights).toEqual({ roles: [], grants: [] });
  });
});

describe('keys of a file', () => {
  it.each([
    ['a private key', () => makeKey().privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()],
    ['a private key in JSON', () => JSON.stringify(makeKey().privateKey.export({ format: 'jwk' }))],
    ['a secret', () => JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })],
    ['nothing', () => ''],
    ['no keys', () => '{"keys":[]}'],
    ['something else', () => '{"keys":'],
  ])('are refused where it has %s', (_what, text) => {
    expect(() => verifier(text())).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  it('are others when it has changed: the new one is taken, the old one no more', async () => {
    const [old, next] = [makeKey('old'), makeKey('next')];
    const keyFile = fileOf(setOf(old));
    const judge = new TokenVerifier({ ...TOKEN_RULES, keyFile }, { cooldownMs: 0, freshMs: 0 });
    const [byOld, byNext] = [
      await makeToken(old, { header: { kid: 'old' } }),
      await makeToken(next, { header: { kid: 'next' } }),
    ];
    await judge.verify(byOld);
    const written = fileOf(setOf(next));
    renameSync(written, keyFile);
    await judge.verify(byNext);
    expect(await codeOf(judge.verify(byOld))).toContain('NOT_AUTHENTICATED');
    // A file that cannot be used leaves those that were known.
    writeFileSync(keyFile, 'no keys at all');
    await judge.verify(byNext);
  });
});

describe('keys at an address', () => {
  it('are asked for once, however many tokens come', async () => {
    const key = makeKey('one');
    const { url, asked } = await serve(() => ({ body: setOf(key) }));
    const judge = new TokenVerifier({ ...TOKEN_RULES, jwksUrl: url });
    const tokens = await Promise.all(
      Array.from({ length: 20 }, () => makeToken(key, { header: { kid: 'one' } })),
    );
    await Promise.all(tokens.map((token) => judge.verify(token)));
    expect(asked()).toBe(1);
  });

  it('are asked for again for one that is not known, and not for each token that names none of them', async () => {
    const [old, next] = [makeKey('old'), makeKey('next')];
    let keys = setOf(old);
    const { url, asked } = await serve(() => ({ body: keys }));
    const judge = new TokenVerifier({ ...TOKEN_RULES, jwksUrl: url }, { cooldownMs: 0 });
    await judge.verify(await makeToken(old, { header: { kid: 'old' } }));
    keys = setOf(old, next);
    await judge.verify(await makeToken(next, { header: { kid: 'next' } }));
    const before = asked();
    const slow = new TokenVerifier({ ...TOKEN_RULES, jwksUrl: url });
    await slow.verify(await makeToken(next, { header: { kid: 'next' } }));
    const evil = makeKey('evil');
    for (let i = 0; i < 20; i++) {
      await codeOf(slow.verify(await makeToken(evil, { header: { kid: `evil-${i}` } })));
    }
    expect(asked()).toBe(before + 1);
  });

  it('are used on while it does not answer, and nobody waits for it long', async () => {
    const key = makeKey('one');
    let answer: { status?: number; body: string } = { body: setOf(key) };
    const { url } = await serve(() => answer);
    const judge = new TokenVerifier({ ...TOKEN_RULES, jwksUrl: url }, { freshMs: 0, cooldownMs: 0 });
    const token = await makeToken(key, { header: { kid: 'one' } });
    await judge.verify(token);
    answer = { status: 500, body: 'broken' };
    await judge.verify(token);
    answer = { body: 'x'.repeat(300_000) };
    await judge.verify(token);
    const late = new TokenVerifier(
      { ...TOKEN_RULES, jwksUrl: url },
      { freshMs: 0, staleMs: 0, cooldownMs: 0 },
    );
    expect(await codeOf(late.verify(token))).toContain('TIMEOUT: the keys of tokens cannot be had now');
  });

  it('that are not there tell so to who logs in, within the time of a login', async () => {
    const { url } = await serve(() => null);
    const judge = new TokenVerifier({ ...TOKEN_RULES, jwksUrl: url });
    const token = await makeToken(makeKey());
    const answers = await Promise.all(Array.from({ length: 8 }, () => codeOf(judge.verify(token))));
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toContain('TIMEOUT');
  });
});
