/** However a broker dies under load, the program that it is embedded in is told once, and its close settles. */
import { realpathSync, renameSync, writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { connect } from '../../native-free/client/index.js';
import { makeDirectory, removeDirectory } from '../cli/cli-process.js';
import { InjectedDisk } from '../faults/fault-disk.js';
import { HostProcess } from '../faults/host-process.js';
import { removeWhole } from '../faults/remove-whole.js';
import { SMALL } from '../faults/small-broker.js';

const directory = realpathSync(makeDirectory());
afterAll(() => removeDirectory(directory));
const PRELOAD = new URL('./thread-ender.js', import.meta.url).href;

interface Way {
  readonly env?: Record<string, string>;
  readonly flush?: 'sync' | 'async';
  end(host: HostProcess, dataDir: string): void;
}

function thread(name: string, how: string, flush: 'sync' | 'async' = 'sync'): Way {
  return {
    env: { NODE_OPTIONS: `--import=${PRELOAD}`, RINGMQ_TEST_END: `${name} ${how}` },
    flush,
    end: (host) => host.signal('SIGUSR2'),
  };
}

const disk = new InjectedDisk();
afterAll(() => disk.remove());

const WAYS: readonly [string, string, Way][] = [
  ['its persist thread is terminated', 'DISK_FAILED', thread('ringmq-persist', 'terminated')],
  ['its persist thread throws in a write', 'DISK_FAILED', thread('ringmq-persist', 'throws-in-write')],
  ['its sync thread is terminated', 'DISK_FAILED', thread('ringmq-sync', 'terminated')],
  ['its sync thread throws', 'DISK_FAILED', thread('ringmq-sync', 'throws', 'async')],
  ['its last listener thread is terminated', 'INTERNAL', thread('ringmq-listener', 'terminated')],
  ['its last listener thread throws', 'INTERNAL', thread('ringmq-listener', 'throws')],
  ['its disk fails', 'DISK_FAILED', { env: disk.env, end: () => disk.breakDown() }],
  [
    'its directory is moved away',
    'DATA_DIR_LOST',
    { end: (_host, dataDir) => renameSync(dataDir, `${dataDir}-moved`) },
  ],
  ['its log is removed', 'DATA_DIR_LOST', { end: (_host, dataDir) => removeWhole(`${dataDir}/log`) }],
  [
    'its LOCK is taken by another',
    'DATA_DIR_LOST',
    { end: (_host, dataDir) => writeFileSync(`${dataDir}/LOCK`, '1 1 another-boot fedcba9876543210 - -\n') },
  ],
];

/** Goes on, through whatever happens, until it is stopped. */
async function load(url: string): Promise<() => Promise<void>> {
  const client = await connect(url, { reconnectMaxMs: 50, onWarning: () => {} });
  await client.admin().createTopic({ topic: 't', queues: 2 });
  await client.producer().send({ topic: 't', body: 'first' });
  const producer = client.producer({ sendTimeoutMs: 200 });
  const consumer = client.consumer({ group: 'g', topic: 't' });
  const reading = consumer.run(async () => {}).catch(() => {});
  let isOver = false;
  const goOn = async (): Promise<void> => {
    while (!isOver) {
      await producer.send({ topic: 't', body: 'x'.repeat(500) }).catch(() => {});
      await client
        .admin()
        .createTopic({ topic: 't', queues: 2, ifNotExists: true })
        .catch(() => {});
    }
  };
  const loops = Array.from({ length: 8 }, goOn);
  return async () => {
    isOver = true;
    await client.close({ signal: AbortSignal.abort() }).catch(() => {});
    await Promise.all([...loops, reading]);
  };
}

it.concurrent.each(WAYS)('%s: %s', async (name, code, { env, flush = 'sync', end }) => {
  const dataDir = `${env === disk.env ? disk.dir : directory}/${name.replaceAll(' ', '-')}`;
  const host = await HostProcess.start({ ...SMALL, dataDir, flush, flushIntervalMs: 20 }, env ?? {});
  try {
    const stop = await load(host.url);
    end(host, dataDir);
    await host.next('fatal');
    // The work goes on meanwhile, and meets what is over from every side.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await stop();
    const status = await host.stop();
    const told = host.events.filter(({ event }) => event !== 'warning');
    expect(told).toMatchObject([
      { event: 'ready' },
      { event: 'fatal', code },
      { event: 'closed' },
      { event: 'exit' },
    ]);
    expect(status).toBe('0');
  } finally {
    host.signal('SIGKILL');
  }
});
