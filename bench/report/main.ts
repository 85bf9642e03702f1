/**
 * `npm run bench:report`: one HTML page with plots and docs/benchmarks.md from the JSON files of measured runs. Options: `--in FILE…`
 * (files or folders, default bench/results/), `--html FILE` (bench/results/report.html), `--markdown FILE` (docs/benchmarks.md).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { renderHtml } from './html.js';
import { readInputs } from './inputs.js';
import { renderMarkdown } from './markdown.js';
import { makeReport } from './model.js';

const RESULTS = fileURLToPath(new URL('../../../bench/results', import.meta.url));
const MARKDOWN = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url));

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    in: { type: 'string', multiple: true },
    html: { type: 'string' },
    markdown: { type: 'string' },
  },
});

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  process.stdout.write(`written: ${path} (${Math.ceil(text.length / 1024)} KiB)\n`);
}

function main(): void {
  // What follows the first file of --in is read as further ones.
  const paths = [...(flags.in ?? []), ...positionals];
  const inputs = readInputs(paths.length === 0 ? [RESULTS] : paths);
  for (const file of inputs.passedOver) {
    process.stderr.write(`passed over: ${file} is none of the suite's\n`);
  }
  if (inputs.sources.length === 0) {
    throw new Error('there is no result to report');
  }
  const report = makeReport(inputs);
  write(flags.html ?? `${RESULTS}/report.html`, renderHtml(report));
  write(flags.markdown ?? MARKDOWN, renderMarkdown(report, 'npm run bench:report'));
}

try {
  main();
} catch (error) {
  process.stderr.write(`bench:report: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
