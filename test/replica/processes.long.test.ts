/** Masters and slaves as processes: what is acked survives, and logs end the same, whoever is killed. */
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { verifyData } from '../../engine/data/verify-data.js';
import type { Client } from '../../native-free/client/index.js';
import { clientOf, node } from './kept-nodes.js';
import { ask, type Node, reach, stored, until } from './nodes.js';

const SYNC = ['--replication', 'sync'];
const slaveOf = (master: Node): string[] => ['--role', 'slave', '--master', master.url];

/** As far as both reach: the end of a file that is not written yet is zeros. */
function sameLogs(a: Node, b: Node): boolean {
  const [one, two] = [a.logBytes(), b.logBytes()];
  const length = Math.min(one.length, two.length);
  const rest = one.length > two.length ? one.subarray(length) : two.subarray(length);
  return (
    Buffer.compare(one.subarray(0, length), two.subarray(0, length)) === 0 && rest.every((byte) => byte === 0)
  );
}

/** Writes until it is told to stop; how many were acked. */
async function writeFor(client: Client, topic: string, count: number): Promise<number> {
  const producer = client.producer({ sendTimeoutMs: 60_000 });
  const body = new Uint8Array(500).fill(7);
  for (let i = 0; i < count; i++) {
    if (!producer.write({ topic, body, keys: [`k${i}`] })) {
      await producer.ready();
    }
  }
  await producer.flush();
  return count;
}

async function createWhenTaken(client: Client, topic: string): Promise<void> {
  await until(() =>
    client
      .admin()
      .createTopic({ topic, queues: 3 })
      .then(
        () => true,
        () => false,
      ),
  );
}

it('a killed slave, and a new one, get the log byte for byte; a master thrown away loses nothing acked', async () => {
  const a = await node('a').start(SYNC);
  const client = await clientOf(a.url);
  // Nobody would have it: it is refused, not acked and lost.
  await expect(client.admin().createTopic({ topic: 't', queues: 3 })).rejects.toMatchObject({
    code: 'NOT_ENOUGH_REPLICAS',
  });
  const s = await node('a-slave').start([...slaveOf(a), ...SYNC]);
  await createWhenTaken(client, 't');
  await createWhenTaken(client, 'kept');
  await writeFor(client, 't', 10_000);
  expect(await client.producer().send({ topic: 'kept', body: 'one' })).toMatchObject({ replicas: 1 });

  // Under load: what is written meanwhile waits, and is acked when the slave is back.
  const writing = writeFor(client, 't', 10_000);
  await s.kill('SIGKILL');
  await s.start([...slaveOf(a), ...SYNC]);
  await writing;

  // A slave takes nothing, and says who does; it serves what is committed.
  const reader = await clientOf(s.url);
  await expect(reader.admin().createTopic({ topic: 'u', queues: 1 })).rejects.toMatchObject({
    code: 'NOT_MASTER',
    details: { master: a.url },
  });

  const acked = 20_000;
  await a.kill('SIGKILL');
  await until(async () => (await stored(reader, 't')) >= acked);
  expect(await ask(s.url, 'promote')).toMatchObject({ epoch: 1_024 });
  let read = 0;
  for await (const batch of reader.consumer({ group: 'g', topic: 't' }).batches()) {
    read += [...batch].length;
    if (read >= acked) {
      break;
    }
  }
  expect(read).toBe(acked);

  // A slave of the new master, with an empty directory: it begins with the oldest segment, not the newest.
  const other = await node('a-slave-2').start([...slaveOf(s), ...SYNC]);
  await until(() => writeFor(reader, 't', 1).then(() => true));
  await s.kill('SIGTERM');
  await other.kill('SIGTERM');
  await until(() => sameLogs(s, other));
  expect(other.cuts()).toEqual([]);
}, 120_000);

