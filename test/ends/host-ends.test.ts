/** Hosts of a broker with open sockets that end without closing it: the status asked for, and no abort. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { chooseListener } from '../../transport/choose-listener.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';

const HOST = fileURLToPath(new URL('./ending-host.js', import.meta.url));

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

async function statusOf(how: string, listener: string): Promise<[number | null, string | null]> {
  const child = spawn(process.execPath, [HOST, `${directory}/${how}-${listener}`, how, listener], {
    stdio: 'ignore',
  });
  return (await once(child, 'exit')) as [number | null, string | null];
}

const LISTENERS =
  process.env.RINGMQ_LISTENER === 'ws' || chooseListener('auto').kind === 'ws' ? ['ws'] : ['uws', 'ws'];

describe.each(LISTENERS)('with open sockets of %s', (listener) => {
  it.concurrent.each([
    ['exits', 7],
    ['throws', 1],
    ['rejects', 1],
    ['worker-exits', 9],
    ['worker-throws', 9],
  ])('a host that %s has status %d', async (how, status) => {
    expect(await statusOf(how, listener)).toEqual([status, null]);
  });
});

it('a worker that opened a broker can be terminated', async () => {
  expect(await statusOf('worker-terminated', 'auto')).toEqual([9, null]);
});
