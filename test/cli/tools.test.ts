/** Commands that need no broker, and the ways into and out of a topic as JSON. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionScript } from '../../cli/completion.js';
import { buildProgram } from '../../cli/program.js';
import { connect } from '../../native-free/client/index.js';
import { ERRORS, type ErrorCode } from '../../native-free/wire/index.js';
import { runHere } from './cli-here.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli } from './cli-process.js';

let directory = '';
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

async function jsonOf(args: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await runHere([...args, '-o', 'json'], { cwd: directory });
  return JSON.parse(stdout.toString()) as Record<string, unknown>;
}

describe('errors', () => {
  it('says of every code when it comes and what to do', async () => {
    const { stdout } = await runHere(['errors', 'list', '-o', 'json']);
    const codes = (JSON.parse(stdout.toString()) as { code: ErrorCode }[]).map(({ code }) => code);
    expect(codes).toEqual(Object.keys(ERRORS));
  });

  it.each(['DISK_FULL', 'disk_full', String(ERRORS.DISK_FULL.wire)])('finds %s', async (given) => {
    const found = await jsonOf(['errors', 'lookup', given]);
    expect(found).toMatchObject({
      code: 'DISK_FULL',
      wire: ERRORS.DISK_FULL.wire,
      retryable: true,
      closes: false,
    });
    expect([found['when'], found['whatToDo']]).toEqual([
      expect.stringContaining('no room'),
      expect.stringContaining('make room'),
    ]);
  });

  it('guesses what was meant, and ends with 2', async () => {
    const { status, stderr, stdout } = await runCli(['errors', 'lookup', 'DISC_FULL']);
    expect([status, stdout.length]).toEqual([2, 0]);
    expect(stderr).toMatch(
      /^BAD_ARGUMENT: there is no error code DISC_FULL, did you mean DISK_FULL\?; .+\n$/,
    );
  });
});

describe('completion', () => {
  /** What bash offers behind the words; the last of them is the one being written. */
  async function offered(...words: string[]): Promise<string[]> {
    const script = completionScript(await buildProgram(['completion']), 'bash');
    const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _ringmq; printf "%s\\n" "\${COMPREPLY[@]}"`;
    const out = execFileSync('bash', ['-c', `${script}${ask}`, 'bash', 'ringmq', ...words], {
      cwd: directory,
    });
    return out
      .toString()
      .split('\n')
      .filter((word) => word !== '');
  }

  it.each([
    [['to'], ['topic', 'top']],
    [['topic', 'cr'], ['create']],
    [
      ['--url', 'ws://127.0.0.1:1', 'topic', 'de'],
      ['describe', 'delete'],
    ],
    [['topic', 'create', 'orders', '--q'], ['--queues']],
    [['broker', '--flush-i'], ['--flush-interval']],
    [
      ['broker', '--flush', ''],
      ['sync', 'async'],
    ],
    [
      ['-o', ''],
      ['text', 'json'],
    ],
    [['topic', 'list', '--output', 'j'], ['json']],
    [['bench', 'p'], ['produce']],
  ])('bash: %j', async (words, expected) => {
    expect((await offered(...words)).filter((word) => !word.startsWith('--') || words.at(-1) !== '')).toEqual(
      expected,
    );
  });

  it.each(['bash', 'zsh', 'fish'])('has every command and flag that --help shows (%s)', async (shell) => {
    const script = (await runHere(['completion', shell])).stdout.toString();
    const program = await buildProgram(['completion']);
    for (const command of [program, ...program.commands]) {
      const shown = command.createHelp();
      for (const word of [
        ...shown.visibleCommands(command).map((below) => below.name()),
        ...shown.visibleOptions(command).map(({ long }) => long?.slice(2) ?? ''),
      ]) {
        expect(script).toContain(word);
      }
    }
  });
});

describe('doctor', () => {
  async function checksOf(...flags: string[]): Promise<Map<string, { status: string; says: string }>> {
    const { checks } = await jsonOf(['doctor', '--listen', '127.0.0.1:0', ...flags]);
    return new Map(
      (checks as { check: string; status: string; says: string }[]).map((each) => [each.check, each]),
    );
  }

  it('finds a machine that runs its tests fit, and leaves nothing behind', async () => {
    const { status, stdout, stderr } = await runCli(
      ['doctor', '--listen', '127.0.0.1:0', '--data', 'new/data'],
      { cwd: directory },
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.toString()).toMatch(/^check .+\nnode +ok .+\nmemory /);
    expect(execFileSync('ls', ['-A', directory]).toString()).toBe('');
  });

  it('says what is wrong, and ends with 1', async () => {
    writeFileSync(`${directory}/file`, '');
    writeFileSync(`${directory}/cert.pem`, 'no certificate');
    const { status, stderr } = await runCli(
      ['doctor', '--listen', '127.0.0.1:0', '--data', 'file', '--tls-cert', 'cert.pem'],
      { cwd: directory },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^BAD_CONFIG: 2 of \d+ checks failed, the first: .+ is no directory; .+\n$/);
  });

  it('sees a port that is taken, and a clock that went back', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    mkdirSync(`${directory}/late`);
    const later = Date.now() / 1000 + 3_600;
    writeFileSync(`${directory}/late/checkpoint`, '');
    utimesSync(`${directory}/late/checkpoint`, later, later);
    const checks = await checksOf('--data', 'late', '--listen', `127.0.0.1:${port}`);
    expect(checks.get('port')).toMatchObject({
      status: 'warn',
      says: expect.stringContaining('somebody listens'),
    });
    expect(checks.get('clock')?.status).toBe('warn');
    await new Promise((closed) => server.close(closed));
    rmSync(`${directory}/late`, { recursive: true });
  });
});

describe('context', () => {
  it('is none where there is no home, and is not written there', async () => {
    const run = (home: string, ...args: string[]) =>
      runHere(['context', ...args], { env: { XDG_CONFIG_HOME: '', HOME: home } });
    expect(await run('/dev/null', 'list', '-o', 'json')).toMatchObject({ status: 0, stderr: '' });
    const save = ['save', 'a', '--url', 'ws://127.0.0.1:9'];
    expect((await run('/dev/null', ...save)).stderr).toMatch(/^ENOTDIR: .+; check the path\n$/);
    if (process.platform === 'linux') {
      expect((await run('/proc', ...save)).stderr).toMatch(/^ENOENT: .+; check the path\n$/);
    }
  });

  it('says where a broker is for commands that name none; flags and variables win', async () => {
    const env = { XDG_CONFIG_HOME: `${directory}/config`, RINGMQ_URL: '' };
    const run = (...args: string[]) => runHere(args, { env, cwd: directory });
    const said = async (...args: string[]) => {
      const { status, stderr, stdout } = await run(...args);
      expect([status, stderr]).toEqual([0, '']);
      return stdout.toString();
    };
    const nobody = 'ws://127.0.0.1:9';
    writeFileSync(`${directory}/secret`, 'hunter2\n');
    expect(await said('context', 'list', '-o', 'json')).toBe('[]\n');
    expect(await said('context', 'save', 'a', '--url', nobody)).toBe(`a: ${nobody}, selected\n`);
    await said(
      'context',
      'save',
      'b',
      '--url',
      'ws://127.0.0.1:7',
      '--user',
      'ops',
      '--password-file',
      'secret',
    );
    expect(JSON.parse(await said('context', 'list', '-o', 'json'))).toEqual([
      { name: 'a', selected: true, url: nobody },
      {
        name: 'b',
        selected: false,
        url: 'ws://127.0.0.1:7',
        user: 'ops',
        passwordFile: `${directory}/secret`,
      },
    ]);
    expect(statSync(`${directory}/config/ringmq/contexts.json`).mode & 0o777).toBe(0o600);
    expect(readFileSync(`${directory}/config/ringmq/contexts.json`, 'utf8')).not.toContain('hunter2');
    const whereTo = async (...args: string[]) =>
      /127\.0\.0\.1:\d+/.exec((await run('topic', 'list', ...args)).stderr)?.[0];
    expect(await whereTo()).toBe('127.0.0.1:9');
    expect(await whereTo('--context', 'b')).toBe('127.0.0.1:7');
    expect(await whereTo('--context', 'b', '--url', 'ws://127.0.0.1:5')).toBe('127.0.0.1:5');
    await said('context', 'select', 'b');
    expect(await whereTo()).toBe('127.0.0.1:7');
    // Its password is read where it is used: without the file there is none.
    rmSync(`${directory}/secret`);
    expect((await run('topic', 'list')).stderr).toMatch(/^ENOENT: /);
    expect(await whereTo('--url', nobody)).toBe('127.0.0.1:9');
    await said('context', 'delete', 'b');
    expect(await run('topic', 'list', '--context', 'b')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^BAD_ARGUMENT: there is no context 'b' \(there are a\); .+\n$/),
    });
    writeFileSync(`${directory}/config/ringmq/contexts.json`, '{');
    expect((await run('topic', 'list')).stderr).toMatch(
      /^BAD_CONFIG: .+contexts\.json is no file of contexts; /,
    );
  });
});

describe('check', () => {
  it('says whether a group and the disk are within their limits, and by how much they are not', async () => {
    const broker = await BrokerProcess.start(`${directory}/checked`);
    const run = (...args: string[]) => runHere(['--url', broker.url, ...args]);
    const client = await connect(broker.url);
    try {
      await client.admin().createTopic({ topic: 'orders', queues: 2 });
      await client.producer().sendBatch(['1', '2', '3'].map((body) => ({ topic: 'orders', body })));
      expect(
        (await runCli(['--url', broker.url, 'sub', 'orders', '--group', 'billing', '--count', '1'])).status,
      ).toBe(0);
      const within = await run('check', 'lag', 'billing', '--max', '2', '--max-age', '1h');
      expect([within.status, within.stderr]).toEqual([0, '']);
      const beyond = await run('check', 'lag', 'billing', '--max', '1', '-o', 'json');
      expect([beyond.status, JSON.parse(beyond.stderr)]).toMatchObject([1, { code: 'CHECK_FAILED' }]);
      expect(JSON.parse(beyond.stdout.toString())).toMatchObject({
        healthy: false,
        checks: [
          {
            metric: 'ringmq_check_lag_messages',
            labels: { group: 'billing' },
            value: 2,
            limit: 1,
            ok: false,
          },
        ],
      });
      const old = await run('check', 'lag', 'billing', '--max-age', '0s', '--prometheus');
      expect(old.status).toBe(1);
      expect(old.stdout.toString()).toMatch(
        /^# TYPE ringmq_check_lag_seconds gauge\nringmq_check_lag_seconds\{group="billing",topic="orders",queue="\d"\} [\d.]+\n/,
      );
      const disk = await run('check', 'disk', '--min-free', '1KiB');
      expect([disk.status, disk.stderr]).toEqual([0, '']);
      expect((await run('check', 'disk', '--min-free', '1000000GiB')).status).toBe(1);
      expect(await run('check', 'lag', 'billing')).toMatchObject({ status: 2 });
      expect((await run('check', 'lag', 'nobody', '--max', '1')).stderr).toMatch(/^GROUP_NOT_FOUND: /);
      // As those run it that look at the exit status alone.
      const { status } = await runCli(['--url', broker.url, 'check', 'lag', 'billing', '--max', '1']);
      expect(status).toBe(1);
    } finally {
      await client.close();
      await broker.stop();
    }
  });
});

describe('check alive, check ready', () => {
  it('need no login, find the broker of their environment, and say why one is not well', async () => {
    const broker = await BrokerProcess.start(`${directory}/alive`, ['--auth']);
    for (const what of ['alive', 'ready']) {
      const named = await runCli(['--url', broker.url, 'check', what, '-o', 'json']);
      expect([named.status, JSON.parse(named.stdout.toString())]).toEqual([
        0,
        { healthy: true, url: broker.url, says: 'ok' },
      ]);
      const env = { RINGMQ_LISTEN: `0.0.0.0:${broker.port}` };
      expect(await runHere(['check', what], { env })).toMatchObject({ status: 0, stderr: '' });
    }
    await broker.stop();
    const gone = await runHere(['--url', broker.url, 'check', 'alive', '--timeout', '60s']);
    expect(gone.status).toBe(1);
    expect(gone.stderr).toMatch(/^CHECK_FAILED: 127\.0\.0\.1:\d+ is not well: .*ECONNREFUSED/);
  });

  it('do not wait for ever for who says nothing', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const asked = await runCli(['--url', `ws://127.0.0.1:${port}`, 'check', 'alive', '--timeout', '200ms']);
    silent.close();
    expect([asked.status, asked.stderr]).toEqual([1, expect.stringContaining('no answer within 200 ms')]);
  });
});

