/** Messages are found at a slave as at its master, also while the master is away; it makes a key index of its own. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findAll } from '../find/keyed-broker.js';
import { clientOf, node } from './kept-nodes.js';
import { stored, until } from './nodes.js';

it('a slave finds by id and by key what its master had', async () => {
  const a = await node('a').start([]);
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 2 });
  const producer = client.producer();
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    // More than a segment of the slave's, as less is left to searches.
    const body = Buffer.alloc(256 * 1024, `${i}`);
    ids.push((await producer.send({ topic: 't', body, keys: [`k-${i}`] })).messageId);
  }
  const s = await node('a-slave').start(['--role', 'slave', '--master', a.url]);
  const there = await clientOf(s.url);
  await until(async () => (await stored(there, 't').catch(() => 0)) === 20);
  const found = async (n: number): Promise<void> => {
    // A search that takes long is answered page by page.
    const pages = await findAll(there, { topic: 't', key: `k-${n}` });
    const [byKey] = pages.flatMap(({ messages }) => messages);
    const [byId] = (await there.admin().findMessages({ id: ids[n] })).messages;
    expect(byKey?.messageId).toBe(ids[n]);
    expect(byId).toEqual(byKey);
  };
  await until(async () => {
    const pages = await findAll(there, { topic: 't', key: 'k-19' });
    return pages.some(({ messages }) => messages.length === 1);
  });
  await found(7);
  await a.kill('SIGKILL');
  await found(19);
  // The first work on the index comes some seconds after the start.
  await until(async () => indexOf(s.dir).length > 0);
  await found(3);
});

function indexOf(dataDir: string): string[] {
  try {
    return readdirSync(join(dataDir, 'index'));
  } catch {
    return [];
  }
}
