/** A restart reads what was written since the last checkpoint, however much there is. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type OpenData, openData } from '../../engine/data/open-data.js';
import { lockDataDir, NodeDisk } from '../../engine/disk/index.js';
import { readCheckpoint } from '../../engine/log/index.js';
import { resolveEngineOptions } from '../../engine/options.js';
import { connect } from '../../native-free/client/index.js';
import { HostProcess } from './host-process.js';
import { mapLog } from './log-map.js';
import { makeDirectory, readSome, removeDirectory, SMALL, sendNumbers, withBroker } from './small-broker.js';

const TOPIC = 'orders';
const COUNT = 12_000;
/** Sent last, when a checkpoint has all the others. */
const LAST = 1_000;
const SIZES = { ...SMALL, ringBytes: 1024 * 1024, segmentBytes: 1024 * 1024, checkpointBytes: 256 * 1024 };
/** Beside what lies behind the checkpoint: the tables, and a look ahead over the rest of the last segment. */
const READ_BOUND = 2 * SIZES.segmentBytes;

let dataDir: string;
beforeAll(() => {
  dataDir = makeDirectory();
});
afterAll(() => removeDirectory(dataDir));

function checkpointPosition(): number {
  return readCheckpoint(new NodeDisk(), dataDir)?.position ?? 0;
}

/** What a broker would open, and how many bytes it reads for that. */
async function openAndClose(): Promise<{ data: OpenData; read: number }> {
  const lock = await lockDataDir(dataDir);
  const before = bytesRead();
  const data = openData(resolveEngineOptions({ ...SIZES, dataDir }), lock.dir);
  const read = bytesRead() - before;
  lock.release();
  return { data, read };
}

/** Bytes this process has read from files, if the system says so. */
function bytesRead(): number {
  const path = '/proc/self/io';
  return existsSync(path) ? Number(/^rchar: (\d+)$/m.exec(readFileSync(path, 'utf8'))?.[1]) : 0;
}

it('is bounded by the checkpoint, after a kill, too', async () => {
  const host = await HostProcess.start({ ...SIZES, dataDir, flush: 'async' });
  const client = await connect(host.url);
  await client.admin().createTopic({ topic: TOPIC, queues: 1 });
  await sendNumbers(client, TOPIC, 0, COUNT - LAST);
  const most = (COUNT - LAST) * 1000 - SIZES.checkpointBytes;
  await vi.waitFor(() => expect(checkpointPosition()).toBeGreaterThan(most), { timeout: 100_000 });
  await sendNumbers(client, TOPIC, COUNT - LAST, COUNT);
  await host.stop('SIGKILL');
  await client.close().catch(() => {});

  const position = checkpointPosition();
  const { end } = mapLog(dataDir, SIZES.segmentBytes);
  expect(end).toBeGreaterThan(7 * SIZES.segmentBytes);

  const { data, read } = await openAndClose();
  expect(data.rebuilt).toBe(false);
  expect(data.recovery).toMatchObject({ endPosition: end, damage: [] });
  expect(read).toBeLessThan(end - position + READ_BOUND);
  await withBroker(
    dataDir,
    async (small) => expect(await readSome(small.client, TOPIC, COUNT)).toHaveLength(COUNT),
    SIZES,
  );
});

it('reads next to nothing after a clean end', async () => {
  const { end } = mapLog(dataDir, SIZES.segmentBytes);
  expect(checkpointPosition()).toBe(end);
  expect((await openAndClose()).read).toBeLessThan(READ_BOUND);
});
