/**
 * What a login costs the thread that judges it, the one that opened the broker; a listener's thread only passes frames on. Busy time of the event
 * loop, not elapsed time: what WebCrypto computes elsewhere is not in it. Ends with 1 where one kind takes over a millisecond.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { SignJWT } from 'jose';
import { AccessDesk } from '../engine/access/access-desk.js';
import { makeVerifier } from '../engine/access/scram.js';
import { type TokenOptions, trustName } from '../engine/access/token-options.js';
import { AccessState } from '../engine/meta/access-state.js';
import { ScramUser } from '../native-free/client/internal.js';
import { authMessage } from '../native-free/wire/index.js';
import { readFlags } from './flags.js';

const HELP = `npm run bench:login -- [options]: what a login costs the thread that judges it

  --logins N      of each kind (500)`;
const { values: flags } = readFlags(HELP, { options: { logins: { type: 'string', default: '500' } } });
const LOGINS = Number(flags.logins);
const LIMIT_MS = 1;
const REMOTE = '127.0.0.1';

const dir = mkdtempSync(join(tmpdir(), 'ringmq-login-cost-'));
const state = new AccessState();
const desk = new AccessDesk({ state });

/** Busy milliseconds for each. */
async function costOf(login: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < 50; i++) {
    await login();
  }
  const before = performance.eventLoopUtilization();
  for (let i = 0; i < LOGINS; i++) {
    await login();
  }
  return performance.eventLoopUtilization(before).active / LOGINS;
}

async function scram(): Promise<number> {
  const scram = await makeVerifier('a password');
  state.apply({ type: 'user', name: 'anna', scram, roles: [], grants: [], changedTime: 1 });
  const nonce = 'a-nonce-of-the-client';
  const { salt, iterations } = await desk.challenge('anna');
  const whole = `${nonce}-and-the-broker`;
  const login = new ScramUser({ scheme: 'scram', user: 'anna', password: 'a password' }).login();
  const own = login.credentials.nonce;
  const { proof } = await login.answer({ nonce: own + whole, salt, iterations });
  const message = authMessage('anna', own, own + whole, salt, iterations);
  return costOf(async () => {
    await desk.challenge('anna');
    await desk.login({ user: 'anna', authMessage: message, proof, remote: REMOTE });
  });
}

async function token(kind: 'ES256' | 'RS256' | 'EdDSA'): Promise<number> {
  const { privateKey, publicKey } =
    kind === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : kind === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ed25519');
  const keyFile = join(dir, `${kind}.pem`);
  writeFileSync(keyFile, publicKey.export({ format: 'pem', type: 'spki' }));
  const rules: TokenOptions = {
    keyFile,
    issuer: 'https://issuer.example',
    audience: 'ringmq',
    algorithms: [kind],
    clockToleranceSeconds: 0,
    userClaim: 'sub',
    rolesClaim: 'roles',
    grantsClaim: 'grants',
  };
  await desk.trust(rules);
  const text = await new SignJWT({ sub: 'anna', roles: ['readers'] })
    .setProtectedHeader({ alg: kind })
    .setIssuer(rules.issuer)
    .setAudience(rules.audience)
    .setExpirationTime('1h')
    .sign(privateKey);
  const trust = trustName(rules);
  return costOf(() => desk.verifyToken({ token: text, trust, remote: REMOTE }));
}

try {
  const costs = {
    scram: await scram(),
    ES256: await token('ES256'),
    RS256: await token('RS256'),
    EdDSA: await token('EdDSA'),
  };
  for (const [kind, ms] of Object.entries(costs)) {
    process.stdout.write(`${kind}: ${ms.toFixed(3)} ms of the thread a login\n`);
  }
  process.exitCode = Object.values(costs).every((ms) => ms <= LIMIT_MS) ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
