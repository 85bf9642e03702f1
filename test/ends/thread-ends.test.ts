/**
 * One of a broker's threads ends, under load: it says so in one line and has status 1; what it acked is there
 * at the next start, which nothing locks out.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { type Client, connect } from '../../native-free/client/index.js';
import { chooseListener } from '../../transport/choose-listener.js';
import { BrokerProcess, makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { stored, until } from '../replica/nodes.js';

const PRELOAD = new URL('./thread-ender.js', import.meta.url).href;
const MIB = 1024 * 1024;
const SIZES = { ringBytes: MIB, memoryRingBytes: MIB, spanBytes: MIB / 4, segmentBytes: 4 * MIB } as const;
const FLAGS = Object.entries(SIZES).flatMap(([name, bytes]) => [
  `--${name.replace('Bytes', '').replace('memoryRing', 'memory-ring')}-size`,
  String(bytes),
]);

/** `ws` has one thread. */
const HAS_UWS = chooseListener('auto').kind === 'uws';

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

function ending(thread: string, how: string) {
  return { nodeFlags: ['--import', PRELOAD], env: { RINGMQ_TEST_END: `${thread} ${how}` } };
}

/** Sends until the broker's process has ended; the offsets acked, by body. */
async function sendUntilGone(
  { url, ended }: Pick<BrokerProcess, 'url' | 'ended'>,
  onAcked: (count: number) => void,
): Promise<Map<string, number>> {
  let isGone = false;
  void ended.then(() => {
    isGone = true;
  });
  const acked = new Map<string, number>();
  const client = await connect(url, { reconnectMaxMs: 50 });
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const producer = client.producer({ sendTimeoutMs: 1_000, batchBytes: 4_096 });
  let number = 0;
  let count = 0;
  let isOver = false;
  const goOn = async (): Promise<void> => {
    while (!isOver) {
      const body = `${number++}`.padEnd(300);
      try {
        const { offset, durability } = await producer.send({ topic: 't', body });
        if (durability !== 'memory') {
          acked.set(body, offset);
        }
        onAcked(++count);
      } catch {
        // On a busy machine a send may time out before.
        isOver = isGone;
      }
    }
  };
  await Promise.all(Array.from({ length: 64 }, goOn));
  await client.close({ signal: AbortSignal.abort() }).catch(() => {});
  return acked;
}

/** Every message stored, by offset. */
async function readAll(client: Client): Promise<Map<number, string>> {
  const [queue] = (await client.admin().describeTopic('t')).queueStates;
  const end = queue?.maxOffset ?? 0;
  const read = new Map<number, string>();
  for await (const batch of client.consumer({ group: 'all', topic: 't' }).batches()) {
    for (const message of batch) {
      read.set(message.offset, message.text());
    }
    if (read.size >= end) {
      break;
    }
  }
  return read;
}

async function expectKept(dataDir: string, acked: ReadonlyMap<string, number>): Promise<void> {
  const again = await openBroker({ ...SIZES, dataDir });
  const read = await readAll(again.client());
  for (const [body, offset] of acked) {
    expect(read.get(offset)).toBe(body);
  }
  await again.close();
}

function plainLines(broker: BrokerProcess): string[] {
  return broker.log.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
}

const DEFECT = 'a defect of the thread';
const PERSIST = (why: string) => new RegExp(`^DISK_FAILED: the persist worker died: ${why}; .+$`);
const SYNC = (why: string) => new RegExp(`^DISK_FAILED: the sync worker died: ${why}; .+$`);
const LISTENER = (why: string) =>
  new RegExp(`^INTERNAL: the last listener thread of ws:.+ died: ${why}; .+$`);
const STATUS_1 = 'it ended with status 1';

