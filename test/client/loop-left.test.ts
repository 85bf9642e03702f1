/** A loop that is left while its next message is still waited for. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../native-free/client/internal.js';
import { ScriptedBroker } from './scripted-broker.js';

let client: Client;
let broker: ScriptedBroker;

beforeEach(async () => {
  broker = new ScriptedBroker();
  client = await createClient(broker.factory, {});
});

afterEach(() => client.close({ signal: AbortSignal.abort() }).catch(() => {}));

const consumer = () => client.consumer({ group: 'g', topic: 't' });

test('ends whoever waits for it, and the group is left', async () => {
  for (const loop of [
    consumer()[Symbol.asyncIterator](),
    consumer().batches(),
    consumer().batches({ maxMessages: 10, maxWaitMs: 3_600_000 }),
  ]) {
    const waiting = loop.next();
    const second = loop.next();
    await loop.return?.();
    expect(await Promise.all([waiting, second, loop.next()])).toEqual(
      Array(3).fill({ value: undefined, done: true }),
    );
  }
  expect(broker.called('leave')).toHaveLength(3);
});

test('as a stream it closes', async () => {
  const stream = Readable.from(consumer());
  stream.resume();
  stream.destroy();
  await once(stream, 'close');
});
