/** A membership whose broker cannot answer for a while: no topic is left out for ever. */
import { expect, it } from 'vitest';
import { openNameServer } from '../../broker/index.js';
import { Membership, type MembershipHost } from '../../broker/membership.js';
import { RingMQError } from '../../native-free/wire/index.js';
import { keep } from '../kept.js';
import { NameServerClient } from './name-server-client.js';
import { BROKER_ID, topicOf } from './registrations.js';

/** A broker of a few topics, whose answers can be made to fail. */
function host(nameServer: string) {
  const topics = new Map([['orders', topicOf('orders')]]);
  const state = { isFailing: false, warnings: [] as string[], tell: (_topic: string): void => {} };
  const call = async (method: string, { topic }: { topic: string }) => {
    if (state.isFailing) {
      throw new RingMQError('DISK_FULL');
    }
    return method === 'listTopics'
      ? { topics: [...topics.values()], cursor: null, complete: true }
      : (topics.get(topic) ?? Promise.reject(new RingMQError('TOPIC_NOT_FOUND')));
  };
  const thread = {
    call,
    place: { role: 'master', cluster: 'default', brokerSet: 'a', epoch: 1 },
    info: { brokerId: BROKER_ID, openingId: '0123456789abcdef' },
    onTopicChanged: (tell: (topic: string) => void) => {
      state.tell = tell;
      return () => {};
    },
  };
  const membership = new Membership({
    options: { nameServers: [nameServer], name: 'a' },
    thread,
    url: 'ws://127.0.0.1:1',
    secrets: null,
    stats: () => ({ log: { startPosition: 0, endPosition: 0, flushedPosition: 0 } }),
    deletedTopics: () => [],
    deletedUpTo: () => null,
    replicas: () => [],
    onFenced: () => {},
    onMaster: () => {},
    onWarning: (message: string) => state.warnings.push(message),
    retryMs: 20,
  } as unknown as MembershipHost);
  return { membership: keep(membership), topics, state };
}

it('a topic that could not be read is read again', async () => {
  const ns = keep(await openNameServer({ port: 0, listener: 'ws' }));
  const { membership, topics, state } = host(ns.url);
  await membership.open();
  const asker = keep(await NameServerClient.connect(ns.url));
  const has = async (count: number) =>
    (await asker.ask('topicChanges', { since: 0 })).topics.length === count;
  await until(() => has(1));
  topics.set('late', topicOf('late'));
  state.isFailing = true;
  state.tell('late');
  await until(() => state.warnings.some((line) => line.includes("'late'")));
  state.isFailing = false;
  await until(() => has(2));
});

it('a membership that could not be opened hears of changes when it is opened again', async () => {
  const ns = keep(await openNameServer({ port: 0, listener: 'ws' }));
  const { membership, topics, state } = host(ns.url);
  state.isFailing = true;
  await expect(membership.open()).rejects.toMatchObject({ code: 'DISK_FULL' });
  state.isFailing = false;
  topics.set('late', topicOf('late'));
  state.tell('late');
  await membership.open();
  const asker = keep(await NameServerClient.connect(ns.url));
  await until(async () => (await asker.ask('topicChanges', { since: 0 })).topics.length === 2);
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
