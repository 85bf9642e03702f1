/** The command as part of a pipe: a file goes in, the broker is killed while it does and after, the same file comes out. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { BrokerProcess, makeDirectory, removeDirectory, runCli, startCli } from './cli-process.js';

const LINES = 200_000;

/** Resolves once the topic has messages. */
async function hasStored(url: string, topic: string): Promise<void> {
  const client = await connect(url);
  try {
    const admin = client.admin();
    for (;;) {
      const { queueStates } = await admin.describeTopic(topic);
      if (queueStates.some(({ maxOffset }) => maxOffset > 0)) {
        return;
      }
    }
  } finally {
    await client.close();
  }
}

it.each(['sync', 'async'])('a file survives SIGKILL under %s flush, byte for byte', async (flush) => {
  const directory = makeDirectory();
  const file = Buffer.from(Array.from({ length: LINES }, (_, i) => `${i} ${'x'.repeat(i % 97)}\n`).join(''));
  const flags = ['--flush', flush];
  let broker = await BrokerProcess.start(`${directory}/data`, flags);
  const { url, port } = broker;
  try {
    await runCli(['--url', url, 'topic', 'create', 'lines', '--queues', '1']);
    const pub = startCli(['--url', url, 'pub', 'lines']);
    const published = once(pub, 'close');
    pub.stdin?.on('error', () => {});
    pub.stdin?.write(file.subarray(0, file.length / 2));
    await hasStored(url, 'lines');
    await broker.kill();
    broker = await BrokerProcess.start(`${directory}/data`, flags, port);
    pub.stdin?.end(file.subarray(file.length / 2));
    expect((await published)[0]).toBe(0);
    await broker.kill();
    broker = await BrokerProcess.start(`${directory}/data`, flags, port);
    const read = await runCli(['--url', url, 'sub', 'lines', '--group', 'g', '--count', String(LINES)]);
    expect(read.status).toBe(0);
    expect(read.stdout.equals(file)).toBe(true);
  } finally {
    await broker.stop();
    removeDirectory(directory);
  }
});
