import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES } from '../../cli/examples.js';
import { buildProgram } from '../../cli/program.js';
import { runHere } from './cli-here.js';
import { makeDirectory, removeDirectory, runCli } from './cli-process.js';

/** A port nobody listens on: what reaches it must have got past the check of its flags. */
const NOBODY = 'ws://127.0.0.1:9';

let directory = '';
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

describe('wrong usage ends with 2 and one line', () => {
  it.each([
    [['nonsense']],
    [['topic', 'create', 'orders']],
    [['topic', 'create', 'orders', '--queues', 'many']],
    [['topic', 'create', 'orders', '--queues', '0']],
    [['topic', 'create', 'not allowed', '--queues', '1']],
    [['topic', 'create', '%internal', '--queues', '1']],
    [['topic', 'create', 'orders', '--queues', '1', '--colour', 'red']],
    [['pub']],
    [['pub', 'orders', '--delay', 'soon']],
    [['pub', 'orders', '--property', 'novalue']],
    [['sub', 'orders']],
    [['sub', 'orders', '--group', 'g', '--from', 'yesterday']],
    [['sub', 'orders', '--group', 'g', '--idle-exit', '2']],
    [['group', 'reset-offset', 'g', '--topic', 't', '--to', 'somewhere']],
    [['broker', '--flush', 'sometimes']],
    [['broker', '--listen', 'nowhere']],
    [['broker', '--flush-interval', '0s']],
    [['broker', '--tls-cert', 'cert.pem']],
    [['bench', 'dance', '--topic', 't']],
    [['bench', 'produce', '--topic', 't', '--api', 'magic']],
    [['-o', 'yaml', 'topic', 'list']],
    [['stats', '--watch', '0']],
    [['stats', '--watch', '30d']],
    [['log', 'verify', '/dev']],
    [['--url', 'ws://127.0.0.1:1/#part', 'topic', 'list']],
    [['--url', 'ws://user:word@127.0.0.1:1', 'topic', 'list']],
    [['--url', 'http://127.0.0.1', 'topic', 'list']],
  ])('%j', async (args) => {
    const { status, stdout, stderr } = await runHere(args, { cwd: directory });
    expect(stderr).toMatch(/^BAD_ARGUMENT: .+; .+\n$/);
    expect(status).toBe(2);
    expect(stdout.length).toBe(0);
  });
});

describe('what this version has not built ends with 1 and NOT_SUPPORTED', () => {
  it.each([
    [['pub', 'orders', '--delay', '5s']],
    [['pub', 'orders', '--ttl', '1h']],
    [['sub', 'orders', '--group', 'g', '--shared']],
    [['message', 'trace', 'orders']],
  ])('%j', async (args) => {
    const { status, stdout, stderr } = await runHere(args, { cwd: directory });
    expect(stderr).toMatch(/^NOT_SUPPORTED: .+; .+\n$/);
    expect(status).toBe(1);
    expect(stdout.length).toBe(0);
  });
});

describe('failures end with 1 and one line', () => {
  it('names a broker that is not there, and what to do', async () => {
    const { status, stderr } = await runCli(['topic', 'list', '--url', NOBODY]);
    expect(stderr).toMatch(/^CONNECT_FAILED: .+; .+\n$/);
    expect(status).toBe(1);
  });

  it('takes an empty RINGMQ_URL for none', async () => {
    const { status, stderr } = await runHere(['--help'], { env: { RINGMQ_URL: '' } });
    expect([status, stderr]).toEqual([0, '']);
  });

  it('takes the address from RINGMQ_URL', async () => {
    const { status, stderr } = await runHere(['topic', 'list'], { env: { RINGMQ_URL: NOBODY } });
    expect(stderr).toContain('127.0.0.1:9');
    expect(status).toBe(1);
  });

  it.each([
    ['missing', null],
    ['not JSON', '{ flush: sync'],
    ['a wrong value', '{ "flush": "sometimes" }'],
    ['an unknown name', '{ "flsuh": "sync" }'],
    ['a size nobody understands', '{ "ringSize": "big" }'],
  ])('says what is wrong with a config file that has %s', async (_what, text) => {
    const path = join(directory, 'config.json');
    if (text !== null) {
      writeFileSync(path, text);
    }
    const file = text === null ? join(directory, 'nowhere.json') : path;
    const { status, stderr } = await runHere(['broker', '--config', file], { cwd: directory });
    expect(stderr).toMatch(/^BAD_CONFIG: .+\n$/);
    expect(stderr).toContain(file);
    expect(status).toBe(1);
  });

  it('does not serve others without credentials unless told to', async () => {
    writeFileSync(join(directory, 'open.json'), '{ "auth": false }');
    const args = ['broker', '--config', 'open.json', '--listen', '0.0.0.0:0'];
    const { status, stderr } = await runHere(args, { cwd: directory });
    expect(stderr).toMatch(/^BAD_CONFIG: .+insecure.*\n$/);
    expect(status).toBe(1);
  });
});

