/** No descriptor is left for the log's files: sends wait, reads wait, and both go on by themselves. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Client, connect } from '../../native-free/client/index.js';
import { InjectedDisk } from './fault-disk.js';
import { HostProcess } from './host-process.js';
import { bodyOf, failureOf, numberOf, SMALL, sendNumbers, smallProducer } from './small-broker.js';

const TOPIC = 'orders';
let disk: InjectedDisk;
let host: HostProcess;
let client: Client;

beforeEach(async () => {
  disk = new InjectedDisk();
  host = await HostProcess.start({ ...SMALL, dataDir: `${disk.dir}/data` }, disk.env);
  client = await connect(host.url);
  await client.admin().createTopic({ topic: TOPIC, queues: 1 });
});
afterEach(async () => {
  await client.close().catch(() => {});
  await host.stop('SIGKILL');
  disk.remove();
});

it('a sender is refused and taken again, for a block of the index as for a segment', async () => {
  // The twentieth batch of a queue fills a block, and the index has no file yet.
  for (let number = 0; number < 10; number++) {
    await smallProducer(client).send({ topic: TOPIC, body: bodyOf(number) });
  }
  disk.useUpDescriptors();
  const sends = Array.from({ length: 300 }, (_x, i) =>
    smallProducer(client).send({ topic: TOPIC, body: bodyOf(10 + i) }),
  );
  await host.next('warning', /no file descriptor or no memory is left for the log: sends are refused/);
  // Who waits no longer is told why, if the refusal had come by then.
  await vi.waitFor(
    async () => {
      const { code } = await failureOf(smallProducer(client, 200).send({ topic: TOPIC, body: 'x' }));
      expect(code).toBe('DISK_FULL');
    },
    { timeout: 60_000 },
  );
  disk.makeRoom();
  await Promise.all(sends);
  await host.next('warning', /file descriptors and memory again: sends are taken/);
  expect(host.events.filter(({ event }) => event === 'fatal')).toEqual([]);
  expect(await host.stop()).toBe('0');
});

it('a reader waits, and misses nothing', async () => {
  await sendNumbers(client, TOPIC, 0, 600);
  disk.useUpDescriptors();
  const consumer = client.consumer({ group: 'g', topic: TOPIC });
  const messages = consumer[Symbol.asyncIterator]();
  const first = messages.next();
  await consumer.assigned;
  // Its first read has failed by the time that the broker answers another call.
  await client.admin().describeTopic(TOPIC);
  disk.makeRoom();
  const seen = [(await first).value];
  while (seen.length < 600) {
    seen.push((await messages.next()).value);
  }
  expect(seen.map((message) => (message === undefined ? -1 : numberOf(message)))).toEqual(
    Array.from({ length: 600 }, (_x, i) => i),
  );
  await consumer.close();
});
