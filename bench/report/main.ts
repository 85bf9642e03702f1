/** `npm run bench:report`: an HTML page with plots and a page in Markdown from the JSON files of measured runs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags } from '../flags.js';
import { renderHtml } from './html.js';
import { readInputs } from './inputs.js';
import { renderMarkdown } from './markdown.js';
import { makeReport } from './model.js';

const RESULTS = fileURLToPath(new URL('../../../bench/results', import.meta.url));
const DOCS = fileURLToPath(new URL('../../../docs/benchmarks.md', import.meta.url));

const HELP = `npm run bench:report -- [options] [FILE…]: one HTML page with plots, and a page in Markdown, from the JSON files of measured runs

  --in FILE       a file or folder of results, repeatable (bench/results)
  --html FILE     where the page with plots goes (bench/results/report.html)
  --markdown FILE where the page in Markdown goes (bench/results/report.md)
  --docs          writes docs/benchmarks.md, the page that is kept with the source`;

const { values: flags, positionals } = readFlags(HELP, {
  allowPositionals: true,
  options: {
    in: { type: 'string', multiple: true },
    html: { type: 'string' },
    markdown: { type: 'string' },
    docs: { type: 'boolean', default: false },
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
  // The page that is kept with the source is of a whole run, so it is written when asked for and not by the
  // way.
  const markdown = flags.markdown ?? (flags.docs ? DOCS : `${RESULTS}/report.md`);
  write(markdown, renderMarkdown(report, 'npm run bench:report -- --docs'));
}

try {
  main();
} catch (error) {
  process.stderr.write(`bench:report: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
