/** What keeps `ringmq broker` from starting: one line that says what and what to do, exit status 1, nothing left behind. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseListener } from '../../transport/choose-listener.js';
import { runHere } from '../cli/cli-here.js';
import { BrokerProcess, CLI, runCli } from '../cli/cli-process.js';
import { failureOf, makeDirectory, openSmall, removeDirectory, withBroker } from './small-broker.js';

let directory: string;
let broker: BrokerProcess;

beforeAll(async () => {
  directory = makeDirectory();
  broker = await BrokerProcess.start(`${directory}/taken`);
});
afterAll(async () => {
  await broker?.stop();
  removeDirectory(directory);
});

/** Runs `ringmq broker`, which must fail; the one line it says, beside what it logs. */
function failing(...args: string[]): Promise<string> {
  return failingBy(runCli, args);
}

/** The same for what is found before anything is opened, which takes no process of its own. */
function failingHere(...args: string[]): Promise<string> {
  return failingBy(runHere, args);
}

async function failingBy(run: typeof runHere, args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(['broker', '--listen', '127.0.0.1:0', ...args]);
  const lines = stderr
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('{'));
  expect(lines).toHaveLength(1);
  expect([status, stdout.toString()]).toEqual([1, '']);
  return lines[0] as string;
}

describe('a data directory', () => {
  it('that another process has', async () => {
    expect(await failing('--data', `${directory}/taken`)).toMatch(
      new RegExp(`^DATA_DIR_LOCKED: process ${broker.pid} has .+/taken; stop the other broker, or .+$`),
    );
  });

  it('that this process has, and gives back', async () => {
    const dataDir = `${directory}/twice`;
    await withBroker(dataDir, async () => {
      expect((await failureOf(openSmall(dataDir))).code).toBe('DATA_DIR_LOCKED');
    });
    await withBroker(dataDir, async () => undefined);
  });

  it('is not a part of another one', async () => {
    const dataDir = `${directory}/outer`;
    await withBroker(dataDir, async () => {
      for (const part of ['log', 'meta', 'queues']) {
        const { code, message } = await failureOf(openSmall(`${dataDir}/${part}`));
        expect([code, message]).toEqual(['BAD_CONFIG', expect.stringMatching(/\/outer; name that one$/)]);
      }
    });
    // The names by themselves are as good as any.
    await withBroker(`${directory}/log`, async () => undefined);
  });

  it.each([
    ['', 'dataDir must not be empty'],
    [' \t', 'dataDir must not be blank'],
  ])('has a name: %j is none', async (path, why) => {
    const { code, message } = await failureOf(openSmall(path));
    expect([code, message]).toEqual(['BAD_CONFIG', expect.stringContaining(why)]);
    expect(message).not.toContain(';');
  });

  it('whose owner was killed is taken over', async () => {
    const dataDir = `${directory}/killed`;
    const first = await BrokerProcess.start(dataDir);
    await first.kill();
    const second = await BrokerProcess.start(dataDir);
    expect(await second.stop()).toBe(0);
  });

  const CANNOT_BE_USED = /the data directory .+ cannot be used: ./;

  it('at /proc/ringmq, where nothing can be made', async () => {
    expect(await failing('--data', '/proc/ringmq')).toMatch(
      /^BAD_CONFIG: the data directory .+ cannot be used: .+; .+$/,
    );
  });

  it.each(['/proc/self/fd/ringmq/data', '/dev/null/data', `/${'x'.repeat(300)}`])(
    'at %s, where nothing can be made',
    async (path) => {
      const message = expect.stringMatching(CANNOT_BE_USED);
      expect(await failureOf(openSmall(path))).toMatchObject({ code: 'BAD_CONFIG', message });
    },
  );

  it('below a directory that was removed', async () => {
    const gone = `${directory}/gone`;
    mkdirSync(gone);
    const args = [
      '-c',
      'cd "$0" && rmdir "$0" && exec "$@"',
      gone,
      process.execPath,
      CLI,
      'broker',
      '--listen',
      '127.0.0.1:0',
    ];
    const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: 100_000 });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^BAD_CONFIG: .+\n$/)]);
  });

  it.each([
    ['is a file', (path: string) => writeFileSync(path, 'x')],
    ['lies below a file', (path: string) => writeFileSync(path, 'x'), '/data'],
    [
      'has a file where meta/ should be',
      (path: string) => {
        mkdirSync(path);
        writeFileSync(`${path}/meta`, 'x');
      },
    ],
    [
      'has a file where log/ should be',
      (path: string) => {
        mkdirSync(path);
        writeFileSync(`${path}/log`, 'x');
      },
    ],
    [
      'has a file where queues/ should be',
      (path: string) => {
        mkdirSync(path);
        writeFileSync(`${path}/queues`, 'x');
      },
    ],
  ])('that %s', async (_what, make, below = '') => {
    const path = `${directory}/unusable`;
    rmSync(path, { recursive: true, force: true });
    make(path);
    const message = expect.stringMatching(CANNOT_BE_USED);
    expect(await failureOf(openSmall(`${path}${below}`))).toMatchObject({ code: 'BAD_CONFIG', message });
  });
});

