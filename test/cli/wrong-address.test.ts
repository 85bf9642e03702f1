/** Commands that are told an address at which something else answers, or nobody: each says so, and none takes it for an answer. */
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTalker } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Broker, type NameServer, openBroker, openNameServer } from '../../broker/index.js';
import { SMALL } from '../faults/small-broker.js';
import { runHere } from './cli-here.js';
import { makeDirectory, removeDirectory } from './cli-process.js';

const page = createServer((_request, response) => response.end('welcome\n'));
let directory: string;
let broker: Broker;
let nameServer: NameServer;
// One that was free a moment ago may be somebody's by now; this one nobody is given.
const url = { broker: '', nameServer: '', page: '', nobody: 'ws://127.0.0.1:9' };
beforeAll(async () => {
  directory = makeDirectory();
  broker = await openBroker({ ...SMALL, dataDir: directory });
  url.broker = (await broker.listen({ port: 0, listener: 'ws' })).url;
  nameServer = await openNameServer({ port: 0 });
  url.nameServer = nameServer.url;
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  const { port } = page.address() as AddressInfo;
  url.page = `ws://127.0.0.1:${port}`;
});
afterAll(async () => {
  await nameServer?.close();
  await broker?.close();
  page.close();
  removeDirectory(directory);
});

const ABOUT_CLUSTERS = [
  ['cluster', 'status'],
  ['cluster', 'promote', 'a', '--yes'],
  ['check', 'replicas'],
];

it.each(ABOUT_CLUSTERS)('%s %s: nobody is there', async (...args) => {
  const { status, stdout, stderr } = await runHere(['--url', url.nobody, ...args]);
  expect([status, stdout.toString()]).toEqual([1, '']);
  expect(stderr).toMatch(/^CONNECT_FAILED: ws:\S+ could not be reached: connect ECONNREFUSED \S+; .+\n$/);
});

it.each(ABOUT_CLUSTERS)('%s %s: a broker is there, and no name server', async (...args) => {
  const { status, stdout, stderr } = await runHere(['--url', url.broker, ...args]);
  expect([status, stdout.toString()]).toEqual([1, '']);
  expect(stderr).toBe(
    `NOT_SUPPORTED: ${url.broker} is a broker, and what a cluster consists of is known to name servers; name those with --url\n`,
  );
});

it('a cluster without a broker is not well, and has none to promote', async () => {
  const check = await runHere(['--url', url.nameServer, 'check', 'replicas']);
  expect([check.status, check.stderr]).toEqual([
    1,
    expect.stringMatching(/^CHECK_FAILED: no broker is known/),
  ]);
  const promote = await runHere(['--url', url.nameServer, 'cluster', 'promote', 'a', '--yes']);
  expect([promote.status, promote.stderr]).toEqual([
    2,
    expect.stringContaining('there is no a in this cluster; it has no broker'),
  ]);
});

it('check alive says of who speaks something else what to look at, and nothing of how bytes are read', async () => {
  const talker = createTalker((socket) => {
    socket.on('error', () => {});
    socket.write('-ERR unknown command\r\n');
  });
  await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve));
  const { port } = talker.address() as AddressInfo;
  const [plain, secure] = await Promise.all(
    ['ws', 'wss'].map((scheme) =>
      runHere(['--url', `${scheme}://127.0.0.1:${port}`, 'check', 'alive', '--timeout', '60s']),
    ),
  );
  talker.close();
  expect([plain?.status, plain?.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^CHECK_FAILED: \S+ is not well: .+ is no broker or name server of RingMQ; check the address .+\n$/,
    ),
  ]);
  expect([secure?.status, secure?.stderr]).toEqual([
    1,
    expect.stringMatching(
      /^CHECK_FAILED: \S+ is not well: what answers there speaks no TLS, .+; check the address .+\n$/,
    ),
  ]);
});

it.each(['alive', 'ready'])('check %s takes no other server for one of ours', async (what) => {
  const { status, stdout, stderr } = await runHere(['--url', url.page, 'check', what, '--timeout', '60s']);
  expect([status, stdout.toString()]).toEqual([1, '']);
  expect(stderr).toMatch(/^CHECK_FAILED: .+ is no broker or name server of RingMQ/);
  expect(await runHere(['--url', url.nameServer, 'check', what, '--timeout', '60s'])).toMatchObject({
    status: 0,
    stderr: '',
  });
});
