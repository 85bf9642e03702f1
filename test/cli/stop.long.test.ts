/** How `ringmq broker` is stopped from outside: signals, twice, under load, and by the end of the npm that started it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../native-free/client/index.js';
import { BrokerProcess, CLI, makeDirectory, removeDirectory } from './cli-process.js';

const directory = makeDirectory();
afterAll(() => removeDirectory(directory));

/** Writes as fast as the broker takes it, until the connection goes; gives the number of acked messages. */
function load(client: Client, topic: string): () => number {
  let acked = 0;
  let isOver = false;
  const producer = client.producer({ sendTimeoutMs: 60_000 });
  const goOn = async (): Promise<void> => {
    while (!isOver) {
      await producer.sendBatch(Array.from({ length: 100 }, () => ({ topic, body: 'x'.repeat(200) }))).then(
        () => {
          acked += 100;
        },
        () => {
          isOver = true;
        },
      );
    }
  };
  for (let i = 0; i < 16; i++) {
    void goOn();
  }
  return () => acked;
}

describe('a signal', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s under load drains, and what was acked is there',
    async (signal) => {
      const dataDir = `${directory}/${signal}`;
      const broker = await BrokerProcess.start(dataDir);
      const client = await connect(broker.url, { reconnectMaxMs: 100 });
      await client.admin().createTopic({ topic: 't', queues: 2 });
      const acked = load(client, 't');
      while (acked() < 2_000) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(await broker.stop(signal)).toBe(0);
      expect(broker.log).toContain(`stopping: ${signal}`);
      expect(broker.log).not.toContain('is not waited for');
      await client.close({ signal: AbortSignal.timeout(100) }).catch(() => {});
      const again = await BrokerProcess.start(dataDir);
      const reader = await connect(again.url);
      const { queueStates } = await reader.admin().describeTopic('t');
      const stored = queueStates.reduce((sum, queue) => sum + queue.maxOffset, 0);
      expect(stored).toBeGreaterThanOrEqual(acked());
      await reader.close();
      expect(await again.stop()).toBe(0);
    },
  );

  it('twice in a row is one stop', async () => {
    const broker = await BrokerProcess.start(`${directory}/twice`);
    process.kill(broker.pid, 'SIGTERM');
    expect(await broker.stop('SIGINT')).toBe(0);
    const again = await BrokerProcess.start(`${directory}/twice`);
    expect(await again.stop()).toBe(0);
  });
});

describe('started by npm', () => {
  /** A shell between, as npm has it, that ends without passing a signal on. Resolves with the broker's end of stdout. */
  async function startBelowShell(
    name: string,
  ): Promise<{ shell: number; closed: Promise<unknown>; pid: number; url: string }> {
    const command = `"${process.execPath}" "${CLI}" broker --data "${directory}/${name}" --listen 127.0.0.1:0; true`;
    const shell = spawn('/bin/sh', ['-c', command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, npm_execpath: '/usr/lib/npm-cli.js', npm_lifecycle_event: 'npx' },
    });
    const closed = once(shell, 'close');
    let pid = 0;
    shell.stderr.setEncoding('utf8').on('data', (text: string) => {
      pid ||= Number(/"pid":(\d+)/.exec(text)?.[1] ?? 0);
    });
    const [line] = (await once(createInterface({ input: shell.stdout }), 'line')) as [string];
    return { shell: shell.pid as number, closed, pid, url: line.replace('ready ', '') };
  }

  it('it stops when npm has gone, and the shell between them has not', async () => {
    const command = `"${process.execPath}" "${CLI}" broker --data "${directory}/killed" --listen 127.0.0.1:0; true`;
    // Stands for npm: it starts a shell, and is killed.
    const npm = spawn(
      process.execPath,
      [
        '-e',
        `require('child_process').spawn('/bin/sh', ['-c', process.argv[1]], { stdio: 'inherit' })`,
        command,
      ],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, npm_execpath: '/usr/lib/npm-cli.js' },
      },
    );
    const closed = once(npm, 'close');
    await once(createInterface({ input: npm.stdout }), 'line');
    npm.kill('SIGKILL');
    await closed;
    const again = await BrokerProcess.start(`${directory}/killed`);
    expect(await again.stop()).toBe(0);
  });

  it('it stops when npm has gone, under load, and what was acked is there', async () => {
    const { shell, closed, url } = await startBelowShell('npm');
    const client = await connect(url, { reconnectMaxMs: 100 });
    await client.admin().createTopic({ topic: 't', queues: 2 });
    const acked = load(client, 't');
    while (acked() < 2_000) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    process.kill(shell, 'SIGTERM');
    // The pipes close once the broker, which has them too, has ended.
    await closed;
    await client.close({ signal: AbortSignal.timeout(100) }).catch(() => {});
    const again = await BrokerProcess.start(`${directory}/npm`);
    const reader = await connect(again.url);
    const { queueStates } = await reader.admin().describeTopic('t');
    expect(queueStates.reduce((sum, queue) => sum + queue.maxOffset, 0)).toBeGreaterThanOrEqual(acked());
    await reader.close();
    expect(await again.stop()).toBe(0);
  });
});
