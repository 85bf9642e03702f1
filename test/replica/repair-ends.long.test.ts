/** Real processes that are killed in the middle of a repair: what is acked stays, and the next start finishes it. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { verifyData } from '../../engine/data/verify-data.js';
import { POINTS } from './end-at.js';
import { clientOf, node } from './kept-nodes.js';
import { makesTopic, type Node, until } from './nodes.js';
import { batches, spoil } from './repair-pair.js';

const MESSAGES = 4_000;
const MIB = 1024 * 1024;
/** Where the repair of a body differs from that of a header: the queues have it, as its header is whole. */
const NEEDS_HEADER = new Set<string>(['stale']);

it('a master and a slave, killed at every point of a repair, finish it', { timeout: 240_000 }, async () => {
  const [a, s] = [node('a'), node('a-slave')];
  const startA = (env = {}): Promise<Node> => a.start(['--replication', 'sync'], env);
  const startS = (env = {}): Promise<Node> =>
    s.start(['--role', 'slave', '--master', a.url, '--replication', 'sync'], env);
  await startA();
  await startS();
  const client = await clientOf(a.url);
  await until(() => makesTopic(client));
  const producer = client.producer({ sendTimeoutMs: 60_000 });
  const body = new Uint8Array(500).fill(7);
  for (let i = 0; i < MESSAGES; i++) {
    producer.write({ topic: 't', body, keys: [`k${i}`] });
    if (i % 100 === 99) {
      await producer.flush();
    }
  }
  const places = [
    { side: a, restart: startA, place: { dataDir: a.dir, segmentBytes: 4 * MIB } },
    { side: s, restart: startS, place: { dataDir: s.dir, segmentBytes: 2 * MIB } },
  ] as const;
  for (const [i, point] of POINTS.entries()) {
    const { side, restart, place } = places[i % 2] as (typeof places)[number];
    await side.kill('SIGTERM');
    const { position } = batches(place)[2 * i + 3] as { position: number };
    spoil(place, position, i % 3 === 0 || NEEDS_HEADER.has(point) ? 'header' : 'body');
    rmSync(join(place.dataDir, 'queues', 'tables'), { force: true });
    expect([point, (await verifyData(place.dataDir)).findings.length > 0]).toEqual([point, true]);
    const env = { TEST_END_AT: point, NODE_OPTIONS: `--import ${new URL('./end-at.js', import.meta.url)}` };
    // It may be killed before it serves.
    await restart(env).catch(() => undefined);
    expect([point, await side.ended]).toEqual([point, 'SIGKILL']);
    await restart();
    // Nothing is left to be done but what a master's next start does.
    await until(() => [a, s].every(({ dir }) => !existsSync(join(dir, 'repair'))));
    await until(() => !existsSync(join(s.dir, 'rebuild')));
  }
  await s.kill('SIGTERM');
  await a.kill('SIGTERM');
  for (const { place } of places) {
    expect(await verifyData(place.dataDir)).toMatchObject({ findings: [], unlisted: 0 });
  }
  await startA();
  await startS();
  const keys = new Set<string>();
  for await (const message of client.consumer({ group: 'all', topic: 't' })) {
    keys.add(message.keys[0] as string);
    if (keys.size === MESSAGES) {
      break;
    }
  }
});