describe('pub and sub', () => {
  it('send a body that is given, and carry whole messages as lines of JSON', async () => {
    const broker = await BrokerProcess.start(`${directory}/data`);
    const client = await connect(broker.url);
    const at = ['--url', broker.url];
    try {
      for (const topic of ['one', 'two']) {
        await client.admin().createTopic({ topic, queues: 1 });
      }
      const sent = await runHere([
        ...at,
        'pub',
        'one',
        'a\nb',
        '--tag',
        'paid',
        '--key',
        'k',
        '--property',
        'p=q',
      ]);
      expect([sent.status, sent.stderr]).toEqual([0, '']);
      const lines =
        '{"bodyBase64":"/wA="}\n{"body":null}\n{"body":"","shardingKey":"s","properties":{"n":1,"yes":true}}\n';
      const more = await runCli([...at, 'pub', 'one', '-i', 'json', '-o', 'json'], { input: lines });
      expect(JSON.parse(more.stdout.toString())).toMatchObject({ count: 3, bytes: 2, errors: 0 });
      const read = async (topic: string) =>
        (
          await runCli([...at, 'sub', topic, '--peek', '--count', '4', '--idle-exit', '30s', '-o', 'json'])
        ).stdout.toString();
      const first = await read('one');
      const copied = await runHere([...at, 'pub', 'two', '-i', 'json'], { input: first });
      expect([copied.status, copied.stderr]).toEqual([0, '']);
      const partsOf = (text: string) =>
        text
          .trimEnd()
          .split('\n')
          .map((line) => {
            const { body, bodyBase64, tag, keys, shardingKey, properties } = JSON.parse(line);
            return { body, bodyBase64, tag, keys, shardingKey, properties };
          });
      expect(partsOf(await read('two'))).toEqual(partsOf(first));
      expect(partsOf(first)).toMatchObject([
        { body: 'a\nb', tag: 'paid', keys: ['k'], properties: { p: 'q' } },
        { bodyBase64: '/wA=' },
        { body: null },
        { body: '', shardingKey: 's', properties: { n: 1, yes: true } },
      ]);
      const bad = await runHere([...at, 'pub', 'two', '-i', 'json'], {
        input: '{"body":"kept"}\n{"body":1}\n',
      });
      expect([bad.status, bad.stderr]).toEqual([
        1,
        expect.stringMatching(/^BAD_MESSAGE: line 2: body is no text; .+\n$/),
      ]);
      expect((await client.admin().describeTopic('two')).queueStates[0]?.maxOffset).toBe(5);
    } finally {
      await client.close();
      await broker.stop();
    }
  });
});
