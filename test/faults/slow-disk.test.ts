/** Under sync flush who has asked for less does not wait for the disk with the others, however long it takes. */
import { expect, it, vi } from 'vitest';
import { NodeDisk } from '../../engine/disk/index.js';
import { FLUSHED_MARK, readMark } from '../../engine/log/index.js';
import { connect } from '../../native-free/client/index.js';
import { parseMessageId } from '../../native-free/wire/index.js';
import { InjectedDisk } from './fault-disk.js';
import { HostProcess } from './host-process.js';

/** In one batch, and more than is synced by the thread that writes. */
const LARGE = { count: 8, bytes: 60_000 } as const;

it('is acked once it is written', async () => {
  const disk = new InjectedDisk();
  const host = await HostProcess.start(
    { dataDir: `${disk.dir}/data`, flush: 'sync', minFreeBytes: 0 },
    disk.env,
  );
  const client = await connect(host.url);
  try {
    await client.admin().createTopic({ topic: 'orders', queues: 1 });
    const producer = client.producer({ batchBytes: 512 * 1024 });
    const { messageId } = await producer.send({ topic: 'orders', body: 'before' });
    // The thread that writes has done what it does once it is quiet.
    const before = parseMessageId(messageId)?.position as number;
    const stated = () => readMark(new NodeDisk(), `${disk.dir}/data/log`, FLUSHED_MARK);
    await vi.waitFor(() => expect(stated()).toBeGreaterThan(before), { timeout: 100_000 });
    disk.slowDown();
    let stored = 0;
    const large = Array.from({ length: LARGE.count }, () =>
      producer.send({ topic: 'orders', body: new Uint8Array(LARGE.bytes) }).then(() => {
        stored++;
      }),
    );
    const receipt = await producer.send({ topic: 'orders', body: 'soon' }, { flush: 'async' });
    expect(receipt.durability).toBe('page-cache');
    expect(stored).toBe(0);
    disk.repair();
    await Promise.all(large);
    expect(stored).toBe(LARGE.count);
  } finally {
    disk.repair();
    await client.close();
    await host.stop();
    disk.remove();
  }
});