describe('a port', () => {
  const kinds = chooseListener('auto').kind === 'uws' ? (['uws', 'ws'] as const) : (['ws'] as const);
  it.each(kinds)('that another broker has (%s)', async (kind) => {
    const line = await failing(
      '--data',
      `${directory}/port`,
      '--listen',
      `127.0.0.1:${broker.port}`,
      '--listener',
      kind,
    );
    expect(line).toMatch(new RegExp(`^PORT_IN_USE: port ${broker.port} .+; .+$`));
  });

  it.each(kinds)('that another program has (%s)', async (kind) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const line = await failing(
      '--data',
      `${directory}/port`,
      '--listen',
      `127.0.0.1:${port}`,
      '--listener',
      kind,
    );
    expect(line).toMatch(/^PORT_IN_USE: /);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    [
      'an address of another machine',
      ['--listen', '192.0.2.1:0', '--insecure'],
      /^BAD_CONFIG: .*no such address/,
    ],
    [
      'TLS files that are not there',
      ['--tls-cert', '/nowhere/cert', '--tls-key', '/nowhere/key'],
      /^BAD_CONFIG: .*TLS/,
    ],
    [
      'TLS files that are none',
      ['--tls-cert', '/etc/passwd', '--tls-key', '/etc/passwd'],
      /^BAD_CONFIG: .*TLS/,
    ],
  ])('%s', async (_what, args, expected) => {
    expect(await failing('--data', `${directory}/port`, ...args)).toMatch(expected);
  });

  it('the directory was not made for it', () => {
    expect(existsSync(`${directory}/port`)).toBe(false);
  });
});

describe('a directory that was made with other sizes', () => {
  it('keeps its span', async () => {
    const first = await BrokerProcess.start(`${directory}/span`);
    expect(await first.stop()).toBe(0);
    const error = await failureOf(openSmall(`${directory}/span`));
    expect(error).toMatchObject({ code: 'BAD_CONFIG', details: { spanBytes: 8 * 1024 * 1024 } });
    const other = await BrokerProcess.start(`${directory}/span`);
    expect(await other.stop()).toBe(0);
  });
});

describe('flags of Node', () => {
  it.each([
    ['--max-old-space-size=512'],
    ['--expose-gc', '--stack-size=900'],
    ['--title=ringmq', '--no-warnings'],
  ])('%s', async (...nodeFlags) => {
    const flagged = await BrokerProcess.start(`${directory}/flags`, [], 0, { nodeFlags });
    expect(await flagged.stop()).toBe(0);
  });

  it('that say how the program was given are not for the threads', () => {
    const entry = new URL('../../broker/index.js', import.meta.url).href;
    const program = `
      const { openBroker } = await import('${entry}');
      const broker = await openBroker({ dataDir: '${directory}/given', maxQueues: 64 });
      await broker.listen({ port: 0 });
      await broker.close();
      console.log('closed');
    `;
    const flags = ['--max-old-space-size=512', '--input-type=module', '-e', program];
    expect(execFileSync(process.execPath, flags, { encoding: 'utf8' })).toBe('closed\n');
  });
});

describe('a config file', () => {
  it.each([
    ['that is not there', null, /cannot be read: ENOENT/],
    ['that is not JSON', '{ "flush": sync }', /is not JSON/],
    ['that is empty', '', /is not JSON/],
    ['that is a list', '[]', /must hold one JSON object/],
    ['that begins as editors of Windows let it', '\ufeff[]', /must hold one JSON object/],
    ['that is far too large', ' '.repeat(2 ** 20 + 1), /cannot be read: it has more than 1048576 bytes/],
    ['with a setting nobody knows', '{ "flsh": "sync" }', /flsh/],
    ['with a value of the wrong kind', '{ "flush": "often" }', /flush/],
    ['with a size nobody can read', '{ "segmentSize": "large" }', /segmentSize: write a size/],
    ['with a size that cannot be used', '{ "segmentSize": 100000 }', /segmentSize: must be a power of two/],
  ])('%s', async (_what, text, expected) => {
    const path = `${directory}/config.json`;
    rmSync(path, { force: true });
    if (text !== null) {
      writeFileSync(path, text);
    }
    const line = await failingHere('--data', `${directory}/config`, '--config', path);
    expect(line).toMatch(/^BAD_CONFIG: .+; correct the configuration$/);
    expect(line).toMatch(expected);
  });

  it('that may not be read', async () => {
    // A directory cannot be read as a file by anybody, root included.
    const line = await failing('--data', `${directory}/config`, '--config', directory);
    expect(line).toMatch(/^BAD_CONFIG: .+ cannot be read: EISDIR/);
  });
});
