/**
 * `npm run test:mutants`: makes each change of the table in a copy of the built code, and shows that the test
 * named there fails by it, and passes without. Prints `ok` or `not ok` for each; ends with 1 if one was not
 * caught.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { etcdPath } from '../cluster/find-etcd.js';
import { MUTANTS, type Mutant } from './mutants.js';

const TOP = fileURLToPath(new URL('../../..', import.meta.url));
/** A mutant may hang a test, which has failed then, and leaves no report. */
const TEST_MS = 120_000;

/** One test as vitest's report has it. */
interface Assertion {
  fullName: string;
  status: string;
}

/** The package as it was built, without its sources. */
function copyOfBuild(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ringmq-mutants-'));
  for (const name of ['dist', 'package.json', 'docs', 'deploy']) {
    cpSync(join(TOP, name), join(directory, name), { recursive: true });
  }
  symlinkSync(join(TOP, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(
    join(directory, 'vitest.config.mjs'),
    "export default { test: { include: ['dist/test/**/*.test.js'], pool: 'forks', testTimeout: 30_000 } };\n",
  );
  return directory;
}

/** What became of the tests whose title is meant. */
function statuses(directory: string, { test, title, env }: Mutant): string[] {
  const report = join(directory, 'report.json');
  rmSync(report, { force: true });
  spawnSync(
    process.execPath,
    [
      join(TOP, 'node_modules', 'vitest', 'vitest.mjs'),
      ...['run', `dist/test/${test}`, '--root', directory, '-t', title],
      ...['--reporter=json', `--outputFile=${report}`],
    ],
    { cwd: directory, env: { ...process.env, ...env }, stdio: 'ignore', timeout: TEST_MS },
  );
  if (!existsSync(report)) {
    return ['failed'];
  }
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { assertionResults: Assertion[] }[];
  };
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(
      ({ fullName, status }) => fullName.includes(title) && status !== 'skipped' && status !== 'pending',
    )
    .map(({ status }) => status);
}

/** Null: it was caught, and the test is right without it. Else why not. */
function whyMissed(directory: string, mutant: Mutant): string | null {
  const path = join(directory, 'dist', mutant.file);
  const before = readFileSync(path, 'utf8');
  if (before.split(mutant.find).length !== 2) {
    return `${mutant.file} does not have it once: ${mutant.find}`;
  }
  const well = statuses(directory, mutant);
  if (well.length === 0 || well.some((status) => status !== 'passed')) {
    return `${mutant.test}, "${mutant.title}", does not pass without it: ${well.join(', ') || 'there is none'}`;
  }
  writeFileSync(
    path,
    before.replace(mutant.find, () => mutant.replace),
  );
  try {
    return statuses(directory, mutant).includes('failed') ? null : `${mutant.test} did not find it`;
  } finally {
    writeFileSync(path, before);
  }
}

const only = process.argv[2] ?? '';
const directory = copyOfBuild();
let missed = 0;
try {
  for (const mutant of MUTANTS.filter(({ name }) => name.includes(only))) {
    if (mutant.needsEtcd && etcdPath() === null) {
      process.stdout.write(`left out for want of etcd: ${mutant.name}\n`);
      continue;
    }
    const why = whyMissed(directory, mutant);
    missed += why === null ? 0 : 1;
    process.stdout.write(
      why === null ? `ok ${mutant.name}: ${mutant.test}\n` : `not ok ${mutant.name}: ${why}\n`,
    );
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = missed === 0 ? 0 : 1;
