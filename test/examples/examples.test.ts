/** The examples run as they are, twice on the same directory, and say what they did. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { afterAll, expect, it } from 'vitest';
import { addBrokerFlags, readBrokerSettings } from '../../cli/broker-settings.js';

const SOURCES = fileURLToPath(new URL('../../../examples', import.meta.url));
const BUILT = fileURLToPath(new URL('../../examples', import.meta.url));

const LAST_LINE: Record<string, RegExp> = {
  'filter.ts': /^an order was paid$/,
  'poll-and-seek.ts': /^10 received, and once more: reading 0$/,
  'run-with-concurrency.ts': /^100 jobs done$/,
  'send-and-receive.ts': /^received: order 1$/,
  'several-topics.ts': /^100 clicks and 200 views$/,
  'worker-threads-attach.ts': /^1\d{4} lines came from the worker$/,
  'write-with-backpressure.ts': /^100000 messages acked$/,
};

const directory = mkdtempSync(join(tmpdir(), 'ringmq-examples-'));
afterAll(() => rmSync(directory, { recursive: true }));

function start(name: string): ChildProcess {
  const program = join(BUILT, name.replace(/\.ts$/, '.js'));
  return spawn(process.execPath, [program], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
}

it('there is no example without a test', () => {
  expect(readdirSync(SOURCES).filter((name) => name.endsWith('.ts'))).toEqual(Object.keys(LAST_LINE));
});

it.each(Object.keys(LAST_LINE))('%s', async (name) => {
  for (let time = 1; time <= 2; time++) {
    const program = start(name);
    let output = '';
    program.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    expect(await once(program, 'close')).toEqual([0, null]);
    expect(output.trimEnd().split('\n').at(-1)).toMatch(LAST_LINE[name] as RegExp);
  }
});

it('the page and its script are served, and a signal ends it', async () => {
  const program = start('browser/serve.ts');
  const lines = createInterface({ input: program.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, 'line')) as [string];
  const url = /^open (\S+)/.exec(line)?.[1] as string;
  expect(await (await fetch(url)).text()).toContain('<script type="module" src="/page.js">');
  const script = await (await fetch(new URL('/page.js', url))).text();
  expect(script.length).toBeGreaterThan(10_000);
  program.kill('SIGTERM');
  expect(await once(program, 'close')).toEqual([0, null]);
});

it('ringmq.json is a config file that a broker takes', () => {
  const command = new Command().option('--config <file>');
  addBrokerFlags(command);
  command.parse(['--config', join(SOURCES, 'ringmq.json')], { from: 'user' });
  const keys = Object.keys(JSON.parse(readFileSync(join(SOURCES, 'ringmq.json'), 'utf8')) as object);
  const { engine, listen, command: own } = readBrokerSettings(command);
  // `listen` is a host and a port; the log has a level and a form.
  expect(Object.keys({ ...engine, ...listen }).length).toBe(keys.length);
  expect(own.logLevel).toBe('info');
});
