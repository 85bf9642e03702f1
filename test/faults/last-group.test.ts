/** What was acked as on disk last, before a crash, is covered too: damage in it is damage, and no append that did not finish. */
import { cpSync, rmSync, truncateSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NodeDisk } from '../../engine/disk/index.js';
import { FLUSHED_MARK, readMark } from '../../engine/log/index.js';
import { connect } from '../../native-free/client/index.js';
import { runCli } from '../cli/cli-process.js';
import { HostProcess } from './host-process.js';
import { flipBit, mapLog, type StoredBatch, segmentOf } from './log-map.js';
import { makeDirectory, readSome, removeDirectory, SMALL, withBroker } from './small-broker.js';

const COUNT = 70;
let directory: string;
let pristine: string;
let last: StoredBatch;
let rounds = 0;

/** Killed when its log had been quiet for a moment: no checkpoint, and no header behind the last group. */
beforeAll(async () => {
  directory = makeDirectory();
  pristine = `${directory}/pristine`;
  const host = await HostProcess.start({ ...SMALL, dataDir: pristine, checkpointBytes: 1024 ** 2 });
  const client = await connect(host.url);
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const producer = client.producer();
  for (let i = 0; i < COUNT; i++) {
    await producer.send({ topic: 't', body: String(i).padEnd(1000) });
  }
  // All was acked as on disk, so that the log has its end; the mark follows soon.
  const { end: acked } = mapLog(pristine);
  await vi.waitFor(() => expect(readMark(new NodeDisk(), `${pristine}/log`, FLUSHED_MARK)).toBe(acked), {
    timeout: 100_000,
  });
  await host.stop('SIGKILL');
  await client.close().catch(() => {});
  // One made meanwhile, on a slow machine, would state the watermark as well.
  rmSync(`${pristine}/checkpoint`, { force: true });
  const { batches, end } = mapLog(pristine);
  last = batches.at(-1) as StoredBatch;
  expect(readMark(new NodeDisk(), `${pristine}/log`, FLUSHED_MARK)).toBe(end);
  // It has a file of its own, or the deleted one would take others with it.
  expect(last.position).toBeGreaterThan(SMALL.segmentBytes);
});
afterAll(() => removeDirectory(directory));

describe('the last group before a crash', () => {
  it.each<[string, (data: string) => void]>([
    ['a flipped bit in its body', (data) => flipBit(data, last.position + 200)],
    ['a flipped bit in its header', (data) => flipBit(data, last.position + 40)],
    [
      'a file cut short within it',
      (data) => truncateSync(segmentOf(data, last.position), (last.position % SMALL.segmentBytes) + 128),
    ],
    ['its file removed', (data) => rmSync(segmentOf(data, last.position))],
  ])('%s is told as damage', async (_what, harm) => {
    const data = `${directory}/${++rounds}`;
    cpSync(pristine, data, { recursive: true });
    harm(data);
    const verified = await runCli(['log', 'verify', data]);
    expect(verified.stdout.toString()).not.toMatch(/did not finish/);
    expect([verified.status, verified.stderr]).toEqual([1, expect.stringMatching(/^LOG_CORRUPT: /)]);
    await withBroker(data, async ({ warnings }) => {
      expect(warnings.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/^damage in the log: /),
      );
    });
  });

  it('whole, and with nothing but zeros behind it, is no damage', async () => {
    const data = `${directory}/${++rounds}`;
    cpSync(pristine, data, { recursive: true });
    expect((await runCli(['log', 'verify', data])).status).toBe(0);
    await withBroker(data, async ({ client, warnings }) => {
      expect(warnings).toEqual([]);
      expect(await readSome(client, 't', COUNT)).toHaveLength(COUNT);
    });
  });

  it('without the file that says so, or with one that is garbled, is an append that did not finish', async () => {
    const data = `${directory}/${++rounds}`;
    cpSync(pristine, data, { recursive: true });
    rmSync(`${data}/log/flushed`);
    flipBit(data, last.position + 200);
    const { status, stdout } = await runCli(['log', 'verify', data]);
    expect([status, stdout.toString()]).toEqual([0, expect.stringMatching(/did not finish/)]);
  });
});
