/** An fdatasync that fails ends the log: nothing is acked from then on, reads go on, and a new start has all that was acked. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { type Client, connect } from '../../native-free/client/index.js';
import type { RingMQError } from '../../native-free/wire/index.js';
import { BrokerProcess } from '../cli/cli-process.js';
import { DISKS, type FaultDisk } from './fault-disk.js';
import { HostProcess } from './host-process.js';
import {
  bodyOf,
  failureOf,
  makeDirectory,
  numberOf,
  readSome,
  removeDirectory,
  SMALL,
  sendNumbers,
  smallProducer,
} from './small-broker.js';

const TOPIC = 'orders';

/** The command's own sizes are too large for a small disk. */
function configFile(disk: FaultDisk): string {
  const path = `${disk.dir}/config.json`;
  writeFileSync(
    path,
    JSON.stringify({ segmentSize: '8MiB', ringSize: '16MiB', memoryRingSize: '32MiB', minFree: 0 }),
  );
  return path;
}

/** Sends until the disk's failure shows; how many were acked. */
async function sendUntilFailed(client: Client): Promise<{ acked: number; error: RingMQError }> {
  const producer = smallProducer(client, 10_000);
  for (let acked = 0; ; acked++) {
    try {
      await producer.send({ topic: TOPIC, body: bodyOf(1000 + acked, 3000) }, { queueId: 0 });
    } catch (error) {
      return { acked, error: error as RingMQError };
    }
  }
}

describe.each(DISKS)('a failing sync on %s', (_name, makeDisk) => {
  let disk: FaultDisk;
  let dataDir: string;
  const clients: Client[] = [];
  let host: HostProcess | null = null;
  let broker: BrokerProcess | null = null;

  beforeEach(() => {
    disk = makeDisk();
    dataDir = `${disk.dir}/data`;
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close().catch(() => {})));
    await host?.stop('SIGKILL');
    await broker?.kill();
    disk.remove();
  });

  async function start(flush: 'sync' | 'async') {
    host = await HostProcess.start({ ...SMALL, dataDir, flush, flushIntervalMs: 20 }, disk.env);
    const client = await connect(host.url);
    clients.push(client);
    return { host, client };
  }

  it.each(['sync', 'async'] as const)(
    'is told to all who wait, and to the program (%s flush)',
    async (flush) => {
      const first = await start(flush);
      const { client } = first;
      await client.admin().createTopic({ topic: TOPIC, queues: 1 });
      await client.admin().createTopic({ topic: 'fleeting', queues: 1, memory: true });
      await sendNumbers(client, TOPIC, 0, 100);
      disk.breakDown();
      const { acked, error } = await sendUntilFailed(client);
      expect(error).toMatchObject({ code: 'DISK_FAILED', retryable: false });
      expect(await first.host.next('fatal')).toMatchObject({ code: 'DISK_FAILED' });
      expect((await failureOf(smallProducer(client).send({ topic: TOPIC, body: 'x' }))).code).toBe(
        'DISK_FAILED',
      );
      const burst = smallProducer(client);
      for (let i = 0; i < 20; i++) {
        burst.write({ topic: TOPIC, body: 'x' });
      }
      expect(await failureOf(burst.flush())).toMatchObject({
        code: 'DISK_FAILED',
        details: { failedCount: 20 },
      });
      // What was acked is read from the ring and from the files; what needs no disk goes on.
      const read = await readSome(client, TOPIC, 100 + acked);
      expect(read.slice(0, 100).map(numberOf)).toEqual(Array.from({ length: 100 }, (_x, i) => i));
      const memory = await smallProducer(client).send({ topic: 'fleeting', body: 'x' });
      expect(memory.durability).toBe('memory');
      await client.close().catch(() => {});
      // It ends; whether with an error depends on whether there was anything left to be written.
      await first.host.stop();
      const closing = first.host.events.find(({ event }) => event === 'failed')?.code;
      expect(closing ?? 'DISK_FAILED').toBe('DISK_FAILED');
      expect(first.host.events.filter(({ event }) => event === 'fatal')).toHaveLength(1);

      disk.repair();
      const again = await start(flush);
      const lasting = flush === 'sync' ? 100 + acked : 100;
      const after = await readSome(again.client, TOPIC, lasting);
      expect(after.map(numberOf)).toEqual(
        Array.from({ length: lasting }, (_x, i) => (i < 100 ? i : 900 + i)),
      );
      expect(again.host.events.filter(({ event }) => event !== 'ready')).toEqual([]);
      await sendNumbers(again.client, TOPIC, 0, 10);
    },
  );

  it('ends `ringmq broker` with status 1 and one line', async () => {
    broker = await BrokerProcess.start(dataDir, ['--config', configFile(disk)], 0, { env: disk.env });
    const client = await connect(broker.url, { reconnectMinMs: 10_000, reconnectMaxMs: 10_000 });
    clients.push(client);
    await client.admin().createTopic({ topic: TOPIC, queues: 1 });
    const ended = broker.ended;
    disk.breakDown();
    const { error } = await sendUntilFailed(client);
    // The process may be gone before the ack is out.
    expect(['DISK_FAILED', 'TIMEOUT', 'CONNECTION_LOST']).toContain(error.code);
    expect(await ended).toBe(1);
    const lines = broker.log.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^DISK_FAILED: .+; check the disk, then start the broker again$/);
    expect(lines.filter((line) => !line.startsWith('{'))).toHaveLength(1);
  });
});

describe('an index block that cannot be stored', () => {
  it('ends the log, too', async () => {
    const dataDir = makeDirectory();
    let fatal = (_error: RingMQError): void => {};
    const failure = new Promise<RingMQError>((resolve) => {
      fatal = resolve;
    });
    const broker = await openBroker({ ...SMALL, dataDir, onFatal: (error) => fatal(error) });
    try {
      const client = broker.client();
      await client.admin().createTopic({ topic: TOPIC, queues: 1 });
      // Twenty batches of a queue fill a block; what is in the way of its file is no want of room.
      mkdirSync(`${dataDir}/queues/0000000000000000.idx`);
      const { acked, error } = await sendUntilFailed(client);
      expect(acked).toBe(19);
      expect(error.code).toBe('DISK_FAILED');
      expect(await failure).toMatchObject({ code: 'DISK_FAILED' });
      expect(await readSome(client, TOPIC, acked)).toHaveLength(acked);
    } finally {
      await broker.close();
      removeDirectory(dataDir);
    }
  });
});
