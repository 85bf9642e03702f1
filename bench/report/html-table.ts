/** Tables as HTML, with a bar for each rate where they are a workload's. */
import type { ReportResult } from './inputs.js';
import { RINGMQ, systemColours } from './systems.js';
import type { Column, Table } from './tables.js';
import type { WorkloadGroup } from './workloads.js';

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Rows longer than that may wrap. */
const WIDE_CHARACTERS = 44;

export function renderHtmlTable(table: Table, group?: WorkloadGroup): string {
  const { caption, columns, rows } = table;
  const wide = columns.map((_, i) => rows.some((row) => (row[i] ?? '').length > WIDE_CHARACTERS));
  const barAt = group === undefined ? -1 : columns.findIndex(({ align }) => align === 'right');
  const heads = columns.map((column, i) => head(column) + (i === barAt ? '<th></th>' : ''));
  const body = rows.map((row, r) => {
    const cells = row.map((cell, i) => {
      const result = group?.results[r];
      const bar = i === barAt && group !== undefined && result !== undefined ? barCell(result, group) : '';
      return dataCell(cell, columns[i], wide[i] === true) + bar;
    });
    const isOwn = group?.results[r]?.system === RINGMQ;
    return `<tr${isOwn ? ' class="own"' : ''}>${cells.join('')}</tr>`;
  });
  return [
    '<div class="scroll"><table>',
    caption === undefined ? '' : `<caption>${escapeHtml(caption)}</caption>`,
    `<thead><tr>${heads.join('')}</tr></thead>`,
    `<tbody>${body.join('\n')}</tbody>`,
    '</table></div>',
  ].join('\n');
}

function head({ title, align }: Column): string {
  return `<th${align === 'right' ? ' class="right"' : ''}>${escapeHtml(title)}</th>`;
}

function dataCell(cell: string, column: Column | undefined, isWide: boolean): string {
  const text = escapeHtml(cell);
  if (column?.kind === 'status') {
    const state = cell === 'reached' || cell === 'missed' ? cell : 'unmeasured';
    return `<td>${cell === '' ? '' : `<span class="${state}">${text}</span>`}</td>`;
  }
  const classes = [column?.align === 'right' ? 'right' : '', isWide ? 'wide' : ''].filter(Boolean).join(' ');
  const content = column?.kind === 'code' && cell !== '' ? `<code>${text}</code>` : text;
  return `<td${classes === '' ? '' : ` class="${classes}"`}>${content}</td>`;
}

/** As long as the rate is of the highest of the group; over it, from the lowest to the highest round. */
function barCell({ system, messagesPerSecond, rounds = [] }: ReportResult, group: WorkloadGroup): string {
  const most = Math.max(...group.results.flatMap((one) => [one.messagesPerSecond, ...(one.rounds ?? [])]));
  const share = (rate: number): string => ((100 * rate) / most).toFixed(2);
  const [light, dark] = systemColours(system);
  const bar = `<i style="width:${share(messagesPerSecond)}%;--l:${light};--d:${dark}"></i>`;
  const low = Math.min(...rounds);
  const range =
    rounds.length < 2 ? '' : `<b style="left:${share(low)}%;width:${share(Math.max(...rounds) - low)}%"></b>`;
  return `<td class="barcell"><div class="bar">${bar}${range}</div></td>`;
}
