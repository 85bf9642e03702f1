import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import type { Listener } from '../../native-free/listener/types.js';
import { chooseListener, realReason } from '../../transport/choose-listener.js';
import { connectTo, LISTENERS, messageOf } from './listeners.js';

async function startThread(port: number, joinPort: boolean): Promise<{ worker: Worker; port: number }> {
  const worker = new Worker(new URL('./echo-worker.js', import.meta.url), { workerData: { port, joinPort } });
  const [bound] = (await once(worker, 'message')) as [number];
  return { worker, port: bound };
}

const KINDS = LISTENERS.map(([kind]) => kind);

test.each(KINDS.filter((kind) => kind === 'uws'))(
  '%s threads share a port, and each can stop while the others serve',
  async () => {
    const first = await startThread(0, false);
    const second = await startThread(first.port, true);
    const address = { port: first.port } as Listener;
    const seen = new Set<number>();
    // The kernel spreads connections by a hash of their ports: both are met after a few.
    for (let i = 0; i < 200 && seen.size < 2; i++) {
      const client = await connectTo(address);
      client.send(Buffer.alloc(1));
      seen.add((await messageOf(client))[0] as number);
      client.terminate();
    }
    // They answer with a byte.
    const [firstId, secondId] = [first, second].map(({ worker }) => worker.threadId % 256);
    expect(seen).toEqual(new Set([firstId, secondId]));
    const gone = once(first.worker, 'exit');
    first.worker.postMessage('close');
    expect(await gone).toEqual([0]);
    const client = await connectTo(address);
    client.send(Buffer.alloc(1));
    expect((await messageOf(client))[0]).toBe(secondId);
    client.terminate();
    second.worker.postMessage('close');
    expect(await once(second.worker, 'exit')).toEqual([0]);
  },
);

test.each(KINDS)('the choice of listener says why: %s', (kind) => {
  expect(chooseListener(kind)).toMatchObject({ kind, sharesPort: kind === 'uws', reason: 'asked for' });
});

test('left to choose, it takes one and says why', () => {
  const auto = chooseListener('auto');
  expect(auto.reason).not.toBe('');
  expect(['uws', 'ws']).toContain(auto.kind);
});

test.each([
  [
    "This version of uWS.js supports only some versions of Node.js.\n\nError: /lib/libc.so.6: version `GLIBC_2.38' not found (required by uws.node)",
    /^its build for Node \d+ needs a newer C library, GLIBC_2.38, than this system has$/,
  ],
  [
    "This version of uWS.js supports only some versions of Node.js.\n\nError: Cannot find module './uws_linux_s390x_115.node'\nRequire stack:\n- /app/uws.js",
    /^it has no build for Node .+ on .+$/,
  ],
  ['invalid ELF header', /^invalid ELF header$/],
])('that it does not load is told with what happened here: %j', (message, told) => {
  expect(realReason(new Error(message))).toMatch(told);
});