describe('what is mistyped is told with what was meant', () => {
  it.each([
    [['topics', 'list'], "unknown command 'topics', did you mean topic?; see ringmq --help"],
    [['topic', 'rm', 'x'], "unknown command 'rm', did you mean delete?; see ringmq topic --help"],
    [['consume', 'x'], "unknown command 'consume', did you mean sub?; see ringmq --help"],
    [['topic', 'creat', 'x'], "unknown command 'creat', did you mean create?; see ringmq topic --help"],
    [
      ['sub', 't', '--group', 'g', '--filtr', 'x'],
      "unknown option '--filtr', did you mean --filter?; see ringmq sub --help",
    ],
    [
      ['broker', '--retenton', '1h'],
      "unknown option '--retenton', did you mean --retention?; see ringmq broker --help",
    ],
  ])('%j', async (args, line) => {
    expect(await runHere(args)).toMatchObject({ status: 2, stderr: `BAD_ARGUMENT: ${line}\n` });
  });
});

describe('with -o json a failure is a JSON object on stderr', () => {
  it.each([
    [['topic', 'list', '--url', NOBODY, '-o', 'json'], 1, { code: 'CONNECT_FAILED', retryable: true }],
    [['--output', 'json', 'topic', 'creat'], 2, { code: 'BAD_ARGUMENT', advice: 'see ringmq topic --help' }],
    [['-o', 'json', 'message', 'trace', 'orders'], 1, { code: 'NOT_SUPPORTED' }],
  ])('%j', async (args, status, failure) => {
    const result = await runHere(args);
    expect(JSON.parse(result.stderr)).toMatchObject(failure);
    expect(result.status).toBe(status);
  });
});

describe('the help', async () => {
  const program = await buildProgram(['broker']);
  const commands = (command: Command, path: string[]): [string, Command][] => [
    [path.join(' '), command],
    ...command
      .createHelp()
      .visibleCommands(command)
      .flatMap((below) => (below.name() === 'help' ? [] : commands(below, [...path, below.name()]))),
  ];

  it.each(commands(program, []))(
    'of `ringmq %s` has a description, examples, the global options, and nothing that is not built',
    (path, command) => {
      let text = '';
      command.configureOutput({
        writeOut: (more) => {
          text += more;
        },
      });
      command.outputHelp();
      expect(command.description()).not.toBe('');
      expect(text).toMatch(/\nExamples:\n {2}.*ringmq/);
      expect(text).toContain('--url <url>');
      expect(text).toContain('--output <form>');
      expect(text).not.toMatch(/not in this version|ringmq dlq|--delay/);
      for (const option of command.options.filter(({ mandatory }) => mandatory)) {
        expect(text).toMatch(new RegExp(`${option.long} <[^]+?\\(required`));
      }
      for (const example of EXAMPLES[path] ?? []) {
        // What the whole command is told may stand before it.
        expect(example.replaceAll(/ringmq (--\S+ \S+ )+/g, 'ringmq ')).toContain(`ringmq ${path}`.trim());
      }
    },
  );

  it('has no examples of commands that are not there', () => {
    const names = commands(program, []).map(([path]) => path);
    expect(Object.keys(EXAMPLES).filter((path) => !names.includes(path))).toEqual([]);
  });
});

describe('help and version', () => {
  it('end with 0', async () => {
    const help = await runCli(['--help']);
    expect(help.status).toBe(0);
    expect(help.stdout.toString()).toContain('Usage: ringmq');
    const version = await runCli(['--version']);
    expect(version.status).toBe(0);
    expect(version.stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
