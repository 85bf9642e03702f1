/** Every duration that can be given: its bounds, and that all of them are in the document's table. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { listenOptionsSchema, resolveListenOptions } from '../../broker/listen-options.js';
import { intervalFlag, timeoutFlag, waitFlag } from '../../cli/flags.js';
import { engineOptionsSchema, resolveEngineOptions } from '../../engine/options.js';
import { connect } from '../../native-free/client/index.js';
import { LongTimer, MAX_TIMEOUT_MS } from '../../native-free/time/index.js';
import { isRingMQError } from '../../native-free/wire/index.js';
import { makeDirectory, openSmall, removeDirectory } from '../faults/small-broker.js';

const DAY = 86_400_000;
const TRIED = [0, 1, 24 * DAY, 25 * DAY, 3_650 * DAY] as const;
const ALL = [true, true, true, true, true];
const NOT_0 = [false, true, true, true, true];
const SHORT = [false, true, false, false, false];
const SHORT_OR_0 = [true, true, false, false, false];

/** What is taken of {@link TRIED}; ms. */
const ENGINE: Record<string, boolean[]> = {
  flushIntervalMs: SHORT,
  retentionMs: ALL,
  groupRetentionMs: ALL,
  memoryHoldMs: NOT_0,
};
const CONNECT: Record<string, boolean[]> = {
  requestTimeoutMs: SHORT,
  pingIntervalMs: SHORT_OR_0,
  reconnectMinMs: SHORT,
  reconnectMaxMs: SHORT,
};
const PRODUCER: Record<string, boolean[]> = { lingerMs: SHORT_OR_0, sendTimeoutMs: SHORT };
const CONSUMER: Record<string, boolean[]> = {
  commitIntervalMs: SHORT,
  revokeGraceMs: SHORT_OR_0,
  unackedWarningMs: SHORT_OR_0,
};

function rows(table: Record<string, boolean[]>): [name: string, ms: number, isTaken: boolean][] {
  return Object.entries(table).flatMap(([name, taken]) =>
    TRIED.map((ms, at): [string, number, boolean] => [name, ms, taken[at] as boolean]),
  );
}

function codeOf(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (error) {
    return isRingMQError(error) ? error.code : String(error);
  }
}

const directory = makeDirectory();
const small = await openSmall(directory);
const { url } = await small.broker.listen({ port: 0, threads: 1, listener: 'ws' });
afterAll(async () => {
  await small.close();
  removeDirectory(directory);
});

describe('bounds', () => {
  it.each(rows(ENGINE))('%s of %d ms', (name, ms, isTaken) => {
    expect(codeOf(() => resolveEngineOptions({ [name]: ms }))).toBe(isTaken ? null : 'BAD_CONFIG');
  });

  it('idleTimeoutSeconds', () => {
    for (const seconds of [0, 8, 960]) {
      expect(codeOf(() => resolveListenOptions({ idleTimeoutSeconds: seconds }))).toBeNull();
    }
    for (const seconds of [1, 7, 961, 24 * 86_400, 3_650 * 86_400]) {
      expect(codeOf(() => resolveListenOptions({ idleTimeoutSeconds: seconds }))).toBe('BAD_CONFIG');
    }
  });

  it.each(rows(CONNECT))('%s of %d ms', async (name, ms, isTaken) => {
    const outcome = await connect(url, { [name]: ms }).then(
      (client) =>
        client.close({ signal: AbortSignal.timeout(1_000) }).then(
          () => null,
          () => null,
        ),
      (error: unknown) => (isRingMQError(error) ? error.code : String(error)),
    );
    expect(outcome).toBe(isTaken ? null : 'BAD_ARGUMENT');
  });

  // 0 is for ever; a connection that must stand within 1 ms cannot be tried.
  it.each([24 * DAY, 25 * DAY, 3_650 * DAY])('connectTimeoutMs of %d ms', async (ms) => {
    await expect(connect(url, { connectTimeoutMs: ms })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    });
  });

  it.each(rows(PRODUCER))('%s of %d ms', (name, ms, isTaken) => {
    expect(codeOf(() => small.client.producer({ [name]: ms }))).toBe(isTaken ? null : 'BAD_ARGUMENT');
  });

  it.each(rows(CONSUMER))('%s of %d ms', (name, ms, isTaken) => {
    expect(codeOf(() => small.client.consumer({ group: 'g', topic: 't', [name]: ms }))).toBe(
      isTaken ? null : 'BAD_ARGUMENT',
    );
  });

  it('flags', () => {
    for (const text of ['1ms', '24d', '25d', '3650d']) {
      expect(waitFlag(text)).toBeGreaterThan(0);
    }
    expect(() => waitFlag('0s')).toThrow('at least 1ms');
    expect(timeoutFlag('1d')).toBe(DAY);
    for (const text of ['0s', '24d', '25d', '3650d']) {
      expect(() => timeoutFlag(text)).toThrow('1ms to 1d');
    }
    expect([intervalFlag('100ms'), intervalFlag('1h')]).toEqual([100, 3_600_000]);
    for (const text of ['0', '1ms', '24d', '25d', '3650d']) {
      expect(() => intervalFlag(text)).toThrow('100ms to 1h');
    }
  });

  it('all of them are in the table of the document', () => {
    const document = readFileSync(
      fileURLToPath(new URL('../../../docs/running.md', import.meta.url)),
      'utf8',
    );
    const names = [ENGINE, CONNECT, PRODUCER, CONSUMER].flatMap((table) => Object.keys(table));
    const given = [
      ...Object.keys(engineOptionsSchema.shape),
      ...Object.keys(listenOptionsSchema.shape),
    ].filter((name) => /(Ms|Seconds)$/.test(name));
    for (const name of [
      ...names,
      ...given,
      'connectTimeoutMs',
      'waitMs',
      'maxWaitMs',
      '--idle-exit',
      '--timeout',
      '--watch',
    ]) {
      expect(document, name).toMatch(new RegExp(`^\\|.*\`${name}\`.*\\| .+ \\| .+ \\|`, 'm'));
    }
  });
});

describe('a timer', () => {
  it('longer than Node has is made of several', async () => {
    const startedAt = performance.now();
    await new Promise<void>((resolve) => {
      new LongTimer(35, resolve, 10);
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(34);
  });

  it('of weeks, years and for ever does not go off, and warns of nothing', async () => {
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown) => warnings.push(warning);
    process.on('warning', onWarning);
    const fired: number[] = [];
    const timers = [MAX_TIMEOUT_MS, MAX_TIMEOUT_MS + 1, 25 * DAY, 3_650 * DAY, Number.POSITIVE_INFINITY].map(
      (ms) => new LongTimer(ms, () => fired.push(ms)).unref(),
    );
    await new Promise<void>((resolve) => {
      new LongTimer(20, resolve);
    });
    for (const timer of timers) {
      timer.cancel();
    }
    process.off('warning', onWarning);
    expect(fired).toEqual([]);
    expect(warnings).toEqual([]);
  });
});
