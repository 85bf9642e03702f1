/** What others can reach asks who they are, or was told not to, and says so at each start: brokers, name servers, and the way in for slaves. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type NameServerOptions, openBroker, openNameServer } from '../../broker/index.js';
import { resolveListenOptions } from '../../broker/listen-options.js';
import { resolveNameServerOptions } from '../../broker/name-server-options.js';
import { runCli } from '../cli/cli-process.js';
import { LISTENERS } from '../transport/listeners.js';

/** Some only this machine reaches, but that cannot be told by their looks. */
const HOSTS = [
  ...[
    '0.0.0.0',
    '0',
    '::',
    '[::]',
    '0:0:0:0:0:0:0:0',
    '::ffff:0.0.0.0',
    '::ffff:127.0.0.1',
    '[::ffff:7f00:1]',
  ],
  ...['10.0.0.1', '169.254.1.1', 'fe80::1%lo', '128.0.0.1', '127.0.0.1.example', '127.1', '2130706433'],
  ...['mq.example', 'localhost.example', 'localhost.', ' localhost'],
];
/** Loopback, however it is looked at. */
const MAPPED = '::ffff:127.0.0.1';
const SMALL = { flush: 'async', ringBytes: 16 * 1024 * 1024, memoryRingBytes: 32 * 1024 * 1024 } as const;

let dir: string;
let secretFile: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ringmq-reach-'));
  secretFile = join(dir, 'secret');
  writeFileSync(secretFile, 'a secret of some length\n');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function codeOf(work: Promise<{ close(): Promise<void> }>): Promise<string> {
  try {
    await (await work).close();
    return 'done';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each(HOSTS)('%j', (host) => {
  it('has clients of a broker log in', () => {
    expect(resolveListenOptions({ host }).auth).toBe(true);
    expect(resolveListenOptions({ host, insecure: true }).auth).toBe(false);
    expect(resolveListenOptions({ host, insecure: true, auth: true }).auth).toBe(true);
    expect(() => resolveListenOptions({ host, auth: false })).toThrow(
      /can be reached.*127\.0\.0\.1.*`auth`.*`insecure`/,
    );
  });

  it('has brokers of a name server show the secret, and clients log in', async () => {
    const authOf = (options: NameServerOptions): boolean =>
      resolveNameServerOptions({ host, ...options }).auth;
    expect(authOf({ secretFile })).toBe(true);
    expect(authOf({ secretFile, insecure: true })).toBe(false);
    expect(authOf({ secretFile, insecure: true, auth: true })).toBe(true);
    expect(authOf({ insecure: true })).toBe(false);
    expect(() => authOf({})).toThrow(/can be reached.*`secretFile`.*127\.0\.0\.1.*`insecure`/);
    expect(() => authOf({ secretFile, auth: false })).toThrow(
      /can be reached.*127\.0\.0\.1.*`auth`.*`insecure`/,
    );
    expect(await codeOf(openNameServer({ host, port: 0 }))).toBe('BAD_CONFIG');
    expect(await codeOf(openNameServer({ host, port: 0, secretFile, auth: false }))).toBe('BAD_CONFIG');
  });
});

it.each(['127.0.0.1', '127.1.2.3', 'localhost', 'LOCALHOST', '::1', '[::1]'])(
  '%s asks for nothing',
  (host) => {
    expect(resolveListenOptions({ host }).auth).toBe(false);
    expect(resolveNameServerOptions({ host }).auth).toBe(false);
  },
);

it.each([
  [['broker', '--data', 'd', '--listen', '[::]:0'], /^BAD_CONFIG: .*--auth.*--insecure/],
  [['nameserver', '--listen', '[::]:0'], /^BAD_CONFIG: .*--secret-file.*--insecure/],
])('the command is refused with what to do: %j', async (args, told) => {
  const { status, stdout, stderr } = await runCli(args, { cwd: dir, env: { RINGMQ_AUTH: 'false' } });
  expect(stderr).toMatch(told);
  expect([status, stdout.toString()]).toEqual([1, '']);
  expect(existsSync(join(dir, 'd'))).toBe(false);
});

describe.each(LISTENERS)('over %s', (listener) => {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  const saidInsecure = (): string[] => warnings.splice(0).filter((line) => line.startsWith('insecure: '));

  it('an embedded broker asks who comes; without, each start says so', async () => {
    const broker = await openBroker({ ...SMALL, dataDir: join(dir, listener), onWarning });
    try {
      const refused = broker.listen({ host: MAPPED, port: 0, listener, auth: false });
      expect(await codeOf(refused)).toBe('BAD_CONFIG');
      const closed = await broker.listen({ host: MAPPED, port: 0, listener });
      expect(await codeOf(connect(closed.url, { connectTimeoutMs: 60_000 }))).toBe('NOT_AUTHENTICATED');
      await closed.close();
      expect(saidInsecure()).toEqual([]);
      for (let start = 0; start < 2; start++) {
        const open = await broker.listen({ host: MAPPED, port: 0, listener, insecure: true });
        expect(await codeOf(connect(open.url))).toBe('done');
        await open.close();
        expect(saidInsecure()).toEqual([
          expect.stringContaining(`reaches ${MAPPED} may read, write and delete`),
        ]);
      }
    } finally {
      await broker.close();
    }
  });

  it('a name server asks who comes; without, each start says so', async () => {
    const place = { host: MAPPED, port: 0, listener, onWarning } as const;
    const closed = await openNameServer({ ...place, secretFile });
    expect(await codeOf(connect(closed.url, { connectTimeoutMs: 60_000 }))).toBe('NOT_AUTHENTICATED');
    await closed.close();
    expect(saidInsecure()).toEqual([]);
    for (const given of [{}, { secretFile }]) {
      const open = await openNameServer({ ...place, ...given, insecure: true });
      await open.close();
      const mayRegister = /may register as a broker; set a secret/;
      const [line = ''] = saidInsecure();
      expect(line).toContain(`reaches ${MAPPED} is told where the brokers are`);
      expect(mayRegister.test(line)).toBe(given.secretFile === undefined);
    }
  });
});
