/** More connections than there are file descriptors: the broker says so, refuses the rest, does not spin, and goes on. */
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../native-free/client/index.js';
import { BrokerProcess, makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { until } from '../replica/nodes.js';
import { LISTENERS } from '../transport/listeners.js';

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

/** Seconds of processor time that a process has used. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

describe.runIf(process.platform === 'linux').each(LISTENERS.map(([kind]) => kind))('over %s', (listener) => {
  it('are refused, and room is used again', async () => {
    const broker = await BrokerProcess.start(
      `${directory}/${listener}`,
      ['--listener', listener, '--listener-threads', '1'],
      0,
      {
        shell: 'ulimit -n 220',
      },
    );
    expect(broker.log).toContain('but this process may open 220 files');
    // Most of those that are not let in are told nothing: they are given up once some stand, and no more come.
    const giveUp = new AbortController();
    const clients: Client[] = [];
    const tries = Array.from({ length: 150 }, () =>
      connect(broker.url, { connectTimeoutMs: 100_000, signal: giveUp.signal }).then(
        (client) => void clients.push(client),
        () => {},
      ),
    );
    await until(() => clients.length > 16);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    giveUp.abort();
    await Promise.all(tries);
    expect(clients.length).toBeLessThan(150);
    await clients[0]?.admin().createTopic({ topic: 't', queues: 1 });
    await clients[0]?.producer().send({ topic: 't', body: 'x' });
    await Promise.all(clients.map((client) => client.close()));
    // Those who say nothing are no connections yet; the listening socket goes on saying that more wait.
    const silent: Socket[] = [];
    for (let i = 0; i < 400; i++) {
      const socket = connectTcp(broker.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n');
      silent.push(socket);
    }
    const [usedBefore, began] = [cpuSeconds(broker.pid), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(cpuSeconds(broker.pid) - usedBefore).toBeLessThan((performance.now() - began) / 1_500);
    for (const socket of silent) {
      socket.destroy();
    }
    let again: Client | undefined;
    while (again === undefined) {
      again = await connect(broker.url).catch(() => undefined);
    }
    await again.producer().send({ topic: 't', body: 'y' });
    await again.close();
    expect(await broker.stop()).toBe(0);
  });
});
