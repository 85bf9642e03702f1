/** A host whose tests replace the timers, the clock or other globals: brokers and clients go on. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { makeDirectory, readSome, removeDirectory, withBroker } from '../faults/small-broker.js';

let directory = '';
beforeEach(() => {
  directory = makeDirectory();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  removeDirectory(directory);
});

it.each(['before', 'after'])(
  'with timers faked %s the broker is opened, sending and consuming work',
  async (when) => {
    if (when === 'before') {
      vi.useFakeTimers();
    }
    await withBroker(directory, async ({ broker, client }) => {
      vi.useFakeTimers();
      const { url } = await broker.listen({ port: 0, threads: 1 });
      const remote = await connect(url);
      await client.admin().createTopic({ topic: 't', queues: 1 });
      for (const each of [client, remote]) {
        const producer = each.producer();
        await producer.send({ topic: 't', body: 'x' });
        producer.write({ topic: 't', body: 'y' });
        await producer.flush();
      }
      expect(await readSome(client, 't', 4)).toHaveLength(4);
      expect(await readSome(remote, 't', 4)).toHaveLength(4);
      await remote.close();
    });
  },
);

it.each([
  ['none', undefined],
  ['one of random numbers alone', { getRandomValues: crypto.getRandomValues.bind(crypto) }],
])(
  'where the global of cryptography is %s, sending, consuming and passwords work',
  async (_which, global) => {
    vi.stubGlobal('crypto', global);
    await withBroker(directory, async ({ broker, client }) => {
      const { url } = await broker.listen({ port: 0, threads: 1 });
      await client.admin().createTopic({ topic: 't', queues: 1 });
      const remote = await connect(url);
      for (const each of [client, remote]) {
        await each.producer().send({ topic: 't', body: 'x' });
        expect((await readSome(each, 't', 1)).length).toBe(1);
      }
      await client.admin().createUser({ user: 'new', password: 'p', roles: [] });
      await remote.close();
    });
  },
);
