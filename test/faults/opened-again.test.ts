/** A broker that opens its directory again, as after a repair or for a new master: who is in its process goes on as who is not. */
import { afterAll, expect, it } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { makeDirectory, removeDirectory, withBroker } from './small-broker.js';

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

it('clients go on, with what they have under way, and end with the broker', async () => {
  await withBroker(directory, async ({ broker, client }) => {
    const { url } = await broker.listen({ port: 0, listener: 'ws' });
    const remote = await connect(url, { reconnectMinMs: 5, reconnectMaxMs: 20 });
    await client.admin().createTopic({ topic: 't', queues: 1 });
    for (const each of [client, remote]) {
      const producer = each.producer();
      await producer.send({ topic: 't', body: 'before' });
      const seen: number[] = [];
      const consumer = each.consumer({ group: each === client ? 'in' : 'out', topic: 't', from: 'latest' });
      const done = consumer.run(({ offset }) => {
        seen.push(offset);
        if (new Set(seen).size === 3) {
          void consumer.close();
        }
      });
      await consumer.assigned;
      const first = await producer.send({ topic: 't', body: '0' });
      const waiting = producer.send({ topic: 't', body: '1' });
      broker.stale();
      const receipts = [first, await waiting, await producer.send({ topic: 't', body: '2' })];
      await done;
      expect(new Set(seen)).toEqual(new Set(receipts.map(({ offset }) => offset)));
    }
    await remote.close();
    const left = client.consumer({ group: 'left', topic: 't' }).run(() => undefined);
    await broker.close();
    await left;
    expect(() => client.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
