/**
 * `npm run test:hostile [-- --ms 2000 --only TEXT --listener KIND --markdown]`: every attack on a broker of
 * its own, over each listener, as a table. `npm run test:hostile -- --docs`: the table of docs/running.md, of
 * the worst ones for half a second each; some five minutes.
 */
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { ListenerKind } from '../../native-free/listener/types.js';
import { ATTACKS } from './attacks.js';
import { BrokerProcess } from './broker-process.js';
import { TLS_ATTACKS } from './http-attacks.js';
import { KINDS } from './kinds.js';
import { Attacker, besiege, prepare, type SiegeReport } from './siege.js';
import { TOLD } from './worst.js';

const { values } = parseArgs({
  options: {
    ms: { type: 'string' },
    only: { type: 'string' },
    listener: { type: 'string' },
    markdown: { type: 'boolean' },
    docs: { type: 'boolean' },
  },
});
const isForDocs = values.docs === true;
const ms = Number(values.ms ?? (isForDocs ? 500 : 2_000));

const COLUMNS: readonly (readonly [string, (report: SiegeReport) => string | number])[] = [
  ['round trips', ({ roundTrips }) => roundTrips],
  ['p99 ms', ({ p99Ms }) => p99Ms.toFixed(1)],
  ['max ms', ({ maxMs }) => maxMs.toFixed(0)],
  ['machine ms', ({ ownDelayMs }) => ownDelayMs.toFixed(1)],
  ['listener turn ms', ({ listenerTurnMs }) => listenerTurnMs.toFixed(1)],
  ['main turn ms', ({ mainTurnMs }) => mainTurnMs.toFixed(1)],
  ['listener CPU', ({ listenerShare }) => percent(listenerShare)],
  ['main CPU', ({ mainShare }) => percent(mainShare)],
  ['RSS MiB', ({ rssPeakMiB }) => rssPeakMiB],
  ['after MiB', ({ rssAfterMiB }) => rssAfterMiB],
  ['lives', ({ isAlive, failures }) => (isAlive ? (failures.length === 0 ? 'yes' : 'refuses') : 'NO')],
];
const rows: (string | number)[][] = [];
/** Of each attack, by listener. */
const reports = new Map<string, Map<ListenerKind, SiegeReport>>();
const attacker = new Attacker();
const names = isForDocs ? TOLD : Object.keys(ATTACKS);
const all: [string, boolean][] = [
  ...names.map((name): [string, boolean] => [name, false]),
  ...(isForDocs ? [] : Object.keys(TLS_ATTACKS)).map((name): [string, boolean] => [name, true]),
];
for (const [attack, tls] of all) {
  for (const kind of KINDS) {
    if (attack.includes(values.only ?? '') && kind === (values.listener ?? kind)) {
      await measure(attack, kind, tls);
    }
  }
}
await attacker.stop();
print();

async function measure(attack: string, kind: ListenerKind, tls: boolean): Promise<void> {
  const broker = await BrokerProcess.start(kind, ['--queue-metrics'], { tls });
  await prepare(broker);
  const report = await besiege(broker, attacker, attack, ms);
  const row = [attack, kind, ...COLUMNS.map(([, cell]) => cell(report))];
  rows.push(row);
  const ofAttack = reports.get(attack) ?? new Map<ListenerKind, SiegeReport>();
  reports.set(attack, ofAttack.set(kind, report));
  process.stderr.write(`${row.join(' | ')}${[...new Set(report.failures)].slice(0, 3).join('; ')}\n`);
  if (!report.isAlive) {
    process.stderr.write(`${broker.log}\n`);
  }
  await broker.stop();
}

/** One line for each attack: what the client beside it waited, and what the attack took, by listener. */
function printForDocs(): void {
  const columns = KINDS.flatMap((kind) => [`${kind}: p99`, 'listener', 'main', 'memory']);
  const lines = [
    ['attack', ...columns],
    ['---', ...columns.map(() => '---')],
  ];
  for (const [attack, byKind] of reports) {
    const cells = KINDS.flatMap((kind) => {
      const report = byKind.get(kind);
      return report === undefined
        ? ['', '', '', '']
        : [
            report.p99Ms.toFixed(0),
            percent(report.listenerShare),
            percent(report.mainShare),
            String(report.rssPeakMiB),
          ];
    });
    lines.push([attack, ...cells]);
  }
  process.stdout.write(`${lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`);
}

function print(): void {
  if (isForDocs) {
    printForDocs();
    return;
  }
  const head = ['attack', 'listener', ...COLUMNS.map(([name]) => name)];
  if (values.markdown === true) {
    const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
    process.stdout.write(`${lines.join('\n')}\n`);
    return;
  }
  const table = new Table({ head });
  table.push(...rows);
  process.stdout.write(`${table.toString()}\n`);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
