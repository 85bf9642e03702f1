/**
 * A process that has no file descriptor left can start no thread either: checkpoints, the key index and searches say so,
 * the broker does not end over it, and all of them go on when there are some again.
 */
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { until } from '../replica/nodes.js';
import { HostProcess } from './host-process.js';
import { makeDirectory, removeDirectory, SMALL } from './small-broker.js';

const DESCRIPTORS = 250;
/** What is refused for now is asked for again as long as this. */
const IMPATIENT = { requestTimeoutMs: 10_000 };

let directory: string;
beforeAll(() => {
  directory = makeDirectory();
});
afterAll(() => removeDirectory(directory));

it('no thread can be started: it is said, and made good later', async () => {
  const dataDir = `${directory}/data`;
  const options = { ...SMALL, segmentBytes: 16 * 1024 * 1024, dataDir, flush: 'async' } as const;
  const host = await HostProcess.start(options, {}, DESCRIPTORS);
  const client = await connect(host.url);
  await using impatient = await connect(host.url, IMPATIENT);
  try {
    await client.admin().createTopic({ topic: 't', queues: 1 });
    const producer = client.producer({ sendTimeoutMs: 100_000, batchBytes: 4_096 });
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        await producer.send({ topic: 't', body: new Uint8Array(1_000), keys: ['k'] });
      }
    };
    await send(1);
    host.signal('SIGWINCH');
    await host.next('warning', /file descriptors were used up/);
    // More than the log between two checkpoints; what is refused meanwhile is sent again.
    const sending = send(200);
    sending.catch(() => undefined);
    // Where it took three seconds to come here, the thread that searches has been started for the client before.
    await expect(impatient.admin().findMessages({ topic: 't', key: 'k' })).rejects.toMatchObject({
      code: 'BROKER_BUSY',
      message: expect.stringMatching(
        /(?:no thread could be started for it|messages cannot be looked for): .*too few file descriptors left .*ulimit -n/,
      ),
    });
    await host.next('warning', /^a checkpoint could not be written.+no thread could be started for it/);
    host.signal('SIGWINCH');
    await sending;
    await vi.waitFor(
      async () => {
        // It is tried again some seconds later.
        await send(1);
        expect(existsSync(`${dataDir}/queues/tables`)).toBe(true);
      },
      { timeout: 100_000, interval: 200 },
    );
    // On a busy machine a thread takes its time to start, and what it finds comes in several pages.
    await using patient = await connect(host.url);
    let found = 0;
    let cursor: string | undefined;
    do {
      const page = await patient.admin().findMessages({ topic: 't', key: 'k', limit: 5, cursor });
      found += page.messages.length;
      cursor = page.cursor ?? undefined;
    } while (found < 5 && cursor !== undefined);
    expect(found).toBeGreaterThanOrEqual(5);
  } finally {
    await client.close();
    expect(await host.stop()).toBe('0');
  }
  expect(host.events.filter(({ event }) => event === 'fatal' || event === 'failed')).toEqual([]);
  // Each state is said once, however often it is tried.
  const told = host.events.filter(({ message }) => message?.includes('a checkpoint could not'));
  expect(told).toHaveLength(1);
});

it('the thread that searches is there, and can open nothing: who asks is told, and is answered later', async () => {
  const host = await HostProcess.start({ ...SMALL, dataDir: `${directory}/warm` }, {}, DESCRIPTORS);
  const client = await connect(host.url);
  await using impatient = await connect(host.url, IMPATIENT);
  try {
    await client.admin().createTopic({ topic: 't', queues: 1 });
    await client.producer().send({ topic: 't', body: 'x', keys: ['k'] });
    const find = () => impatient.admin().findMessages({ topic: 't', key: 'k' });
    await client.admin().findMessages({ topic: 't', key: 'k' });
    host.signal('SIGWINCH');
    await host.next('warning', /file descriptors were used up/);
    await expect(find()).rejects.toMatchObject({
      code: 'BROKER_BUSY',
      message: expect.stringMatching(
        /^messages cannot be looked for: .*too few file descriptors left \(EMFILE\).*ulimit -n/,
      ),
    });
    host.signal('SIGWINCH');
    await until(async () => (await find().catch(() => null))?.messages.length === 1);
  } finally {
    await client.close();
    expect(await host.stop()).toBe('0');
  }
});
