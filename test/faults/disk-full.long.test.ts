/** A disk without room, under a broker in a process of its own. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, connect, type Producer } from '../../native-free/client/index.js';
import type { Receipt, RingMQError } from '../../native-free/wire/index.js';
import { runCli } from '../cli/cli-process.js';
import { DISKS, type FaultDisk } from './fault-disk.js';
import { HostProcess } from './host-process.js';
import { bodyOf, failureOf, numberOf, readSome, SMALL, sendNumbers, smallProducer } from './small-broker.js';

const TOPIC = 'orders';
const MIB = 1024 * 1024;

describe.each(DISKS)('on %s that is full', (name, makeDisk) => {
  let disk: FaultDisk;
  let dataDir: string;
  const running: HostProcess[] = [];
  const clients: Client[] = [];

  beforeAll(() => {
    disk = makeDisk();
    dataDir = `${disk.dir}/data`;
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close().catch(() => {})));
    await Promise.all(running.splice(0).map((host) => host.stop('SIGKILL')));
    disk.makeRoom();
  });
  afterAll(() => disk.remove());

  async function start(options: { minFreeBytes?: number; flush?: 'sync' | 'async' } = {}) {
    const host = await HostProcess.start({ ...SMALL, dataDir, ...options }, disk.env);
    running.push(host);
    const client = await connect(host.url);
    clients.push(client);
    return { host, client };
  }

  /**
   * Sends one after the other until one is refused. What was prepared ahead still takes some; and what was in
   * the ring when the disk said no waits there, so nobody can say that it is not stored: it times out.
   */
  async function sendUntilRefused(producer: Producer, topic: string, acked: Map<number, Receipt>) {
    for (let number = 0; ; number++) {
      try {
        acked.set(number, await producer.send({ topic, body: bodyOf(number, 3000) }));
      } catch (error) {
        const known = error as RingMQError;
        if (known.code !== 'TIMEOUT') {
          return known;
        }
      }
    }
  }

  it.each(['sync', 'async'] as const)(
    'sends are refused, reads go on, and it recovers by itself (%s)',
    async (flush) => {
      const topic = `${TOPIC}-${flush}`;
      const { host, client } = await start({ flush });
      await client.admin().createTopic({ topic, queues: 1 });
      const acked = new Map<number, Receipt>();
      disk.fill();
      const refusal = await sendUntilRefused(smallProducer(client, 500), topic, acked);
      expect(refusal).toMatchObject({ code: 'DISK_FULL', retryable: true });
      await host.next('warning', /disk is full: sends are refused/);
      // All that was acked can be read and acked.
      const consumer = client.consumer({ group: 'g', topic });
      const messages = consumer[Symbol.asyncIterator]();
      const seen: number[] = [];
      while (seen.length < acked.size) {
        const { value: message } = await messages.next();
        seen.push(message?.offset ?? -1);
        await message?.ack();
      }
      // A patient sender waits, and needs nobody's help once there is room.
      const patient = smallProducer(client);
      const waiting = patient.send({ topic, body: 'patient' });
      disk.makeRoom();
      expect((await waiting).status).toBe('SEND_OK');
      // Nor does a reader lose what it acked meanwhile.
      await consumer.close();
      await sendNumbers(client, topic, 900_000, 900_050);
      await host.next('warning', /room on the disk again/);
      const { queueStates } = await client.admin().describeTopic(topic);
      await client.close();
      expect(await host.stop()).toBe('0');
      expect(host.events.filter(({ event }) => event === 'fatal')).toEqual([]);

      const again = await start({ flush });
      const after = await again.client.admin().describeTopic(topic);
      expect(after.queueStates).toEqual(queueStates);
      const stored = await readSome(again.client, topic, queueStates[0]?.maxOffset ?? 0);
      const byOffset = new Map(stored.map((message) => [message.offset, numberOf(message)]));
      for (const [number, receipt] of acked) {
        expect(byOffset.get(receipt.offset)).toBe(number);
      }
      expect(stored.map(({ offset }) => offset)).toEqual(stored.map((_message, i) => i));
      const rest = await readSome(again.client, topic, stored.length - seen.length, 'g');
      expect(rest[0]?.offset).toBe(seen.length);
    },
  );

  it('order holds through the refusal, and nothing is stored twice', async () => {
    const topic = `${TOPIC}-in-order`;
    const { client } = await start();
    await client.admin().createTopic({ topic, queues: 1 });
    await sendNumbers(client, topic, 0, 100);
    disk.fill();
    const producer = smallProducer(client);
    const sends = Array.from({ length: 1500 }, (_x, i) => producer.send({ topic, body: bodyOf(100 + i) }));
    const prober = smallProducer(client, 100);
    expect((await sendUntilRefused(prober, topic, new Map())).code).toBe('DISK_FULL');
    const probes = await client.admin().describeTopic(topic);
    disk.makeRoom();
    await Promise.all(sends);
    const end = (await client.admin().describeTopic(topic)).queueStates[0]?.maxOffset as number;
    expect(end).toBeGreaterThanOrEqual(1600);
    expect(probes.queueStates[0]?.maxOffset).toBeLessThan(end);
    const stored = await readSome(client, topic, end);
    const ours = stored.filter((message) => message.bodyLength === 1000).map(numberOf);
    expect(ours).toEqual(Array.from({ length: 1600 }, (_x, i) => i));
  });

  it('less room than minFreeBytes refuses sends before the disk is full', async () => {
    const topic = `${TOPIC}-nearly`;
    const { host, client } = await start({ minFreeBytes: 4 * MIB });
    await client.admin().createTopic({ topic, queues: 1 });
    await sendNumbers(client, topic, 0, 10);
    disk.fill(2 * MIB);
    await host.next('warning', /less than 4194304 bytes are free on the disk: sends are refused/);
    const acked = new Map<number, Receipt>();
    expect((await sendUntilRefused(smallProducer(client, 300), topic, acked)).code).toBe('DISK_FULL');
    expect(await readSome(client, topic, 10 + acked.size)).toHaveLength(10 + acked.size);
    // The room that is kept is for what the broker has to say, and for what groups commit.
    if (name === 'a mounted disk') {
      await client.admin().createTopic({ topic: `${topic}-more`, queues: 1 });
      await client.admin().deleteTopic(`${topic}-more`);
    }
    const waiting = smallProducer(client).send({ topic, body: 'patient' });
    disk.makeRoom();
    expect((await waiting).offset).toBeGreaterThanOrEqual(10 + acked.size);
  });

  it('topics, groups and users are refused, a commit is kept, and all of it works once there is room', async () => {
    const topic = `${TOPIC}-control`;
    const { host, client } = await start();
    const admin = client.admin();
    await admin.createTopic({ topic, queues: 1 });
    await sendNumbers(client, topic, 0, 20);
    await admin.createUser({ user: 'shop', password: 'p' });
    const right = { to: 'shop', right: 'publish', resource: 'topic:more' } as const;
    const users = await admin.listUsers();
    disk.fill();
    await sendUntilRefused(smallProducer(client, 300), topic, new Map());
    const refused = [
      admin.createTopic({ topic: `${topic}-more`, queues: 1 }),
      admin.createGroup({ group: 'made' }),
      admin.deleteTopic(topic),
      admin.createUser({ user: 'late', password: 'p' }),
      admin.setPassword('shop', 'another'),
      admin.deleteUser('shop'),
      admin.createRole({ role: 'readers' }),
      admin.grant(right),
      admin.setLimits('shop', { bytesPerSecond: 10_000 }),
    ];
    expect((await Promise.all(refused.map(failureOf))).map(({ code }) => code)).toEqual(
      refused.map(() => 'DISK_FULL'),
    );
    // Nothing of it is done by half.
    expect([await admin.listUsers(), await admin.listRoles()]).toEqual([users, []]);
    const consumer = client.consumer({ group: 'reader', topic });
    let read = 0;
    for await (const message of consumer) {
      await message.ack();
      if (++read === 10) {
        break;
      }
    }
    disk.makeRoom();
    await host.next('warning', /room on the disk again/);
    await admin.createTopic({ topic: `${topic}-more`, queues: 1 });
    await admin.createGroup({ group: 'made' });
    await admin.grant(right);
    await admin.createUser({ user: 'late', password: 'p' });
    await host.stop('SIGKILL');
    await client.close().catch(() => {});
    const again = await start();
    expect((await again.client.admin().describeTopic(`${topic}-more`)).queues).toBe(1);
    const { queues } = await again.client.admin().describeGroup('reader');
    expect(queues[0]?.committedOffset).toBe(10);
    expect((await again.client.admin().describeGroup('made')).members).toBe(0);
    expect((await again.client.admin().listUsers()).map(({ user, grants }) => [user, grants.length])).toEqual(
      [
        ['late', 0],
        ['shop', 1],
      ],
    );
  });

  it('pub says so in one line', async () => {
    const topic = `${TOPIC}-pub`;
    const { host, client } = await start();
    await client.admin().createTopic({ topic, queues: 1 });
    disk.fill();
    await sendUntilRefused(smallProducer(client, 200), topic, new Map());
    const pub = await runCli(['--url', host.url, 'pub', topic, '--timeout', '15s'], { input: 'a\nb\n' });
    expect(pub.stderr).toMatch(/^DISK_FULL: 2 written messages were not stored: .+; .+\n$/);
    expect([pub.status, pub.stdout.toString()]).toEqual([1, '']);
  });

  it('what a group acked is said not to be on disk, and a close without room says why it failed', async () => {
    const topic = `${TOPIC}-close`;
    const { host, client } = await start();
    await client.admin().createTopic({ topic, queues: 1 });
    await sendNumbers(client, topic, 0, 10);
    disk.fill();
    await sendUntilRefused(smallProducer(client, 300), topic, new Map());
    // Room that is left in the last block of a file of meta/ is used up first.
    for (
      let group = 0;
      !host.events.some(({ message = '' }) => /what consumer groups ack/.test(message));
      group++
    ) {
      const consumer = client.consumer({ group: `g${group}-${'x'.repeat(100)}`, topic });
      for await (const message of consumer) {
        await message.ack();
        break;
      }
    }
    await client.close();
    expect(await host.stop()).toBe('1');
    expect(await host.next('failed')).toMatchObject({ code: 'DISK_FULL' });
    expect(host.events.filter(({ event }) => event === 'fatal')).toEqual([]);
    disk.makeRoom();
    const again = await start();
    expect(await readSome(again.client, topic, 10)).toHaveLength(10);
  });

  it('opening fails with one clear error, and works once there is room', async () => {
    const { client, host } = await start();
    const { queueStates } = await client.admin().describeTopic(`${TOPIC}-in-order`);
    await client.close();
    await host.stop();
    disk.fill();
    const full = new HostProcess({ ...SMALL, dataDir }, disk.env);
    expect(await full.next('failed')).toMatchObject({ code: 'DISK_FULL' });
    expect((await full.next('exit')).code).toBe('1');
    const broker = await runCli(['broker', '--data', dataDir, '--listen', '127.0.0.1:0'], { env: disk.env });
    expect(broker.stderr).toMatch(/^DISK_FULL: .+; .+\n$/);
    expect(broker.status).toBe(1);
    disk.makeRoom();
    const again = await start();
    const after = await again.client.admin().describeTopic(`${TOPIC}-in-order`);
    expect(after.queueStates).toEqual(queueStates);
    expect((await failureOf(again.client.admin().describeTopic('nowhere'))).code).toBe('TOPIC_NOT_FOUND');
  });
});
