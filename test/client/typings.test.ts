/** The package's types in projects that check what they use, with and without what Node or a browser adds. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const DIST = fileURLToPath(new URL('../..', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TSC = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
const dir = mkdtempSync(join(tmpdir(), 'ringmq-typings-'));

afterAll(() => rmSync(dir, { recursive: true }));

const CLIENT = `
import { connect, isRingMQError, type Client, type ConsumerOptions, type Receipt } from ${JSON.stringify(`${DIST}native-free/client/index.js`)};
declare const maybe: string | undefined;
export async function use(client: Client): Promise<Receipt[]> {
  const options: ConsumerOptions = { group: 'g', topic: 't', filter: maybe, signal: undefined };
  for await (const batch of client.consumer(options).batches()) {
    for (const message of batch) { message.text(); }
    await batch.ack();
  }
  await client.admin().createTopic({ topic: 't', queues: undefined });
  return client.producer({ group: maybe }).sendBatch([{ topic: 't', tag: maybe, body: maybe }]);
}
export const open = (): Promise<Client> => connect('ws://127.0.0.1:1', { name: maybe, tls: undefined });
export const isOurs = isRingMQError;
`;
const BROKER = `
import { openBroker } from ${JSON.stringify(`${DIST}broker/index.js`)};
export const openIt = () => openBroker({ dataDir: 'data' });
`;

test.each([
  [
    'a browser project',
    CLIENT,
    { lib: ['es2022', 'dom'], types: [], module: 'esnext', moduleResolution: 'bundler' },
  ],
  ['a Node project', CLIENT + BROKER, { lib: ['es2022'], types: ['node'], module: 'nodenext' }],
])('%s compiles', (name, source, compilerOptions) => {
  const base = join(dir, name.replaceAll(' ', '-'));
  writeFileSync(`${base}.mts`, source);
  writeFileSync(
    `${base}.json`,
    JSON.stringify({
      compilerOptions: {
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        noEmit: true,
        target: 'es2022',
        typeRoots: [join(ROOT, 'node_modules/@types')],
        ...compilerOptions,
      },
      files: [`${base}.mts`],
    }),
  );
  let output = '';
  try {
    execFileSync(process.execPath, [TSC, '-p', `${base}.json`], { encoding: 'utf8' });
  } catch (error) {
    output = String((error as { stdout?: unknown }).stdout);
  }
  expect(output).toBe('');
});
