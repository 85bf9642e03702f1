import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { openClient } from '../../cli/connection.js';
import { describeFailure } from '../../cli/failure.js';

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
