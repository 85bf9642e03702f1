/** Logins as they are judged: the RFC's own example, names that nobody has, waits after failures, the one-time token. */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AccessDesk } from '../../engine/access/access-desk.js';
import { LoginDelays, MAX_LOGIN_WAIT_MS } from '../../engine/access/login-delays.js';
import { checkProof, makeVerifier } from '../../engine/access/scram.js';
import type { LoginAnswer, LoginParams } from '../../engine/engine-thread.js';
import { AccessState } from '../../engine/meta/access-state.js';
import { type ScramLogin, ScramUser, verifierOf } from '../../native-free/client/link/scram-login.js';
import { authMessage, networkOf, type ScramVerifier, type Welcome } from '../../native-free/wire/index.js';

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

function stateWith(user: string, scram: ScramVerifier): AccessState {
  const state = new AccessState();
  state.apply({ type: 'user', name: user, scram, roles: [], grants: [], changedTime: 1 });
  return state;
}

/** All that a client shows of a password. */
async function proofAt(
  desk: AccessDesk,
  user: string,
  password: string,
  remote = '10.0.0.1',
): Promise<LoginParams & { login: ScramLogin }> {
  const login = new ScramUser({ scheme: 'scram', user, password }).login();
  const { nonce: clientNonce } = login.credentials;
  const nonce = `${clientNonce}broker-part`;
  const { salt, iterations } = await desk.challenge(user);
  const { proof } = await login.answer({ nonce, salt, iterations });
  return { user, authMessage: authMessage(user, clientNonce, nonce, salt, iterations), proof, remote, login };
}

/** A whole login of a client at a desk. */
async function proveAt(
  desk: AccessDesk,
  user: string,
  password: string,
  remote?: string,
): Promise<LoginAnswer> {
  const params = await proofAt(desk, user, password, remote);
  const answer = await desk.login(params);
  params.login.check(answer as unknown as Welcome);
  return answer;
}

async function logIn(desk: AccessDesk, user: string, password: string, remote?: string): Promise<string> {
  return (await proveAt(desk, user, password, remote)).principal.user;
}

describe('a proof', () => {
  it('is that of RFC 7677', () => {
    const salt = 'W22ZaJ0SNY7soEsUEjb6gQ==';
    const salted = pbkdf2Sync('pencil', Buffer.from(salt, 'base64'), 4096, 32, 'sha256');
    const verifier = {
      salt,
      iterations: 4096,
      storedKey: createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64'),
      serverKey: hmac(salted, 'Server Key').toString('base64'),
    };
    const clientNonce = 'rOprNGfwEbeRWgbNEkqO';
    const nonce = `${clientNonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`;
    const signed = authMessage('user', clientNonce, nonce, salt, 4096);
    const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
    expect(checkProof(verifier, signed, proof)).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
    expect(checkProof(verifier, signed.replace('user', 'uses'), proof)).toBeNull();
    const longer = Buffer.concat([Buffer.from(proof, 'base64'), Buffer.of(0)]).toString('base64');
    for (const wrong of [
      '',
      longer,
      proof.slice(4),
      `${proof.slice(0, -2)}A=`,
      `AAAA${proof}`,
      'é'.repeat(44),
    ]) {
      expect(checkProof(verifier, signed, wrong), wrong).toBeNull();
    }
  });

  it('of client and broker are the same, however the password is written', async () => {
    const composed = '\u00e9t\u00e9';
    const decomposed = 'e\u0301te\u0301';
    expect(
      await logIn(new AccessDesk({ state: stateWith('a', await makeVerifier(composed)) }), 'a', decomposed),
    ).toBe('a');
    expect(
      await logIn(new AccessDesk({ state: stateWith('a', await verifierOf(decomposed)) }), 'a', composed),
    ).toBe('a');
  });
});

