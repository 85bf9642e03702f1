/** The thread that searches is there before anybody asks, where clients come over a network. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startListening } from '../../broker/listen.js';
import { connect } from '../../native-free/client/index.js';
import { until } from '../replica/nodes.js';
import { type KeyedBroker, makeDirectory, openKeyed, removeDirectory, textsOf } from './keyed-broker.js';

let directory: string;
let broker: KeyedBroker;
beforeEach(async () => {
  directory = makeDirectory();
  broker = await openKeyed(directory);
});
afterEach(async () => {
  await broker.close();
  removeDirectory(directory);
});

it('is started soon after a client has come, once there is something to be found', async () => {
  const { engine } = broker;
  const failures: unknown[] = [];
  const listener = await startListening(
    engine,
    { port: 0, listener: 'ws' },
    (error) => failures.push(error),
    (message) => failures.push(message),
  );
  try {
    const client = await connect(listener.url);
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await client.producer().send({ topic: 't', body: 'a', keys: ['k'] });
    await until(() => engine.find.isWarm);
    expect(await textsOf(client, { topic: 't', key: 'k' })).toEqual(['a']);
    await client.close();
  } finally {
    await listener.close();
  }
  expect(failures).toEqual([]);
});

it('is not started for who embeds the broker, but by a search', async () => {
  const { client, engine } = broker;
  await client.admin().createTopic({ topic: 't', queues: 1 });
  await client.producer().send({ topic: 't', body: 'a', keys: ['k'] });
  expect(engine.find.isWarm).toBe(false);
  expect(await textsOf(client, { topic: 't', key: 'k' })).toEqual(['a']);
  expect(engine.find.isWarm).toBe(true);
});
