/** `npm run test:hostile [-- --ms 2000 --only TEXT]`: every attack on a broker of its own, over each listener, as a table. */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { ATTACKS, WIDE_TOPIC } from './attacks.js';
import { BrokerProcess } from './broker-process.js';
import { KINDS } from './kinds.js';
import { Attacker, besiege, prepare } from './siege.js';

const { values } = parseArgs({
  options: { ms: { type: 'string' }, only: { type: 'string' }, listener: { type: 'string' } },
});
const ms = Number(values.ms ?? 2_000);
const table = new Table({
  head: ['attack', 'listener', 'round trips', 'p99 ms', 'max ms', 'RSS MiB', 'lives'],
});
const attacker = new Attacker();
for (const attack of Object.keys(ATTACKS)) {
  if (values.only !== undefined && !attack.includes(values.only)) {
    continue;
  }
  for (const kind of KINDS) {
    if (values.listener !== undefined && kind !== values.listener) {
      continue;
    }
    const broker = await BrokerProcess.start(kind);
    await prepare(broker, WIDE_TOPIC);
    const report = await besiege(broker, attacker, attack, ms);
    table.push([
      attack,
      kind,
      report.roundTrips,
      report.p99Ms.toFixed(1),
      report.maxMs.toFixed(0),
      report.rssPeakMiB,
      report.isAlive ? 'yes' : 'NO',
    ]);
    process.stderr.write(
      `${attack}, ${kind}: p99 ${report.p99Ms.toFixed(1)} ms, max ${report.maxMs.toFixed(0)} ms, ${report.rssPeakMiB} MiB, ${report.roundTrips}\n`,
    );
    await broker.stop();
  }
}
await attacker.stop();
process.stdout.write(`${table.toString()}\n`);
