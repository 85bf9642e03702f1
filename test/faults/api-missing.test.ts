/** A package of which a file was moved away: the HTTP API cannot be loaded. */
import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { HostProcess } from './host-process.js';
import { makeDirectory, removeDirectory, SMALL } from './small-broker.js';

it('is 500 and a warning, all else goes on, and it is loaded once it is there', async () => {
  const directory = makeDirectory();
  onTestFinished(() => removeDirectory(directory));
  const missing = `${directory}/missing`;
  writeFileSync(missing, '/broker-api.js');
  const host = await HostProcess.start(
    { ...SMALL, dataDir: `${directory}/data` },
    {
      NODE_OPTIONS: `--import=${fileURLToPath(new URL('./missing-module.js', import.meta.url))}`,
      RINGMQ_TEST_MISSING: missing,
    },
  );
  onTestFinished(() => host.stop().then(() => {}));
  const http = host.url.replace('ws:', 'http:');
  const asked = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(http + path);
    return [answer.status, await answer.text()];
  };
  const answers = await Promise.all([1, 2, 3].map(() => asked('/api/v1/topics')));
  for (const [status, body] of answers) {
    expect(status).toBe(500);
    // Nothing of where the package lies.
    expect(JSON.parse(body)).toEqual({
      code: 'INTERNAL',
      message: "the HTTP API could not be loaded; the broker's log says why",
      retryable: false,
      details: {},
    });
  }
  await host.next('warning', /^the HTTP API could not be loaded: .*broker-api\.js.*; all else goes on/);
  expect(host.events.filter(({ event }) => event === 'warning')).toHaveLength(1);
  expect((await asked('/healthz'))[0]).toBe(200);
  expect((await asked('/metrics'))[0]).toBe(200);
  const client = await connect(host.url);
  await client.admin().createTopic({ topic: 'orders', queues: 1 });
  expect((await client.producer().send({ topic: 'orders', body: 'x' })).status).toBe('SEND_OK');
  await client.close();
  rmSync(missing);
  expect((await asked('/api/v1/topics'))[0]).toBe(200);
});