it('a master that comes back after another was promoted cuts its tail off, keeps it, and follows', async () => {
  const a = await node('a').start([]);
  const s = await node('a-slave').start(slaveOf(a));
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 3 });
  await writeFor(client, 't', 2_000);
  await until(async () => (await stored(await clientOf(s.url), 't').catch(() => 0)) === 2_000);
  await s.kill('SIGKILL');
  // Async replication: the slave never has these.
  await writeFor(client, 't', 500);
  await a.kill('SIGKILL');
  await s.start(slaveOf(a));
  await ask(s.url, 'promote');
  const successor = await clientOf(s.url);
  await writeFor(successor, 't', 1_000);

  await a.start(slaveOf(s));
  await until(() => a.cuts().length === 1);
  const back = await (async () => {
    let found = 0;
    await until(async () => {
      const reader = await reach(a.url);
      found = await stored(reader, 't').catch(() => 0);
      await reader.close();
      return found === 3_000;
    });
    return found;
  })();
  expect(back).toBe(3_000);
  await s.kill('SIGTERM');
  await a.kill('SIGTERM');
  expect(a.log).toContain('"event":"cut"');
  expect(sameLogs(a, s)).toBe(true);
}, 120_000);

it('a new slave begins with the oldest that its master still has, in the middle of a file of its own, and serves reads', async () => {
  const small = ['--span-size', '64KiB', '--memory-ring-size', '1MiB', '--checkpoint-size', '64KiB'];
  const sizes = ['--ring-size', '256KiB', '--segment-size', '64KiB', '--retention-size', '512KiB'];
  const a = await node('a').start([...small, ...sizes]);
  const client = await clientOf(a.url);
  await client.admin().createTopic({ topic: 't', queues: 2 });
  await client.admin().createTopic({ topic: 'quiet', queues: 1 });
  await writeFor(client, 'quiet', 10);
  await writeFor(client, 't', 8_000);
  const described = async (of: Client): Promise<number[][]> => {
    const { queueStates } = await of.admin().describeTopic('t');
    return queueStates.map(({ minOffset, maxOffset }) => [minOffset, maxOffset]);
  };
  // Its last checkpoint lets all old messages go at once, so that the slave need not run after them.
  await a.kill('SIGTERM');
  await a.start([...small, ...sizes]);
  await until(async () => {
    const { log } = await client.admin().stats();
    return log.endPosition - log.startPosition <= 512 * 1024;
  });
  await until(async () => (await described(client)).every(([least = 0]) => least > 3_000));
  const s = await node('a-slave').start([
    ...small,
    ...['--ring-size', '512KiB', '--segment-size', '256KiB'],
    ...slaveOf(a),
  ]);
  await until(async () => {
    const reader = await reach(s.url);
    const [mine, theirs] = [await described(reader).catch(() => []), await described(client)];
    await reader.close();
    return JSON.stringify(mine) === JSON.stringify(theirs);
  });
  const reader = await clientOf(s.url);
  let read = 0;
  for await (const message of reader.consumer({ group: 'g', topic: 't' })) {
    await message.ack();
    if (++read === 100) {
      break;
    }
  }
  expect(read).toBe(100);
  // Of this one the slave was sent nothing. As a master it goes on where the other one was.
  await a.kill('SIGKILL');
  await ask(s.url, 'promote');
  expect(await reader.producer().send({ topic: 'quiet', body: 'new' })).toMatchObject({ offset: 10 });
  await s.kill('SIGTERM');
  const report = await verifyData(s.dir);
  expect(report).toMatchObject({ findings: [], unlisted: 0 });
  expect(report.startPosition).toBeGreaterThan(0);
}, 120_000);

it('a slave that cannot get past damage in its master’s log says so once, and tries less and less often', async () => {
  const a = await node('a').start([]);
  const client = await clientOf(a.url);
  await createWhenTaken(client, 't');
  // More than the ring has: what is damaged can only come from the files.
  await writeFor(client, 't', 20_000);
  const segment = join(
    a.dir,
    'log',
    readdirSync(join(a.dir, 'log'))
      .filter((name) => name.endsWith('.seg'))
      .sort()[0] as string,
  );
  const fd = openSync(segment, 'r+');
  writeSync(fd, new Uint8Array(64).fill(0xff), 0, 64, 1 << 20);
  closeSync(fd);
  const s = await node('a-slave').start(slaveOf(a));
  const lines = (): number =>
    s.log.split('\n').filter((line) => /follow|LOG_CORRUPT|lost/i.test(line)).length;
  await until(() => s.log.includes('LOG_CORRUPT'));
  const before = lines();
  // That nothing is said shows only in time: long enough for dozens of tries without a wait.
  await new Promise((resolve) => {
    setTimeout(resolve, 3_000);
  });
  expect(lines() - before, s.log).toBeLessThanOrEqual(2);
});
