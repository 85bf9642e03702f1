/** Events of a broker on `node:diagnostics_channel`, those of its listener threads included. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { connect } from '../../native-free/client/index.js';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** What is said on a channel from now on. */
class Listener extends EventEmitter {
  readonly heard: Record<string, unknown>[] = [];

  constructor(name: string) {
    super();
    const take = (message: unknown): void => {
      this.heard.push(message as Record<string, unknown>);
      this.emit('message');
    };
    subscribe(name, take);
    cleanups.push(() => void unsubscribe(name, take));
  }

  async until(found: (message: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const message = this.heard.find(found);
      if (message !== undefined) {
        return message;
      }
      await once(this, 'message');
    }
  }
}

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ringmq-diagnostics-'));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

it('connections, topics and groups are told', async () => {
  const connections = new Listener('ringmq:connection');
  const topics = new Listener('ringmq:topic');
  const groups = new Listener('ringmq:group');
  const broker = await openBroker({ dataDir: tempDir() });
  cleanups.push(() => broker.close());
  const { url } = await broker.listen({ port: 0 });
  const client = await connect(url, { name: 'teller' });
  await client.admin().createTopic({ topic: 'orders', queues: 1 });
  const consumer = client.consumer({ group: 'billing', topic: 'orders' });
  await client.producer().send({ topic: 'orders', body: 'x' });
  for await (const message of consumer) {
    await message.ack();
    break;
  }
  await consumer.close();
  await client.admin().deleteTopic('orders');
  await client.close();
  await connections.until(({ event }) => event === 'opened');
  expect(await connections.until(({ event }) => event === 'closed')).toMatchObject({
    connection: '127.0.0.1',
    client: expect.stringContaining('teller'),
  });
  expect(topics.heard.map(({ event, topic }) => [event, topic])).toEqual([
    ['created', 'orders'],
    ['deleted', 'orders'],
  ]);
  expect(groups.heard.map(({ event, group, topic }) => [event, group, topic])).toEqual([
    ['joined', 'billing', 'orders'],
    ['left', 'billing', 'orders'],
  ]);
});

it('public objects say what they are', async () => {
  const broker = await openBroker({ dataDir: tempDir(), name: 'shown' });
  cleanups.push(() => broker.close());
  const client = broker.client();
  const producer = client.producer({ group: 'shop' });
  const consumer = client.consumer({ group: 'billing', topic: 'orders' });
  expect(inspect(broker)).toMatch(/^Broker \{[\s\S]*name: 'shown'/);
  expect(inspect(client)).toMatch(/^Client \{[\s\S]*broker: 'shown'/);
  expect(inspect(producer)).toMatch(/^Producer \{[\s\S]*group: 'shop'/);
  expect(inspect(consumer)).toMatch(/^Consumer \{[\s\S]*group: 'billing'/);
  expect(inspect(client.admin())).toMatch(/^Admin \{/);
});
