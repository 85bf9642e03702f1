/** A slave far behind its master shows how it gets on, and ends with that when it is near. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CatchUp } from '../../broker/follower/catch-up.js';
import type { ReplicationEvent } from '../../broker/follower/follow.js';
import { openBroker } from '../../broker/index.js';
import { CatchUpView } from '../../cli/catch-up-view.js';
import { byteBars } from '../../cli/progress.js';
import { SMALL } from '../cluster/small-rings.js';
import { keep } from '../kept.js';
import { tempDir } from '../meta/temp-dir.js';

const MIB = 1024 * 1024;

describe('what is told of catching up', () => {
  it('nothing of a slave that is near', () => {
    const near = new CatchUp(0);
    expect(near.heard(0, 64 * MIB, 0)).toBeNull();
    expect(near.held(0, 1)).toBeNull();
  });

  it('where it began, its rate, and that it is near', () => {
    const far = new CatchUp(0);
    expect(far.heard(MIB, 200 * MIB, 0)).toBeNull();
    expect(far.heard(51 * MIB, 150 * MIB, 500)).toEqual({
      ...{ begin: MIB, position: 51 * MIB, end: 201 * MIB, bytesPerSecond: 100 * MIB },
    });
    expect(far.heard(151 * MIB, 60 * MIB, 1500)).toEqual({
      ...{ isNear: true, begin: MIB, position: 151 * MIB, ms: 1500 },
    });
    expect(far.heard(151 * MIB, 60 * MIB, 2500)).toBeNull();
  });

  it('goes on over the next connection from where it began, and counts no time without one into the rate', () => {
    const far = new CatchUp(0);
    far.heard(0, 300 * MIB, 0);
    far.heard(100 * MIB, 200 * MIB, 1_000);
    expect(far.held(100 * MIB, 2_000)).toMatchObject({ isNear: false, position: 100 * MIB });
    expect(far.held(100 * MIB, 3_000)).toBeNull();
    const report = { begin: 0, position: 100 * MIB, bytesPerSecond: 100 * MIB };
    expect(far.heard(100 * MIB, 200 * MIB, 60_000)).toMatchObject(report);
  });

  it('of a slave that is held back, far is what takes more than two seconds', () => {
    const heldBack = new CatchUp(MIB);
    heldBack.heard(0, 4 * MIB, 0);
    expect(heldBack.heard(MIB, 3 * MIB, 1_000)).toMatchObject({ bytesPerSecond: MIB });
    expect(heldBack.heard(2 * MIB, 2 * MIB, 2_000)).toMatchObject({ isNear: true });
  });
});

describe('how it is shown', () => {
  const progress = {
    ...{ event: 'catchingUp' as const, begin: MIB, position: 51 * MIB, end: 201 * MIB },
    ...{ behindBytes: 150 * MIB, bytesPerSecond: 25 * MIB },
  };
  const end = { event: 'catchUpEnded' as const, isNear: true, begin: MIB, position: 201 * MIB, ms: 65_000 };

  it('without a terminal as a line every five seconds', () => {
    const lines: { details: object; message: string }[] = [];
    let now = 0;
    const log = { info: (details: object, message: string) => void lines.push({ details, message }) };
    const view = new CatchUpView(log, null, () => now);
    for (; now <= 10_000; now += 1_000) {
      expect(view.take(progress)).toBe(true);
    }
    view.take(end);
    expect(view.take({ event: 'lost', code: 'CONNECTION_LOST', message: 'x' })).toBe(false);
    const line = 'catching up: 25 %, 50.0 MiB of 200 MiB, 25.0 MiB/s, 6 s left';
    expect(lines.map(({ message }) => message)).toEqual([
      ...[line, line, line],
      'caught up: 200 MiB in 1 min 5 s',
    ]);
    expect(lines[0]?.details).toEqual({
      ...{ event: 'catchingUp', percent: 25, doneBytes: 50 * MIB, behindBytes: 150 * MIB },
      ...{ bytesPerSecond: 25 * MIB, leftMs: 6_000 },
    });
  });

  it('on a terminal as a bar, which is gone when it is near, or the link', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
    const lines: string[] = [];
    const log = { info: (_details: object, message: string) => void lines.push(message) };
    const view = new CatchUpView(log, await byteBars(terminal, 'catching up'));
    view.take(progress);
    expect(view.isDrawn).toBe(true);
    expect(lines).toEqual([]);
    expect(String(terminal.read())).toMatch(
      /catching up .+ 25% · 50\.0 MiB of 200 MiB · 25\.0 MiB\/s · 6 s left/,
    );
    view.take({ ...end, isNear: false });
    expect(view.isDrawn).toBe(false);
    expect(lines).toEqual([]);
    view.take(progress);
    view.take(end);
    expect(view.isDrawn).toBe(false);
    expect(lines).toEqual(['caught up: 200 MiB in 1 min 5 s']);
    view.stop();
    view.take(progress);
    expect(view.isDrawn).toBe(false);
  });
});

it('a new slave that fetches slowly tells of it from its first byte on, until it is near or ends', async () => {
  const options = { ...SMALL, flush: 'async' as const, brokerSet: 'a' };
  const master = keep(await openBroker({ ...options, dataDir: tempDir(), name: 'a' }));
  const { url } = await master.listen({ port: 0, listener: 'ws' });
  const client = master.client();
  await client.admin().createTopic({ topic: 't', queues: 1 });
  const producer = client.producer();
  const body = new Uint8Array(64 * 1024);
  for (let i = 0; i < 6 * 16; i++) {
    if (!producer.write({ topic: 't', body })) {
      await producer.ready();
    }
  }
  await producer.flush();
  const { endPosition } = master.stats().log;
  const lines: string[] = [];
  const view = new CatchUpView({ info: (_details, message) => void lines.push(message) }, null);
  const events: ReplicationEvent[] = [];
  let onProgress = (): void => {};
  const progress = new Promise<void>((resolve) => {
    onProgress = resolve;
  });
  const slave = await openBroker({
    ...options,
    ...{ dataDir: tempDir(), name: 'a-slave', role: 'slave', master: url },
    // After the first half MiB it fetches nothing for two minutes, which a close does not wait for.
    catchUpRateBytes: 4096,
    onReplication: (event) => {
      events.push(event);
      if (view.take(event)) {
        onProgress();
      }
    },
  });
  await progress;
  await slave.close();
  const [first] = events.filter(({ event }) => event === 'catchingUp') as [
    ReplicationEvent & { event: 'catchingUp' },
  ];
  expect(first).toMatchObject({ begin: 0, end: endPosition });
  expect(first.end - first.position).toBe(first.behindBytes);
  expect(events.at(-1)).toMatchObject({ event: 'catchUpEnded', isNear: false, begin: 0 });
  expect(lines[0]).toMatch(/^catching up: \d+(\.\d)? %, /);
});
