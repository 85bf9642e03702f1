/** How `ringmq sub` ends: when its broker goes away between print and commit, and after a long silence. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { connect } from '../../native-free/client/index.js';
import { SUBPROTOCOL } from '../../native-free/wire/index.js';
import { stampedBatch } from '../client/batches.js';
import { ScriptedBroker } from '../client/scripted-broker.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from './cli-process.js';

it('fails when what it printed could not be committed', async () => {
  const broker = new ScriptedBroker();
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => SUBPROTOCOL });
  server.on('connection', async (socket) => {
    const link = await broker.factory(new AbortController().signal);
    link.onFrame = (frame) => socket.send(frame);
    socket.on('message', (data) => link.send(new Uint8Array(data as Buffer)));
  });
  broker.methods['join'] = (params, link) => {
    const consumer = Number(params['consumer']);
    void broker
      .until(() => link.credits.length > 0)
      .then(() => {
        link.event(consumer, { event: 'assign', queues: [{ queueId: 0, generation: 1, offset: 0 }] });
        link.deliver(consumer, [stampedBatch([{ topic: 't', body: 'one' }])]);
      });
    return { memberId: 'm-1', topic: broker.topics.get('t') };
  };
  broker.methods['commit'] = () => {
    for (const socket of server.clients) {
      socket.terminate();
    }
    server.close();
  };
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { status, stdout, stderr } = await runCli(['--url', url, 'sub', 't', '--group', 'g', '--count', '1']);
  expect(stdout.toString()).toBe('one\n');
  expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^CONNECTION_LOST: .+$/);
  expect(status).toBe(1);
});

it('--idle-exit of a month is a month', async () => {
  const directory = makeDirectory();
  const broker = await BrokerProcess.start(`${directory}/month`);
  const client = await connect(broker.url);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const sub = startCli([
    '--url',
    broker.url,
    'sub',
    't',
    '--group',
    'g',
    '--idle-exit',
    '30d',
    '--count',
    '1',
  ]);
  let stderr = '';
  sub.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(sub, 'close');
  const members = async (): Promise<number> =>
    (await client.admin().listGroups()).find(({ group }) => group === 'g')?.members ?? 0;
  await expect.poll(members).toBe(1);
  // Long enough for a timer that overflowed to have gone off.
  await new Promise((resolve) => setTimeout(resolve, 100));
  await client.producer().send({ topic: 't', body: 'late' });
  const lines: Buffer[] = [];
  sub.stdout?.on('data', (chunk: Buffer) => lines.push(chunk));
  const [status] = (await ended) as [number];
  expect({ status, stdout: Buffer.concat(lines).toString() }).toEqual({ status: 0, stdout: 'late\n' });
  expect(stderr).not.toContain('Warning');
  await client.close();
  await broker.stop();
  removeDirectory(directory);
});
