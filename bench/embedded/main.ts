/**
 * `npm run bench:embedded`: from one thread of a process to another, 100 B messages, RingMQ's memory topic
 * beside what a program would use without it. Options: `--rounds N` (3, interleaved), `--only NAME,…` (RingMQ
 * always runs), `--json FILE`.
 */
import { writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { describeEnvironment } from '../environment.js';
import { readFlags } from '../flags.js';
import { formatQuantity } from '../quantity.js';
import { spread } from '../statistics.js';
import { compareWays, type EmbeddedRun, type WayFigures } from './figures.js';
import { type EmbeddedWay, RINGMQ, WAYS } from './rows.js';
import { BODY_BYTES } from './shape.js';

const HELP = `npm run bench:embedded -- [options]: from one thread of a process to another, beside what a program would use without RingMQ

  --rounds N      rounds, interleaved (3)
  --only NAME,…   these ways; RingMQ always runs
  --json FILE     writes the figures`;

const { values: flags } = readFlags(HELP, {
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});

function chooseWays(): EmbeddedWay[] {
  if (flags.only === undefined) {
    return [...WAYS];
  }
  const wanted = flags.only.split(',');
  return WAYS.filter(({ name }) => name === RINGMQ || wanted.includes(name));
}

async function measureAll(ways: readonly EmbeddedWay[], rounds: number): Promise<WayFigures[]> {
  const figures = ways.map(({ name, title, target }) => {
    const found: WayFigures = { name, title, target: target ?? null, rounds: [] };
    return found;
  });
  for (let round = 1; round <= rounds; round++) {
    for (const [i, way] of ways.entries()) {
      process.stderr.write(`round ${round}: ${way.name} …\n`);
      const rate = await way.measure();
      if (rate !== null) {
        figures[i]?.rounds.push(rate);
      }
    }
  }
  return figures;
}

function render(run: EmbeddedRun): string {
  const table = new Table({
    head: ['way', 'messages', 'spread', 'RingMQ /', 'target', ''],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
  });
  for (const way of compareWays(run.ways, RINGMQ)) {
    const range = spread(way.rounds);
    table.push([
      way.title,
      formatQuantity(way.messagesPerSecond, 'messages/s'),
      range === null ? '' : `${(range * 100).toFixed(0)} %`,
      way.ratio === null ? '' : way.ratio.toFixed(2),
      way.target === null ? '' : `≥ ${way.target}`,
      way.rounds.length === 0
        ? 'not available'
        : way.reached === null
          ? ''
          : way.reached
            ? 'reached'
            : 'MISSED',
    ]);
  }
  const { commit, cpu, cores, node, date } = run.environment;
  return `commit ${commit}, ${cores} x ${cpu}, Node ${node}, ${date}\n${table.toString()}\n`;
}

const ways = await measureAll(chooseWays(), Number(flags.rounds));
const run: EmbeddedRun = { environment: describeEnvironment(), bodyBytes: BODY_BYTES, ways };
process.stdout.write(render(run));
if (flags.json !== undefined) {
  writeFileSync(flags.json, `${JSON.stringify(run, null, 2)}\n`);
}