describe('a client', () => {
  it('refuses challenges that no broker sends, and a broker that does not know the user', async () => {
    const login = new ScramUser({ scheme: 'scram', user: 'a', password: 'b' }).login();
    const { nonce } = login.credentials;
    const good = { nonce: `${nonce}x`, salt: 'W22ZaJ0SNY7soEsUEjb6gQ==', iterations: 4096 };
    for (const bad of [
      { nonce },
      { nonce: `x${nonce}` },
      { nonce: `${nonce},x` },
      { nonce: 7 },
      { salt: '' },
      { salt: '*' },
      { iterations: 4095 },
      { iterations: 1_000_001 },
      { iterations: '4096' },
    ]) {
      await expect(login.answer({ ...good, ...bad }), JSON.stringify(bad)).rejects.toMatchObject({
        code: 'BAD_FRAME',
      });
    }
    // Nobody is believed before it has shown that it knows the user, asked or not.
    expect(() => login.check({} as Welcome)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTICATED' }));
    const answer = login.answer(good);
    expect(() => login.check({} as Welcome)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTICATED' }));
    await answer;
    await expect(login.answer(good)).rejects.toMatchObject({ code: 'BAD_FRAME' });
    expect(() => login.check({} as Welcome)).toThrow(expect.objectContaining({ code: 'NOT_AUTHENTICATED' }));
  });
});

describe('the desk', () => {
  it('asks the same of a name that nobody has, each time, and another salt of another', async () => {
    const desk = new AccessDesk({ state: stateWith('a', await verifierOf('right')) });
    expect(await desk.challenge('b')).toEqual(await desk.challenge('b'));
    expect((await desk.challenge('b')).salt).not.toBe((await desk.challenge('c')).salt);
    const [known, unknown] = [await desk.challenge('a'), await desk.challenge('b')];
    expect(unknown.iterations).toBe(known.iterations);
    expect(unknown.salt).toHaveLength(known.salt.length);
  });

  it('asks the same of it at a slave and after a restart, where brokers share a secret', async () => {
    const deskOf = (brokerPasswords: string[]): AccessDesk =>
      new AccessDesk({ state: new AccessState(), brokerPasswords: () => brokerPasswords });
    const secrets = ['s'];
    const [master, slave, other] = [deskOf(secrets), deskOf(['s']), deskOf(['t'])];
    expect(await master.challenge('b')).toEqual(await slave.challenge('b'));
    expect(await master.challenge('b')).not.toEqual(await other.challenge('b'));
    // The secret is changed: as one asks that was opened after that.
    secrets.unshift('t');
    expect(await master.challenge('b')).toEqual(await other.challenge('b'));
  });

  it('says the same of a wrong password and of a name that nobody has', async () => {
    const desk = new AccessDesk({ state: stateWith('a', await verifierOf('right')) });
    const refusals = await Promise.all(
      ['a', 'b'].map((user) => logIn(desk, user, 'wrong', user).catch((error: unknown) => error)),
    );
    expect(refusals[0]).toMatchObject({ code: 'NOT_AUTHENTICATED' });
    expect(String(refusals[1])).toBe(String(refusals[0]));
  });

  it('lets a token in once, as administrator, until there is one', async () => {
    let now = 0;
    const state = new AccessState();
    const desk = new AccessDesk({ state, now: () => now });
    const token = await desk.makeToken();
    expect(await logIn(desk, 'admin', token)).toBe('admin');
    await expect(logIn(desk, 'admin', token, 'b')).rejects.toMatchObject({ code: 'NOT_AUTHENTICATED' });

    const late = await desk.makeToken();
    now = 3_600_001;
    await expect(logIn(desk, 'admin', late, 'c')).rejects.toMatchObject({ code: 'NOT_AUTHENTICATED' });

    const other = await desk.makeToken();
    const scram = await verifierOf('x');
    state.apply({ type: 'user', name: 'a', scram, roles: ['admin'], grants: [], changedTime: 1 });
    await expect(logIn(desk, 'admin', other, 'd')).rejects.toMatchObject({ code: 'NOT_AUTHENTICATED' });
  });
});

describe('the one-time token', () => {
  it('is no way to its rights for a user that takes its salt', async () => {
    const state = new AccessState();
    const desk = new AccessDesk({ state });
    await desk.makeToken();
    // Everybody may ask for it.
    const { salt } = await desk.challenge('admin');
    const own = await makeVerifier('own', Buffer.from(salt, 'base64'));
    state.apply({ type: 'user', name: 'mallory', scram: own, roles: [], grants: [], changedTime: 1 });
    const facts = await proveAt(desk, 'mallory', 'own');
    expect(facts.principal.grants).toEqual([]);
    expect((await desk.principal('mallory', facts.principal.proof))?.grants).toEqual([]);
    state.apply({ type: 'principalGone', name: 'mallory', changedTime: 2 });
    expect(await desk.principal('mallory', facts.principal.proof)).toBeNull();
  });

  it('lets one in of two that come at once, for as long as there is no such user', async () => {
    const state = new AccessState();
    const desk = new AccessDesk({ state });
    const token = await desk.makeToken();
    const proofs = [await proofAt(desk, 'admin', token), await proofAt(desk, 'admin', token)];
    const outcomes = await Promise.allSettled(proofs.map((params) => desk.login(params)));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [answer] = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    const proof = answer?.principal.proof ?? { by: 'password', salt: '' };
    expect((await desk.principal('admin', proof))?.grants).not.toEqual([]);
    const scram = await makeVerifier('x');
    state.apply({ type: 'user', name: 'admin', scram, roles: [], grants: [], changedTime: 1 });
    expect(await desk.principal('admin', proof)).toBeNull();
  });
});

describe('waits after failures', () => {
  it('hold for those, too, that came before the failures', async () => {
    // Ten times as fast as the waits.
    const now = (): number => performance.now() * 10;
    const desk = new AccessDesk({ state: stateWith('a', await makeVerifier('right')), now });
    const wrong = await proofAt(desk, 'a', 'wrong');
    const refusals = await Promise.all(
      Array.from({ length: 40 }, () => desk.login(wrong).catch((error: unknown) => String(error))),
    );
    const unseen = refusals.filter((refusal) => String(refusal).includes('too many'));
    expect(unseen.length).toBeGreaterThan(30);
    // And no longer than was said.
    await new Promise((resolve) => setTimeout(resolve, (2 * MAX_LOGIN_WAIT_MS) / 10));
    expect((await proveAt(desk, 'a', 'right')).principal.user).toBe('a');
  });

  it('double, for that user at that address, and are forgotten', () => {
    const delays = new LoginDelays();
    const waits = [1, 2, 3, 4].map(() => delays.failed('a', 'u', 0));
    expect(waits).toEqual([100, 300, 700, 1500]);
    expect(delays.before('a', 'u', 0)).toBe(1500);
    expect(delays.before('a', 'v', 0)).toBe(0);
    expect(delays.before('b', 'u', 0)).toBe(0);
    expect(delays.before('a', 'u', 1500)).toBe(0);
    expect(delays.failed('a', 'u', 61_600)).toBe(100);
    delays.succeeded('a', 'u', 61_600);
    expect(delays.failed('a', 'u', 61_600)).toBe(100);
  });

  it('line up: many tries at once are refused unseen, and none waits longer than a hello may', () => {
    const delays = new LoginDelays();
    for (let i = 0; i < 100; i++) {
      expect(delays.failed('a', 'u', 0)).toBeLessThanOrEqual(MAX_LOGIN_WAIT_MS);
    }
    expect(delays.before('a', 'u', 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('hold for an address that tries many names', () => {
    const delays = new LoginDelays();
    for (let i = 0; i < 16; i++) {
      delays.failed('a', `u${i}`, 0);
      expect(delays.before('a', 'new', 0)).toBe(0);
    }
    delays.failed('a', 'u17', 0);
    expect(delays.before('a', 'new', 0)).toBeGreaterThan(0);
    expect(delays.before('b', 'new', 0)).toBe(0);
  });

  it('hold for a user that is tried from many addresses, but not for where it comes from', () => {
    const delays = new LoginDelays();
    delays.succeeded('home', 'u', 0);
    let tries = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 10) {
      // Each time from another address, also of one network that has any number of them.
      const address = `10.${nowMs >> 16}.${(nowMs >> 8) & 255}.${nowMs & 255}`;
      if (delays.before(address, 'u', nowMs) <= 0) {
        delays.failed(address, 'u', nowMs);
        tries++;
      }
    }
    expect(tries).toBeLessThan(300);
    expect(delays.before('home', 'u', 60_000)).toBe(0);
    expect(delays.before('new', 'u', 59_990)).toBeLessThanOrEqual(MAX_LOGIN_WAIT_MS);
    expect(delays.before('new', 'other', 60_000)).toBe(0);
    for (let i = 0; i < 100; i++) {
      delays.failed(`${i}`, '%broker', 0);
    }
    expect(delays.before('another', '%broker', 0)).toBe(0);
  });

  it('hold for a network of IPv6, whose addresses cost nothing, and for IPv4 however it came', () => {
    const delays = new LoginDelays();
    for (let i = 0; i < 20; i++) {
      delays.failed(`2001:db8:1:2::${i.toString(16)}`, `u${i}`, 0);
    }
    expect(delays.before('2001:db8:1:2:ffff:ffff:ffff:ffff', 'new', 0)).toBeGreaterThan(0);
    expect(delays.before('2001:db8:1:3::1', 'new', 0)).toBe(0);
    expect(networkOf('::ffff:10.1.2.3')).toBe('10.1.2.3');
    expect(networkOf('0000:0000:0000:0000:0000:ffff:0a01:0203')).toBe('10.1.2.3');
    expect(networkOf('::1')).toBe('0:0:0:0::/64');
    expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(['', 'this process', '1::2::3', ':', 'a:b'].map(networkOf)).toEqual([
      ...['', 'this process', '1::2::3', ':', 'a:b'],
    ]);
  });

  it('are bounded in number', () => {
    const delays = new LoginDelays();
    for (let i = 0; i < 20_000; i++) {
      delays.failed(`a${i}`, `u${i}`, 0);
      delays.succeeded(`a${i}`, `u${i}`, 0);
    }
    expect(delays.size).toBeLessThanOrEqual(16_384);
  });
});
