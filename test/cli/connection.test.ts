import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Command } from 'commander';
import { beforeEach, expect, it } from 'vitest';
import { openBroker } from '../../broker/index.js';
import { openClient } from '../../cli/connection.js';
import { chooseCredentials } from '../../cli/credentials.js';
import { describeFailure } from '../../cli/failure.js';
import { makeDirectory, removeDirectory, SMALL } from '../faults/small-broker.js';

// As whom the last command of this process came counts for the next connection.
beforeEach(() => chooseCredentials(new Command()));

it('a host that accepts and never answers is a broker that cannot be reached', async () => {
  const accepted: Socket[] = [];
  const silent = createServer((socket) => {
    accepted.push(socket);
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const failure = await openClient(`ws://127.0.0.1:${port}`, { connectTimeoutMs: 100 }).catch(
    (error: unknown) => error,
  );
  expect(describeFailure(failure)).toMatch(
    /^CONNECT_FAILED: .+ within 100 ms: .+; start one with `ringmq broker`/,
  );
  for (const socket of accepted) {
    socket.destroy();
  }
  silent.close();
  await once(silent, 'close');
});

it('a broker that is there and says nothing for a while is waited for', async () => {
  const dataDir = makeDirectory();
  const broker = await openBroker({ ...SMALL, dataDir });
  const { port } = await broker.listen({ port: 0 });
  const accepted: Socket[] = [];
  const slow = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    // Who comes first is not answered within the time of a command.
    if (accepted.length > 1) {
      const on = connect(port, '127.0.0.1');
      on.on('error', () => socket.destroy());
      socket.pipe(on).pipe(socket);
    }
  }).listen(0, '127.0.0.1');
  await once(slow, 'listening');
  const client = await openClient(`ws://127.0.0.1:${(slow.address() as AddressInfo).port}`);
  expect(client.broker.listener).toMatch(/ws/);
  await client.close();
  for (const socket of accepted) {
    socket.destroy();
  }
  slow.close();
  await once(slow, 'close');
  await broker.close();
  removeDirectory(dataDir);
});