describe('ringmq broker', () => {
  it.concurrent.each([
    ['ringmq-persist', 'terminated', 'sync', PERSIST(STATUS_1)],
    ['ringmq-persist', 'throws', 'sync', PERSIST(DEFECT)],
    ['ringmq-persist', 'throws-in-write', 'sync', PERSIST(DEFECT)],
    ['ringmq-sync', 'terminated', 'sync', SYNC(STATUS_1)],
    ['ringmq-sync', 'throws', 'async', SYNC(DEFECT)],
    ['ringmq-listener', 'throws', 'sync', LISTENER(DEFECT)],
  ])('whose thread %s is %s, at flush %s', async (thread, how, flush, line) => {
    const dataDir = `${directory}/${thread}-${how}`;
    const flags = [...FLAGS, '--flush', flush, '--flush-interval', '50ms'];
    const broker = await BrokerProcess.start(dataDir, flags, 0, ending(thread, how));
    let isTold = false;
    const acked = await sendUntilGone(broker, (count) => {
      if (count >= 300 && !isTold) {
        isTold = true;
        process.kill(broker.pid, 'SIGUSR2');
      }
    });
    expect(await broker.ended).toBe(1);
    expect(plainLines(broker)).toEqual([expect.stringMatching(line)]);
    expect(acked.size).toBeGreaterThanOrEqual(flush === 'sync' ? 200 : 0);
    await expectKept(dataDir, acked);
  });

  it.concurrent.each(HAS_UWS ? ['terminated', 'throws'] : [])(
    'one of whose two listener threads is %s goes on',
    async (how) => {
      const dataDir = `${directory}/one-of-two-${how}`;
      const flags = [...FLAGS, '--listener', 'uws', '--listener-threads', '2'];
      const broker = await BrokerProcess.start(dataDir, flags, 0, ending('ringmq-listener-1', how));
      const clients = await Promise.all(
        Array.from({ length: 8 }, () => connect(broker.url, { reconnectMinMs: 5, reconnectMaxMs: 50 })),
      );
      const [first] = clients as [Client];
      await first.admin().createTopic({ topic: 't', queues: 1 });
      const sendAll = (body: string) =>
        Promise.all(clients.map((client) => client.producer().send({ topic: 't', body })));
      await sendAll('before');
      process.kill(broker.pid, 'SIGUSR2');
      await until(() => broker.log.includes('a listener thread of'));
      await sendAll('after');
      const bodies = [...(await readAll(first)).values()].sort();
      expect(bodies).toEqual([...Array(8).fill('after'), ...Array(8).fill('before')]);
      await Promise.all(clients.map((client) => client.close()));
      expect(await broker.stop()).toBe(0);
      expect(plainLines(broker)).toEqual([]);
    },
  );

  it.concurrent.each([
    ['terminated', STATUS_1],
    ['throws', DEFECT],
  ])('a slave whose follower is %s', async (how, why) => {
    const master = await openBroker({
      ...SIZES,
      dataDir: `${directory}/master-${how}`,
      brokerSet: 'a',
      name: 'm',
    });
    const { url } = await master.listen({ port: 0, listener: 'ws', threads: 1 });
    const flags = [...FLAGS, '--role', 'slave', '--master', url, '--broker-set', 'a', '--name', 's'];
    const dataDir = `${directory}/slave-${how}`;
    const slave = await BrokerProcess.start(dataDir, flags, 0, ending('ringmq-follower', how));
    await master.client().admin().createTopic({ topic: 't', queues: 1 });
    const body = 'x'.repeat(300);
    const producer = master.client().producer({ batchBytes: 1_024 });
    await Promise.all(Array.from({ length: 500 }, () => producer.send({ topic: 't', body })));
    // A slave that joins opens its log anew, with a thread of its own: the one that is meant takes messages
    // already.
    const early = await connect(slave.url);
    await until(async () => (await stored(early, 't').catch(() => 0)) > 0);
    await early.close();
    process.kill(slave.pid, 'SIGUSR2');
    expect(await slave.ended).toBe(1);
    expect(plainLines(slave)).toEqual([
      expect.stringMatching(new RegExp(`^INTERNAL: the follower's thread died: ${why}; .+$`)),
    ]);
    const again = await BrokerProcess.start(dataDir, flags);
    const reader = await connect(again.url);
    await until(async () => (await stored(reader, 't').catch(() => 0)) === 500);
    await reader.close();
    expect(await again.stop()).toBe(0);
    await master.close();
  });
});
