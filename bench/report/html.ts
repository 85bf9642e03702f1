/** The report as one page that needs nothing else: style, script, uPlot and data are in it. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { escapeHtml, renderHtmlTable } from './html-table.js';
import { PAGE_STYLE } from './page-style.js';
import type { Plot } from './plots.js';
import type { Block, Report } from './sections.js';

export function renderHtml(report: Report): string {
  const plots: Plot[] = [];
  const sections = report.sections.map(({ id, title, text, blocks }) =>
    [
      `<section id="${escapeHtml(id)}"><h2>${escapeHtml(title)}</h2>`,
      ...text.map(renderParagraph),
      ...blocks.map((block) => renderBlock(block, plots)),
      '</section>',
    ].join('\n'),
  );
  const links = report.sections.map(
    ({ id, title }) => `<a href="#${escapeHtml(id)}">${escapeHtml(title)}</a>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>RingMQ: ${escapeHtml(report.title)}</title>
<link rel="icon" href="data:,">
<style>${readPackageFile('uplot/dist/uPlot.min.css')}</style>
<style>${PAGE_STYLE}</style>
</head>
<body>
<h1>RingMQ: ${escapeHtml(report.title)}</h1>
${report.intro.map(renderParagraph).join('\n')}
<nav>${links.join('\n')}</nav>
${sections.join('\n')}
<script id="plots-data" type="application/json">${embedJson(plots)}</script>
<script>${embedScript(readPackageFile('uplot/dist/uPlot.iife.min.js'))}</script>
<script type="module">${embedScript(readPageScript())}</script>
</body>
</html>
`;
}

/** Of Markdown it has backticks alone. */
function renderParagraph(text: string): string {
  return `<p>${escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`;
}

function renderBlock({ table, group, plots = [] }: Block, all: Plot[]): string {
  const parts: string[] = [];
  if (plots.length > 0) {
    parts.push(`<div class="plots">${plots.map((plot) => figure(plot, all)).join('\n')}</div>`);
  }
  if (table !== undefined) {
    parts.push(renderHtmlTable(table, group));
  }
  return parts.join('\n');
}

function figure(plot: Plot, all: Plot[]): string {
  const index = all.push(plot) - 1;
  return `<figure data-plot="${index}"><h3>${escapeHtml(plot.title)}</h3><figcaption>${escapeHtml(plot.note)}</figcaption><div class="place"></div><p class="source">${escapeHtml(plot.source)}</p></figure>`;
}

/** Within a script element, `<` may begin its end. */
function embedJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

function embedScript(text: string): string {
  return text.replaceAll(/<\/script/gi, '<\\/script').replace(/\/\/# sourceMappingURL=.*$/m, '');
}

function readPackageFile(name: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(name), 'utf8');
}

/** Built beside this module. */
function readPageScript(): string {
  return readFileSync(new URL('./page-script.js', import.meta.url), 'utf8');
}
