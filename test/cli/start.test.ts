/** What is loaded before a command, or a broker, is of use: time that each run pays for is looked at in modules, as a clock depends on the machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLI, NO_CONTEXTS } from './cli-process.js';

const ROOT = new URL('../../../', import.meta.url).href;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ringmq-start-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, XDG_CONFIG_HOME: NO_CONTEXTS, NODE_V8_COVERAGE: join(directory, 'loaded') },
  });
}

/** Once it has ended: modules that its threads loaded, by their paths in the package. */
function loaded(): string[] {
  const urls = new Set<string>();
  for (const file of readdirSync(join(directory, 'loaded'))) {
    const { result } = JSON.parse(readFileSync(join(directory, 'loaded', file), 'utf8')) as {
      result: { url: string }[];
    };
    for (const { url } of result) {
      if (url.startsWith('file:')) {
        urls.add(url.replace(ROOT, '').replace(/^file:.*\/node_modules\//, 'node_modules/'));
      }
    }
  }
  return [...urls];
}

/** Of those, what lies in one of `places`. */
function among(modules: readonly string[], places: readonly RegExp[]): string[] {
  return modules.filter((module) => places.some((place) => place.test(module)));
}

async function loadedBy(args: readonly string[]): Promise<string[]> {
  const child = start(args);
  child.stdout?.resume();
  expect(await once(child, 'close')).toEqual([0, null]);
  return loaded();
}

describe('before it is of use', () => {
  it.each(['--version', '--help', 'help topic', 'topic create --help'])(
    'ringmq %s loads what reads the arguments, and nothing that does the work',
    async (line) => {
      const modules = await loadedBy(line.split(' '));
      expect(modules).toContain('dist/cli/main.js');
      expect(among(modules, [/^dist\/(?!cli\/|native-free\/(wire|files)\/)/])).toEqual([]);
      expect(among(modules, [/^node_modules\/(?!commander\/)/])).toEqual([]);
      expect(among(modules, [/-command\.js$/])).toEqual([]);
      expect(modules.length).toBeLessThan(40);
    },
  );

  it('a broker loads neither clients, nor the HTTP API, nor what a cluster needs, and starts no thread for what there is not', async () => {
    const broker = start(['broker', '--data', join(directory, 'data'), '--listen', '127.0.0.1:0']);
    const [ready] = await once(createInterface({ input: broker.stdout as NodeJS.ReadableStream }), 'line');
    expect(ready).toMatch(/^ready ws:/);
    broker.kill('SIGTERM');
    expect(await once(broker, 'close')).toEqual([0, null]);
    const modules = loaded();
    expect(modules).toContain('dist/broker/listener-worker.js');
    const helpers = /^dist\/native-free\/client\/(abort|callback|options|shown)\.js$/;
    expect(among(modules, [/^dist\/native-free\/client\//]).filter((each) => !helpers.test(each))).toEqual(
      [],
    );
    expect(among(modules, [/^dist\/broker\/api\//])).toEqual(['dist/broker/api/api-on-demand.js']);
    const idle = [
      /^dist\/broker\/(membership|registrar|set-member|access-keeper|name-server)/,
      /^dist\/engine\/cluster\//,
      /^dist\/engine\/(find\/find-worker|find\/keys\/key-worker|data\/checkpoint-job)\.js$/,
      /^node_modules\/(jose|cli-table3|log-update|hdr-histogram-js)\//,
    ];
    expect(among(modules, idle)).toEqual([]);
  });
});
