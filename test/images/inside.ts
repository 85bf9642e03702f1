/** The part of main.ts that runs in namespaces of its own: `inside.js ROOT WORK [FLAGS]`. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkChart } from './check-chart.js';
import { checkCluster } from './check-cluster.js';
import { checkImage } from './check-image.js';
import { checkMemory } from './check-memory.js';
import { checkPlain } from './check-plain.js';
import { checkUnits } from './check-units.js';
import { must } from './command.js';
import { COMPOSE_MODES } from './compose-cluster.js';
import { Engine } from './engine.js';
import { ADMIN_PASSWORD, BASE_IMAGE, SECRET, STATUS } from './names.js';
import { TestNetwork } from './network.js';
import { Places } from './places.js';
import { Report } from './report.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    mode: { type: 'string' },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    base: { type: 'string' },
  },
});
const [root = '', work = ''] = positionals;
const places = new Places(work);

await must('ip', ['link', 'set', 'lo', 'up']);
await must('mount', ['--make-rprivate', '/']);
mkdirSync(places.secrets, { recursive: true });
for (const [name, text] of [
  ['admin', ADMIN_PASSWORD],
  ['cluster', SECRET],
] as const) {
  const path = join(places.secrets, name);
  writeFileSync(path, `${text}\n`);
  chmodSync(path, 0o444);
}

let engine: Engine;
try {
  engine = await Engine.start(places);
} catch (error) {
  process.stdout.write(
    `left out: images and containers, as no container engine can be started here: ${String(error)}\n`,
  );
  process.exit(STATUS.noEngine);
}
const report = new Report();
const wants = (part: string): boolean => (values.only ?? part) === part;
await engine.docker(['import', places.baseTar, BASE_IMAGE], { timeoutMs: 300_000 });
if (await checkImage(report, engine)) {
  if (wants('plain')) {
    await checkPlain(report, engine);
    await checkMemory(report, engine);
  }
  if (wants('chart')) {
    await checkChart(report, root);
    await checkUnits(report, root);
  }
  if (wants('clusters')) {
    const network = await TestNetwork.make(engine);
    for (const mode of COMPOSE_MODES.filter((each) => (values.mode ?? each) === each)) {
      await checkCluster(report, { mode, root, engine, network, isShort: values.short });
    }
  }
}
process.stdout.write(
  `${report.passed} of ${report.passed + report.failed} checks of images and containers passed\n`,
);
process.exitCode = report.failed === 0 ? STATUS.passed : STATUS.failed;
await engine.stop();
