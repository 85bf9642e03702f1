/** `ringmq sub` where no broker is that could take it in. */
import { expect, it } from 'vitest';
import { openNameServer } from '../../broker/index.js';
import { runCli } from './cli-process.js';

it.concurrent.each([['--group', 'g'], ['--peek']])(
  'ends by --idle-exit, and has failed: %s',
  async (...args) => {
    const nameServer = await openNameServer({ port: 0 });
    const { status, stdout, stderr } = await runCli([
      ...['--url', nameServer.url, 'sub', 't', '--idle-exit', '100ms', ...args],
    ]);
    await nameServer.close();
    expect([status, stdout.toString()]).toEqual([1, '']);
    expect(stderr).toMatch(/^TIMEOUT: nothing could be read within 30 s .+; look whether .+\n$/m);
  },
);
