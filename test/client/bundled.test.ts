/** The client and the broker inside a program that a bundler has made one file of. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Broker, openBroker } from '../../broker/index.js';

const DIST = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'ringmq-bundled-'));
let broker: Broker;
let url: string;

beforeAll(async () => {
  broker = await openBroker({ dataDir: join(dir, 'data') });
  await broker.client().admin().createTopic({ topic: 't', queues: 1 });
  url = (await broker.listen({ port: 0, listener: 'ws' })).url;
});

afterAll(async () => {
  await broker.close();
  rmSync(dir, { recursive: true });
});

/** What Next does with an optional package that is not installed. */
const emptyOptional: Plugin = {
  name: 'optional packages are empty',
  setup(build) {
    build.onResolve({ filter: /^(bufferutil|utf-8-validate|@node-rs\/crc32)$/ }, ({ path }) => ({
      path,
      namespace: 'empty',
    }));
    build.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'module.exports = {};' }));
  },
};

async function run(name: string, source: string): Promise<string> {
  const entry = join(dir, `${name}.mjs`);
  const outfile = join(dir, `${name}.cjs`);
  writeFileSync(entry, source);
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
    plugins: [emptyOptional],
  });
  const { WS_NO_BUFFER_UTIL: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], {
    env: { ...env, RINGMQ_URL: url },
  });
  return stdout;
}

test('the client works, without the optional packages it would use', async () => {
  const stdout = await run(
    'client',
    `import { connect } from ${JSON.stringify(`${DIST}native-free/client/index.js`)};
    (async () => {
      const client = await connect(process.env.RINGMQ_URL);
      const producer = client.producer();
      for (const bytes of [10, 1_000, 100_000]) {
        await producer.send({ topic: 't', body: new Uint8Array(bytes) });
      }
      await client.close();
      console.log('sent', process.env.WS_NO_BUFFER_UTIL);
    })();`,
  );
  expect(stdout).toBe('sent undefined\n');
});

test('a broker says that it must stay outside', async () => {
  const stdout = await run(
    'broker',
    `import { openBroker } from ${JSON.stringify(`${DIST}broker/index.js`)};
    openBroker({ dataDir: ${JSON.stringify(join(dir, 'other'))} }).catch((error) => console.log(error.code, error.message));`,
  );
  expect(stdout).toMatch(/^NOT_SUPPORTED .*'ringmq' out of the bundle/);
});
