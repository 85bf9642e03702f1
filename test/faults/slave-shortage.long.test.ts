/** A slave that has no room, or no descriptor, while it catches up: it says so, does not end, does not spin, and goes on by itself. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EngineOptions } from '../../engine/options.js';
import { type Client, connect } from '../../native-free/client/index.js';
import { until } from '../replica/nodes.js';
import { InjectedDisk } from './fault-disk.js';
import { HostProcess } from './host-process.js';
import {
  makeDirectory,
  openSmall,
  removeDirectory,
  SMALL,
  type SmallBroker,
  sendNumbers,
} from './small-broker.js';

const TOPIC = 'orders';
/** Several frames of a slave that catches up: what it is held back by is between them. */
const MESSAGES = 2_000;
let disk: InjectedDisk;
let masterDir: string;
let master: SmallBroker;
let slave: HostProcess | null = null;
let client: Client | null = null;

beforeEach(async () => {
  disk = new InjectedDisk();
  masterDir = makeDirectory();
  master = await openSmall(masterDir, { brokerSet: 'a', name: 'm' });
  await master.client.admin().createTopic({ topic: TOPIC, queues: 1 });
  await sendNumbers(master.client, TOPIC, 0, MESSAGES);
});
afterEach(async () => {
  await client?.close().catch(() => {});
  client = null;
  await slave?.stop('SIGKILL');
  slave = null;
  await master.close();
  removeDirectory(masterDir);
  disk.remove();
});

/** Seconds of processor time that a process has used. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function follow(options: EngineOptions = {}): Promise<HostProcess> {
  const { url } = await master.broker.listen({ port: 0, listener: 'ws', threads: 1 });
  const follows = { role: 'slave', master: url, brokerSet: 'a', name: 's' } as const;
  const host = new HostProcess({ ...SMALL, ...follows, dataDir: `${disk.dir}/data`, ...options }, disk.env);
  slave = host;
  await host.next('ready');
  return host;
}

async function untilItHas(host: HostProcess, count: number): Promise<void> {
  await client?.close();
  const reader = await connect(host.url);
  client = reader;
  await until(async () => {
    const described = await reader
      .admin()
      .describeTopic(TOPIC)
      .catch(() => null);
    return described?.queueStates[0]?.maxOffset === count;
  });
}

/** It rests within a while: there is a second of which it has used little. One that spins has none. */
async function expectNoSpin({ pid }: HostProcess): Promise<void> {
  if (process.platform === 'linux') {
    let used = Number.POSITIVE_INFINITY;
    while (used >= 0.8) {
      const [before, begun] = [cpuSeconds(pid), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      used = (cpuSeconds(pid) - before) / ((performance.now() - begun) / 1_000);
    }
  }
}

describe.each([
  ['room', /for want of room|disk is full/, (): void => disk.fill()],
  ['descriptors', /for want of room or descriptors|no file descriptor/, (): void => disk.useUpDescriptors()],
])('%s', (_what, said, takeAway) => {
  it('from the beginning of its catching up', async () => {
    const host = await follow({ catchUpRateBytes: 300_000 });
    takeAway();
    await host.next('warning', said);
    await expectNoSpin(host);
    disk.makeRoom();
    await untilItHas(host, MESSAGES);
    expect(host.events.filter(({ event }) => event === 'fatal')).toEqual([]);
    expect(await host.stop()).toBe('0');
  });

  it('while it follows', async () => {
    const host = await follow();
    await untilItHas(host, MESSAGES);
    takeAway();
    await sendNumbers(master.client, TOPIC, MESSAGES, 3 * MESSAGES);
    await host.next('warning', said);
    await expectNoSpin(host);
    disk.makeRoom();
    await untilItHas(host, 3 * MESSAGES);
    expect(host.events.filter(({ event }) => event === 'fatal')).toEqual([]);
    expect(await host.stop()).toBe('0');
  });
});
