/**
 * The worst attack of each kind for a moment, one after the other on one broker of each listener: it lives,
 * stays within its memory, and serves a client that means well. `npm run test:hostile` has all attacks, gives
 * each a broker of its own and more time, and prints what it measured.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerProcess } from './broker-process.js';
import { KINDS } from './kinds.js';
import { Attacker, besiege, prepare } from './siege.js';
import { WORST } from './worst.js';

/** What it may come to have here: some 200 MiB of its own, and what its clients may make it hold. */
const MAX_RSS_MIB = 800;
/** On a machine that has other work too; alone it is below 100 ms. */
const MAX_P99_MS = 3_000;
const ATTACK_MS = 50;
const BOUNDS = ['--max-partial-size', '64MiB', '--max-unread-size', '64MiB', '--message-timeout', '5s'];

describe.each(KINDS)('a broker with the listener %s', (kind) => {
  const attacker = new Attacker();
  let broker: BrokerProcess;

  beforeAll(async () => {
    broker = await BrokerProcess.start(kind, BOUNDS);
    await prepare(broker);
  });
  afterAll(async () => {
    await attacker.stop();
    await broker.stop();
  });

  // By turns over one listener and the other: each attack over both takes its time.
  const attacks = WORST.filter((_, i) => KINDS[i % KINDS.length] === kind);
  test.each(attacks)('withstands: %s', async (attack) => {
    const report = await besiege(broker, attacker, attack, ATTACK_MS);
    expect({ ...report, log: broker.log }).toMatchObject({ isAlive: true, failures: [] });
    expect(report.roundTrips).toBeGreaterThan(0);
    expect(report.p99Ms).toBeLessThan(MAX_P99_MS);
    expect(report.rssPeakMiB).toBeLessThan(MAX_RSS_MIB);
  });
});
